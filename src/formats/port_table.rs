//! The table of port ranges that `netsh interface ipv4 show excludedportrange` prints: its words are in the language of Windows, its rows
//! are numbers.

use crate::model::port::PortRange;

/// Reads the rows: a first and a last port, and perhaps a star for what an administrator has made. None where there is no table: under its
/// head there is always a line of hyphens.
pub fn read(output: &str) -> Option<Vec<PortRange>> {
    let mut lines = output.lines().map(str::trim);
    lines.find(|line| line.contains("--") && line.chars().all(|c| c == '-' || c.is_whitespace()))?;
    let row = |line: &str| {
        let mut words = line.split_whitespace();
        let (first, last) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let is_row = matches!((words.next(), words.next()), (None | Some("*"), None));
        PortRange::new(first, last).ok().filter(|_| is_row)
    };
    Some(lines.filter_map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables() {
        let ranges = |ranges: &[(u16, u16)]| -> Vec<PortRange> {
            ranges.iter().map(|(first, last)| PortRange::new(*first, *last).unwrap()).collect()
        };
        let head = "\r\nProtocol tcp Port Exclusion Ranges\r\n\r\nStart Port    End Port      \r\n----------    --------      \r\n";
        for (output, expected) in [
            (String::new(), None),
            ("The parameter is incorrect. 1 2".to_owned(), None),
            ("      5357        5357".to_owned(), None),
            (head.to_owned(), Some(vec![])),
            (
                format!("{head}      5357        5357      \r\n     50000       50059     *\r\n\r\n* - Administered port exclusions.\r\n"),
                Some(ranges(&[(5357, 5357), (50000, 50059)])),
            ),
            (
                "\nProtokoll tcp-Portausschlussbereiche\n\nStartport  Endport\n---------  -------\n 80  90 *\n 100 99\n 0 5\n 1 2 3\n 70000 70001\n* - 1 2\n"
                    .to_owned(),
                Some(ranges(&[(80, 90)])),
            ),
        ] {
            assert_eq!(read(&output), expected, "{output}");
        }
    }
}
