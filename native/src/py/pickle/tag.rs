//! What the first byte of a value says.

/// The layout that is written, and the only one that is read.
pub const VERSION: u8 = 1;

/// Levels of containers and instances.
pub const DEEPEST: usize = 200;

pub const NONE: u8 = 0x00;
pub const TRUE: u8 = 0x01;
pub const FALSE: u8 = 0x02;
pub const INTEGER: u8 = 0x03;
pub const LONG: u8 = 0x04;
pub const FLOAT: u8 = 0x05;
pub const TEXT: u8 = 0x06;
pub const KEPT_TEXT: u8 = 0x07;
pub const BYTES: u8 = 0x08;
pub const LIST: u8 = 0x09;
pub const KEPT_LIST: u8 = 0x0A;
pub const TUPLE: u8 = 0x0B;
pub const KEPT_TUPLE: u8 = 0x0C;
pub const DICT: u8 = 0x0D;
pub const KEPT_DICT: u8 = 0x0E;
pub const SET: u8 = 0x0F;
pub const KEPT_SET: u8 = 0x10;
pub const FROZENSET: u8 = 0x11;
pub const MODEL: u8 = 0x12;
pub const KEPT_MODEL: u8 = 0x13;
pub const SHAPE: u8 = 0x14;
pub const REFERENCE: u8 = 0x15;
pub const MEMBER: u8 = 0x16;
pub const DATE: u8 = 0x17;
pub const DATETIME: u8 = 0x18;
pub const TIME: u8 = 0x19;
pub const TIMEDELTA: u8 = 0x1A;
pub const UUID: u8 = 0x1B;
pub const DECIMAL: u8 = 0x1C;
/// Integers below 64 stand in the tag.
pub const SMALL: u8 = 0x40;
/// The lengths of texts below 64 bytes stand in the tag.
pub const SHORT: u8 = 0x80;
pub const UNUSED: u8 = 0xC0;

/// What follows the values of a shape.
pub mod flag {
    pub const EXTRA: u8 = 1;
    pub const PRIVATE: u8 = 2;
    pub const MORE: u8 = 4;
}

/// The time zone of a moment.
pub mod zone {
    pub const NONE: u8 = 0;
    pub const UTC: u8 = 1;
    pub const PYTHONS: u8 = 2;
    pub const PYDANTICS: u8 = 3;
    /// Added for the second of two equal times.
    pub const FOLD: u8 = 0x80;
}
