//! One question to a time server and its answer: how far a clock is from that of another machine. No I/O.
//!
//! Source: RFC 5905, 7.3 (packet header) and 8 (the offset of two clocks). The question carries no time of its own, but a number that
//! nobody can foresee, which the answer repeats.

use std::time::Duration;

/// A packet without extensions, in bytes.
pub const PACKET_BYTES: usize = 48;

/// Seconds from 1900 to 1970.
const EPOCH_SECONDS: u64 = 2_208_988_800;
/// No leap second announced, version 4, client.
const QUESTION: u8 = 0b00_100_011;
const MODE: u8 = 0b111;
const SERVER: u8 = 4;
const LEAP: u8 = 0b1100_0000;
/// The stratum of a clock that is set by nobody.
const UNSET_STRATUM: u8 = 16;

/// A moment as packets have it: seconds since 1900 and their fraction, each in 32 bits, from 2036 on from zero again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp(u64);

/// Why an answer tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SntpError {
    #[error("the answer has {0} bytes, {PACKET_BYTES} at least are needed")]
    Short(usize),
    #[error("it is no answer of a time server")]
    NoServer,
    #[error("it answers somebody else's question")]
    Foreign,
    #[error("the server's own clock is not set")]
    Unset,
}

impl Timestamp {
    /// The moment so long after the beginning of 1970.
    #[must_use]
    pub fn of(since: Duration) -> Self {
        let seconds = since.as_secs().wrapping_add(EPOCH_SECONDS);
        let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
        Self(seconds << 32 | fraction)
    }

    /// How much later this is than the other, in 2^-32 seconds; the nearest of all eras.
    const fn since(self, other: Self) -> i64 {
        self.0.wrapping_sub(other.0).cast_signed()
    }
}

/// The question; `number` tells its answer from others.
#[must_use]
pub fn question(number: u64) -> [u8; PACKET_BYTES] {
    let mut packet = [0; PACKET_BYTES];
    if let Some(first) = packet.first_mut() {
        *first = QUESTION;
    }
    if let Some(last) = packet.last_chunk_mut() {
        *last = number.to_be_bytes();
    }
    packet
}

/// How far the other clock is ahead of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    pub ahead: bool,
    pub by: Duration,
}

/// How far the clock that answered is from the one that read `sent` and `received`, when the question left and when its answer came.
///
/// # Errors
/// It is no answer to the question with this number, or the server says that its own clock is not set.
pub fn offset(answer: &[u8], number: u64, sent: Timestamp, received: Timestamp) -> Result<Offset, SntpError> {
    let packet = answer.first_chunk::<PACKET_BYTES>().ok_or(SntpError::Short(answer.len()))?;
    let [first, stratum, ..] = *packet;
    let moment = |at: usize| packet.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
    let [originate, arrived, left] = [24, 32, 40].map(|at| Timestamp(moment(at).unwrap_or(0)));
    if first & MODE != SERVER {
        return Err(SntpError::NoServer);
    }
    if originate != Timestamp(number) {
        return Err(SntpError::Foreign);
    }
    // A stratum of 0 is the server's wish not to be asked: it tells no time then.
    if first & LEAP == LEAP || stratum == 0 || stratum >= UNSET_STRATUM || left == Timestamp(0) {
        return Err(SntpError::Unset);
    }
    let half = i128::from(arrived.since(sent)) + i128::from(left.since(received));
    let ticks = half / 2;
    let nanoseconds = (ticks.unsigned_abs() * 1_000_000_000) >> 32;
    let by = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
    Ok(Offset { ahead: ticks > 0, by })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBER: u64 = 0x0123_4567_89AB_CDEF;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::of(Duration::from_secs_f64(seconds))
    }

    fn answer(arrived: Timestamp, left: Timestamp) -> [u8; PACKET_BYTES] {
        let mut packet = [0; PACKET_BYTES];
        packet[0] = 0x24;
        packet[1] = 2;
        packet[24..32].copy_from_slice(&NUMBER.to_be_bytes());
        packet[32..40].copy_from_slice(&arrived.0.to_be_bytes());
        packet[40..48].copy_from_slice(&left.0.to_be_bytes());
        packet
    }

    #[test]
    fn moments() {
        // RFC 5905, figure 4: the first day of UNIX.
        assert_eq!(Timestamp::of(Duration::ZERO), Timestamp(2_208_988_800 << 32));
        assert_eq!(at(0.5).0 & 0xFFFF_FFFF, 1 << 31);
        let question = question(NUMBER);
        assert_eq!((question[0], &question[40..]), (0x23, &NUMBER.to_be_bytes()[..]));
        assert!(question[1..40].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn offsets() {
        // Each way takes 50 ms, the server 10 ms.
        let by = |ahead: f64| {
            let packet = answer(at(1000.05 + ahead), at(1000.06 + ahead));
            offset(&packet, NUMBER, at(1000.0), at(1000.11)).unwrap()
        };
        for (ahead, is_ahead) in [(400.0, true), (-37.5, false), (0.0, false)] {
            let found = by(ahead);
            assert!((found.by.as_secs_f64() - f64::abs(ahead)).abs() < 1e-6, "{found:?}");
            assert!(found.ahead == is_ahead || ahead == 0.0);
        }
        // Over the end of an era, which comes in 2036.
        let end = f64::from(u32::MAX) - 2_208_988_800.0;
        let packet = answer(at(end + 10.0), at(end + 10.0));
        let found = offset(&packet, NUMBER, at(end), at(end)).unwrap();
        assert!(found.ahead && (found.by.as_secs_f64() - 10.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn what_tells_nothing() {
        let good = answer(at(1.0), at(1.0));
        let told = |change: &dyn Fn(&mut [u8; PACKET_BYTES])| {
            let mut packet = good;
            change(&mut packet);
            offset(&packet, NUMBER, at(1.0), at(1.0)).unwrap_err()
        };
        assert!(offset(&good, NUMBER, at(1.0), at(1.0)).is_ok());
        assert_eq!(offset(&good[..47], NUMBER, at(1.0), at(1.0)), Err(SntpError::Short(47)));
        assert_eq!(told(&|packet| packet[0] = 0x23), SntpError::NoServer);
        assert_eq!(told(&|packet| packet[24] ^= 1), SntpError::Foreign);
        assert_eq!(told(&|packet| packet[0] = 0xE4), SntpError::Unset);
        assert_eq!(told(&|packet| packet[1] = 0), SntpError::Unset);
        assert_eq!(told(&|packet| packet[1] = 16), SntpError::Unset);
        assert_eq!(told(&|packet| packet[40..48].fill(0)), SntpError::Unset);
    }
}
