//! The numbers by which Microsoft's products tell their releases, and the names under which people know them.
//!
//! Sources: Microsoft Learn, "How to: Determine which .NET Framework versions are installed", "Windows Server release information",
//! "SQL Server: determine the version, edition and update level".

use super::Version;

/// By the least value of `Release`, the version of the .NET Framework.
const FRAMEWORKS: [(u64, &[u64]); 11] = [
    (378_389, &[4, 5]),
    (378_675, &[4, 5, 1]),
    (379_893, &[4, 5, 2]),
    (393_295, &[4, 6]),
    (394_254, &[4, 6, 1]),
    (394_802, &[4, 6, 2]),
    (460_798, &[4, 7]),
    (461_308, &[4, 7, 1]),
    (461_808, &[4, 7, 2]),
    (528_040, &[4, 8]),
    (533_320, &[4, 8, 1]),
];

/// By the first build, the release of a server; builds between two belong to the earlier one, as the annual ones did.
const SERVERS: [(u64, &[u64]); 9] = [
    (6001, &[2008]),
    (7600, &[2008, 2]),
    (9200, &[2012]),
    (9600, &[2012, 2]),
    (14_393, &[2016]),
    (17_763, &[2019]),
    (20_348, &[2022]),
    (25_398, &[2022]),
    (26_100, &[2025]),
];

const CLIENTS: [(u64, &[u64]); 5] = [(7600, &[7]), (9200, &[8]), (9600, &[8, 1]), (10_240, &[10]), (22_000, &[11])];

/// By the first two numbers of its version, the year of an SQL Server.
const SQL_SERVERS: [(&[u64], &[u64]); 9] = [
    (&[10], &[2008]),
    (&[10, 50], &[2008, 2]),
    (&[11], &[2012]),
    (&[12], &[2014]),
    (&[13], &[2016]),
    (&[14], &[2017]),
    (&[15], &[2019]),
    (&[16], &[2022]),
    (&[17], &[2025]),
];

fn at_most(table: &[(u64, &[u64])], number: u64) -> Option<Version> {
    table.iter().rev().find(|(least, _)| *least <= number).map(|(_, release)| Version::new(release))
}

/// The version of the .NET Framework whose `Release` value this is; `None` before 4.5, which has no such value.
pub fn framework_release(release: u64) -> Option<Version> {
    at_most(&FRAMEWORKS, release)
}

/// The release of a Windows by its build: a year for a server (2012 R2 is 2012.2), a number for others.
pub fn windows_release(build: u64, is_server: bool) -> Option<Version> {
    at_most(if is_server { &SERVERS } else { &CLIENTS }, build)
}

/// The year of an SQL Server by its version (2008 R2 is 2008.2).
pub fn sql_server_release(version: &Version) -> Option<Version> {
    let is_of = |(from, _): &&(&[u64], &[u64])| version.numbers().starts_with(from);
    SQL_SERVERS.iter().rev().find(is_of).map(|(_, release)| Version::new(release))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_have_names() {
        let text = |version: Option<Version>| version.map(|version| version.to_string()).unwrap_or_default();
        for (release, version) in [
            (378_388, ""),
            (378_389, "4.5"),
            (393_297, "4.6"),
            (461_814, "4.7.2"),
            (528_040, "4.8"),
            (528_449, "4.8"),
            (533_325, "4.8.1"),
            (u64::from(u32::MAX), "4.8.1"),
        ] {
            assert_eq!(text(framework_release(release)), version, "{release}");
        }
        for (build, server, client) in [
            (3790, "", ""),
            (7601, "2008.2", "7"),
            (9600, "2012.2", "8.1"),
            (16_299, "2016", "10"),
            (17_763, "2019", "10"),
            (20_348, "2022", "10"),
            (26_100, "2025", "11"),
        ] {
            assert_eq!(text(windows_release(build, true)), server, "{build}");
            assert_eq!(text(windows_release(build, false)), client, "{build}");
        }
        for (version, release) in
            [("9.0.1", ""), ("10.0.1600", "2008"), ("10.50.1600", "2008.2"), ("15.0.2000.5", "2019"), ("16", "2022")]
        {
            assert_eq!(text(sql_server_release(&Version::found(version).unwrap())), release, "{version}");
        }
    }

    #[test]
    fn tables_rise() {
        for table in [&FRAMEWORKS[..], &SERVERS, &CLIENTS] {
            assert!(table.is_sorted_by(|a, b| a.0 < b.0));
        }
    }
}
