//! The ports that RPC servers are given, as three values of one key: `Ports`, `PortsInternetAvailable`, `UseInternetPorts`.
//! Source: Microsoft, *Configure RPC dynamic port allocation with firewalls*. All three or none: a part of them breaks RPC.

use std::str::FromStr as _;

use super::registry_values::{NamedValues, ValueError, ValueWrite};
use crate::model::port::{PortError, PortRange, PortSet};

/// The key of the three values.
pub const KEY: &str = r"HKLM\SOFTWARE\Microsoft\Rpc\Internet";

const PORTS: &str = "Ports";
const AVAILABLE: &str = "PortsInternetAvailable";
const USED: &str = "UseInternetPorts";

/// The names of the values.
pub const VALUES: [&str; 3] = [PORTS, AVAILABLE, USED];

/// What the three values say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RpcPorts {
    /// None of them is there: RPC takes from the system's dynamic ports.
    Unrestricted,
    /// RPC servers are given these ports.
    Only(PortSet),
    /// RPC servers are given all ports but these.
    AllBut(PortSet),
}

/// Why the values say nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcPortsError {
    #[error(transparent)]
    Value(#[from] ValueError),
    #[error("the value {missing} is missing beside the others")]
    Incomplete { missing: &'static str },
    #[error("the value {name} is `{found}`, where Windows knows Y and N")]
    Switch { name: &'static str, found: String },
    #[error("the value {PORTS} names no ports")]
    Ports(#[from] PortError),
}

impl RpcPorts {
    /// Reads the values of the key.
    ///
    /// # Errors
    /// Some of them are missing, or of another form.
    pub fn read(values: &NamedValues<'_>) -> Result<Self, RpcPortsError> {
        if VALUES.iter().all(|name| values.data(name).is_none()) {
            return Ok(Self::Unrestricted);
        }
        if let Some(missing) = VALUES.into_iter().find(|name| values.data(name).is_none()) {
            return Err(RpcPortsError::Incomplete { missing });
        }
        let ranges = values.texts(PORTS)?.unwrap_or_default();
        let ports = ranges.iter().map(|text| PortRange::from_str(text)).collect::<Result<Vec<_>, _>>()?;
        let set = PortSet::from_iter(ports);
        // The list is of ports for servers that ask for the internet's; the other switch says what servers ask for that don't say.
        Ok(if switch(values, AVAILABLE)? == switch(values, USED)? { Self::Only(set) } else { Self::AllBut(set) })
    }

    /// The values to write, and those to remove.
    pub fn writes(&self) -> [ValueWrite; 3] {
        let (ports, used) = match self {
            Self::Unrestricted => return VALUES.map(ValueWrite::remove),
            Self::Only(ports) => (ports, "Y"),
            Self::AllBut(ports) => (ports, "N"),
        };
        let ranges: Vec<String> = ports.ranges().map(|range| range.to_string()).collect();
        [ValueWrite::texts(PORTS, &ranges), ValueWrite::text(AVAILABLE, Some("Y")), ValueWrite::text(USED, Some(used))]
    }
}

fn switch(values: &NamedValues<'_>, name: &'static str) -> Result<bool, RpcPortsError> {
    let found = values.text(name)?.unwrap_or_default();
    match found.as_str() {
        "Y" | "y" => Ok(true),
        "N" | "n" => Ok(false),
        _ => Err(RpcPortsError::Switch { name, found }),
    }
}

impl std::fmt::Display for RpcPorts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unrestricted => f.write_str("the dynamic ports"),
            Self::Only(ports) => write!(f, "{ports}"),
            Self::AllBut(ports) => write!(f, "all but {ports}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::registry_data::RegistryData;

    fn ports(text: &str) -> PortSet {
        text.parse().unwrap()
    }

    fn read(list: &[&str], available: Option<&str>, used: Option<&str>) -> Result<RpcPorts, String> {
        let mut values = vec![(PORTS, RegistryData::multi(list))];
        values.extend(available.map(|text| (AVAILABLE, RegistryData::sz(text))));
        values.extend(used.map(|text| (USED, RegistryData::sz(text))));
        RpcPorts::read(&NamedValues::of(&values)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_three_are_one() {
        for (list, available, used, expected) in [
            (&["5000-5100"][..], Some("Y"), Some("Y"), Ok(RpcPorts::Only(ports("5000-5100")))),
            (&["5000-5100", "5200"], Some("Y"), Some("N"), Ok(RpcPorts::AllBut(ports("5000-5100,5200")))),
            (&["5000-5100"], Some("N"), Some("N"), Ok(RpcPorts::Only(ports("5000-5100")))),
            (&["5000"], Some("Y"), None, Err("the value UseInternetPorts is missing beside the others")),
            (&["5000"], None, Some("Y"), Err("the value PortsInternetAvailable is missing beside the others")),
            (
                &["5000"],
                Some("yes"),
                Some("Y"),
                Err("the value PortsInternetAvailable is `yes`, where Windows knows Y and N"),
            ),
            (&["x"], Some("Y"), Some("Y"), Err("the value Ports names no ports")),
        ] {
            assert_eq!(read(list, available, used), expected.map_err(str::to_owned), "{list:?} {available:?} {used:?}");
        }
        assert_eq!(RpcPorts::read(&NamedValues::default()), Ok(RpcPorts::Unrestricted));
    }

    #[test]
    fn what_is_written_is_read() {
        for wanted in [RpcPorts::Unrestricted, RpcPorts::Only(ports("5000-5100,5200")), RpcPorts::AllBut(ports("1-9"))]
        {
            let writes = wanted.writes();
            let values: Vec<_> = writes.iter().filter_map(|write| Some((write.name, write.data.clone()?))).collect();
            assert_eq!(RpcPorts::read(&NamedValues::of(&values)), Ok(wanted));
        }
    }
}
