//! Marvin32, the keyed hash that guards the entries of registry logs (the published algorithm of Windows and .NET).

/// The key registry logs use.
const SEED: u64 = 0x82EF_4D88_7A4E_55C5;

/// Hashes `bytes` with the registry's key.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    hash_with(SEED, bytes)
}

fn hash_with(seed: u64, bytes: &[u8]) -> u64 {
    let mut state = State { low: half(seed), high: half(seed >> 32) };
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        state.mix(u32::from_le_bytes(*word));
    }
    let mut last = [0; 4];
    for (place, byte) in last.iter_mut().zip(rest.iter().chain(&[0x80])) {
        *place = *byte;
    }
    state.mix(u32::from_le_bytes(last));
    state.mix(0);
    u64::from(state.high) << 32 | u64::from(state.low)
}

struct State {
    low: u32,
    high: u32,
}

impl State {
    fn mix(&mut self, word: u32) {
        self.low = self.low.wrapping_add(word);
        self.high ^= self.low;
        self.low = self.low.rotate_left(20).wrapping_add(self.high);
        self.high = self.high.rotate_left(9) ^ self.low;
        self.low = self.low.rotate_left(27).wrapping_add(self.high);
        self.high = self.high.rotate_left(19);
    }
}

fn half(seed: u64) -> u32 {
    u32::try_from(seed & u64::from(u32::MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of the .NET runtime's own tests.
    #[test]
    fn hashes_as_dotnet_does() {
        const SEED: u64 = 0x004F_B61A_001B_DBCC;
        for (bytes, expected) in [
            (&[][..], 0x30ED_35C1_00CD_3C7D),
            (&[0xAF], 0x48E7_3FC7_7D75_DDC1),
            (&[0xE7, 0x0F], 0xB5F6_E1FC_485D_BFF8),
            (&[0x37, 0xF4, 0x95], 0xF0B0_7C78_9B8C_F7E8),
            (&[0x86, 0x42, 0xDC, 0x59], 0x7008_F2E8_7E9C_F556),
        ] {
            assert_eq!(hash_with(SEED, bytes), expected, "{bytes:02X?}");
        }
    }
}
