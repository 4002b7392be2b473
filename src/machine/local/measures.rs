//! What is measured of the running system, and said in words beside its bound. Two questions go over the network: the clock of another
//! machine, and whether one answers.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

use super::drives::Drives;
use crate::formats::sntp::{self, Offset, PACKET_BYTES, SntpError, Timestamp};
use crate::machine::windows_api::{WindowsError, measures as api};
use crate::model::fact::{Observed, Unread};
use crate::model::file::FilePath;
use crate::model::probe::Answer;

/// Where time servers listen.
const TIME_PORT: u16 = 123;
/// How long an answer of another machine is waited for, from each of its addresses.
const PATIENCE: Duration = Duration::from_secs(3);
/// A question over UDP may be lost: it is asked so often.
const QUESTIONS: usize = 2;
/// Of a machine with many addresses so many are tried.
const ADDRESSES: usize = 4;

fn measured(met: bool, found: String) -> Answer {
    Answer::Measured { met, found: found.into() }
}

/// A size in the largest unit of which there is one, cut off behind the first place: never more than there is.
fn size(bytes: u64) -> String {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.into_iter().find(|(_, shift)| bytes >> shift > 0) {
        None => format!("{bytes} B"),
        Some((unit, shift)) => {
            let tenths = (u128::from(bytes) * 10) >> shift;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
    }
}

/// The room on the drive of a path, for this user; of what is not there, on that of the nearest folder above that is.
pub fn free_space(drives: &Drives, path: &FilePath, bytes: u64) -> Observed<Answer> {
    let failed = |detail: String| Unread::Failed { what: format!("the free space at {path}"), detail };
    let full = drives.full_path(path)?;
    let above = |path: &String| path.trim_end_matches('\\').rsplit_once('\\').map(|(above, _)| format!("{above}\\"));
    for folder in std::iter::successors(Some(full), above) {
        match api::free_space(&folder) {
            Ok(free) => return Ok(measured(free >= bytes, size(free))),
            // ERROR_DIRECTORY: a file stands there.
            Err(error) if error.is_absent() || error == WindowsError(267) => {}
            Err(error) => return Err(failed(error.to_string())),
        }
    }
    Err(failed("the drive is not there".into()))
}

pub fn memory(bytes: u64) -> Observed<Answer> {
    let failed = |error: WindowsError| Unread::Failed { what: "the memory".into(), detail: error.to_string() };
    let found = api::memory().map_err(failed)?;
    Ok(measured(found >= bytes, size(found)))
}

pub fn processors(count: u32) -> Observed<Answer> {
    let failed = |error: WindowsError| Unread::Failed { what: "the processors".into(), detail: error.to_string() };
    let found = api::processors().map_err(failed)?;
    Ok(measured(found >= count, if found == 1 { "1 processor".to_owned() } else { format!("{found} processors") }))
}

/// Why another machine told nothing.
#[derive(Debug, thiserror::Error)]
enum NetworkError {
    #[error("its name has no address")]
    NoAddress,
    #[error("its name cannot be resolved")]
    Unresolved(#[source] io::Error),
    #[error("this machine gives no random numbers")]
    Random(#[source] getrandom::Error),
    #[error("it did not answer within {} seconds", PATIENCE.as_secs())]
    Silent,
    #[error(transparent)]
    Io(io::Error),
    #[error(transparent)]
    Sntp(SntpError),
}

impl From<io::Error> for NetworkError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::Silent,
            _ => Self::Io(error),
        }
    }
}

fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, NetworkError> {
    let found: Vec<SocketAddr> =
        (host, port).to_socket_addrs().map_err(NetworkError::Unresolved)?.take(ADDRESSES).collect();
    if found.is_empty() { Err(NetworkError::NoAddress) } else { Ok(found) }
}

