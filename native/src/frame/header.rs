//! The header of a frame, in bytes.

const MAGIC: [u8; 3] = [0xc1, b'S', b'F'];
const VERSION: u8 = 1;
const SIZE: usize = 24;
const TIMES: usize = 8;
/// Flags that say what a payload is; the caller's.
const CALLERS: u8 = 0b11;
/// The header ends with the time of writing and the time to live.
const TIMED: u8 = 0b100;
const NO_CODEC: u8 = 0;
const FOREVER: u32 = u32::MAX;

/// When a frame was written and how long it is good, in seconds; `u32::MAX` for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    pub created: u32,
    pub ttl: u32,
}

impl Times {
    /// How many seconds it is good, if there is an end.
    pub fn end(&self) -> Option<u32> {
        (self.ttl != FOREVER).then_some(self.ttl)
    }
}

/// What a frame says of itself. `flags` are the caller's only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub format: u8,
    pub codec: u8,
    pub flags: u8,
    pub key_id: u8,
    pub fingerprint: [u8; 8],
    pub raw_size: u32,
    pub size: u32,
    pub times: Option<Times>,
}

impl Header {
    /// All flags, as they stand in a frame.
    pub fn all_flags(&self) -> u8 {
        if self.times.is_some() { self.flags | TIMED } else { self.flags }
    }

    /// How many bytes it takes.
    pub fn size_in_frame(&self) -> usize {
        if self.times.is_some() { SIZE + TIMES } else { SIZE }
    }

    /// Whether a frame may say this.
    pub fn is_valid(&self) -> bool {
        matches!(self.format, 1..=7 | 128..)
            && matches!(self.codec, 0..=4 | 128..)
            && self.flags & !CALLERS == 0
            && (self.key_id == 0 || self.times.is_some())
            && (self.codec != NO_CODEC || self.raw_size == self.size)
    }

    /// Write it to the start of a frame, which has to have room for it.
    pub fn write(&self, frame: &mut [u8]) {
        frame[..3].copy_from_slice(&MAGIC);
        frame[3..8].copy_from_slice(&[VERSION, self.format, self.codec, self.all_flags(), self.key_id]);
        frame[8..16].copy_from_slice(&self.fingerprint);
        frame[16..20].copy_from_slice(&self.raw_size.to_le_bytes());
        frame[20..24].copy_from_slice(&self.size.to_le_bytes());
        if let Some(times) = self.times {
            frame[24..28].copy_from_slice(&times.created.to_le_bytes());
            frame[28..32].copy_from_slice(&times.ttl.to_le_bytes());
        }
    }

    /// Read it from the start of a frame; `None` if that is not a valid header of this version.
    pub fn read(frame: &[u8]) -> Option<Self> {
        let (fixed, rest) = frame.split_first_chunk::<SIZE>()?;
        if fixed[..3] != MAGIC || fixed[3] != VERSION {
            return None;
        }
        let times =
            if fixed[6] & TIMED == 0 { None } else { Some(Times { created: number(rest, 0)?, ttl: number(rest, 4)? }) };
        let header = Self {
            format: fixed[4],
            codec: fixed[5],
            flags: fixed[6] & !TIMED,
            key_id: fixed[7],
            fingerprint: *fixed[8..].first_chunk()?,
            raw_size: number(fixed, 16)?,
            size: number(fixed, 20)?,
            times,
        };
        header.is_valid().then_some(header)
    }
}

/// The little-endian number that begins at an offset.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        format: 3,
        codec: 1,
        flags: 1,
        key_id: 9,
        fingerprint: *b"12345678",
        raw_size: 77,
        size: 3,
        times: Some(Times { created: 5, ttl: FOREVER }),
    };

    #[test]
    fn what_is_written_is_read() {
        for header in [HEADER, Header { key_id: 0, times: None, ..HEADER }] {
            let mut frame = [0; 40];
            header.write(&mut frame);
            assert_eq!(Header::read(&frame), Some(header));
            for length in 0..header.size_in_frame() {
                assert_eq!(Header::read(&frame[..length]), None);
            }
        }
    }

    #[test]
    fn what_a_frame_may_not_say_is_not_read() {
        let wrong = [
            Header { format: 0, ..HEADER },
            Header { format: 8, ..HEADER },
            Header { codec: 5, ..HEADER },
            Header { flags: 8, ..HEADER },
            Header { times: None, ..HEADER },
            Header { codec: NO_CODEC, ..HEADER },
        ];
        for header in wrong {
            let mut frame = [0; 40];
            header.write(&mut frame);
            assert_eq!(Header::read(&frame), None);
        }
    }
}