/// The first answer of a machine's addresses, else what the last one gave.
fn first<T>(
    addresses: Vec<SocketAddr>,
    ask: impl Fn(SocketAddr) -> Result<T, NetworkError>,
) -> Result<T, NetworkError> {
    let mut last = NetworkError::NoAddress;
    for address in addresses {
        match ask(address) {
            Ok(answer) => return Ok(answer),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// How far this clock is from that of a time server.
pub fn clock_skew(server: &str, seconds: u64) -> Observed<Answer> {
    let found = addresses(server, TIME_PORT).and_then(|all| first(all, |address| ask_time(address, PATIENCE)));
    let Offset { ahead, by } = found.map_err(|error| Unread::Failed {
        what: format!("the clock of {server}"),
        detail: crate::machine::chain(&error),
    })?;
    // The other clock is ahead: this one is behind.
    let side = if ahead { "behind" } else { "ahead" };
    Ok(measured(by <= Duration::from_secs(seconds), format!("{}.{} s {side}", by.as_secs(), by.subsec_millis() / 100)))
}

/// Asks one time server, and again where the question or its answer may be lost.
fn ask_time(server: SocketAddr, patience: Duration) -> Result<Offset, NetworkError> {
    let mut last = NetworkError::Silent;
    for _ in 0..QUESTIONS {
        match ask_time_once(server, patience) {
            Ok(offset) => return Ok(offset),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn ask_time_once(server: SocketAddr, patience: Duration) -> Result<Offset, NetworkError> {
    let any: SocketAddr = if server.is_ipv4() { ([0; 4], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any)?;
    socket.connect(server)?;
    let mut number = [0; 8];
    getrandom::fill(&mut number).map_err(NetworkError::Random)?;
    let number = u64::from_ne_bytes(number);
    // The clock is read once: what it does while the answer is on its way is nobody's offset.
    let sent_at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let clock = Instant::now();
    socket.send(&sntp::question(number))?;
    let mut buffer = [0; 4 * PACKET_BYTES];
    loop {
        let left = patience.checked_sub(clock.elapsed()).filter(|left| !left.is_zero()).ok_or(NetworkError::Silent)?;
        socket.set_read_timeout(Some(left))?;
        let count = socket.recv(&mut buffer)?;
        let received = Timestamp::of(sent_at.saturating_add(clock.elapsed()));
        match sntp::offset(buffer.get(..count).unwrap_or_default(), number, Timestamp::of(sent_at), received) {
            // Somebody else's packet says nothing of this question.
            Err(SntpError::Foreign | SntpError::NoServer | SntpError::Short(_)) => {}
            result => return result.map_err(NetworkError::Sntp),
        }
    }
}

/// Whether a machine takes a connection at a TCP port.
pub fn reachable(host: &str, port: u16) -> Answer {
    let connect = |address: SocketAddr| Ok(TcpStream::connect_timeout(&address, PATIENCE).map(drop)?);
    match addresses(host, port).and_then(|all| first(all, connect)) {
        Ok(()) => measured(true, "it answers".into()),
        Err(error) => measured(false, crate::machine::chain(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_never_rounded_up() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            ((40 << 30) - 1, "39.9 GiB"),
            (40 << 30, "40.0 GiB"),
            (u64::MAX, "16777215.9 TiB"),
        ];
        for (bytes, words) in cases {
            assert_eq!(size(bytes), words);
        }
    }

    /// A server on this machine that answers so many questions, each with a clock that is ahead, and with somebody else's packet before.
    fn server(ahead: u64, answers: usize) -> SocketAddr {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            for _ in 0..answers {
                let mut packet = [0; PACKET_BYTES];
                let (_, from) = socket.recv_from(&mut packet).unwrap();
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
                let seconds = u32::try_from(now.as_secs() + 2_208_988_800 + ahead).unwrap();
                let number: [u8; 8] = *packet.last_chunk().unwrap();
                let mut answer = [0; PACKET_BYTES];
                answer[..2].copy_from_slice(&[0x24, 3]);
                answer[32..36].copy_from_slice(&seconds.to_be_bytes());
                answer[40..44].copy_from_slice(&seconds.to_be_bytes());
                socket.send_to(&answer, from).unwrap();
                answer[24..32].copy_from_slice(&number);
                socket.send_to(&answer, from).unwrap();
            }
        });
        address
    }

    #[test]
    fn a_clock_is_compared() {
        let found = ask_time(server(600, 1), PATIENCE).unwrap();
        assert!(found.ahead && (598..=601).contains(&found.by.as_secs()), "{found:?}");
        let silent = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let found = ask_time(silent.local_addr().unwrap(), Duration::from_millis(100));
        assert!(matches!(found, Err(NetworkError::Silent)), "{found:?}");
    }

    #[test]
    fn who_listens_is_in_reach() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(matches!(reachable("127.0.0.1", port), Answer::Measured { met: true, .. }));
        drop(listener);
        assert!(matches!(reachable("127.0.0.1", port), Answer::Measured { met: false, .. }));
        assert!(matches!(reachable("there.is.no.such.host.invalid", 1), Answer::Measured { met: false, .. }));
    }
}
