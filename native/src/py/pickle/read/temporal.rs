//! Dates, times, durations and time zones.

use pyo3::ffi;

use super::reader::{Miss, Read, Reader, owned};
use crate::py::datetime;
use crate::py::object::Owned;
use crate::py::pickle::known::call;
use crate::py::pickle::tag::{self, zone};

impl Reader<'_> {
    pub(super) fn moment(&mut self, first: u8) -> Read<Owned> {
        let made = match first {
            tag::DATE => datetime::new_date(self.day()?),
            tag::DATETIME => {
                let day = self.day()?;
                let (clock, zone, fold) = self.clock()?;
                datetime::new_datetime(day, clock, &zone, fold)
            }
            tag::TIME => {
                let (clock, zone, fold) = self.clock()?;
                datetime::new_time(clock, &zone, fold)
            }
            _ => return self.duration(),
        };
        made.ok_or(Miss::Raised)
    }

    fn day(&mut self) -> Read<[i32; 3]> {
        Ok([u16::from_le_bytes(self.fixed()?).into(), self.byte()?.into(), self.byte()?.into()])
    }

    fn clock(&mut self) -> Read<([i32; 4], Owned, i32)> {
        let [hour, minute, second] = self.fixed()?;
        let [low, middle, high] = self.fixed()?;
        let micro = i32::from_le_bytes([low, middle, high, 0]);
        let kind = self.byte()?;
        let zone = self.zone(kind & !zone::FOLD)?;
        Ok(([hour.into(), minute.into(), second.into(), micro], zone, (kind >= zone::FOLD).into()))
    }

    fn zone(&mut self, kind: u8) -> Read<Owned> {
        // SAFETY: the objects are alive, and their constructors native.
        unsafe {
            match kind {
                zone::NONE => return Ok(Owned::from_borrowed(ffi::Py_None())),
                zone::UTC => return Ok(Owned::from_borrowed(self.known.utc.as_ptr())),
                zone::PYTHONS | zone::PYDANTICS => {}
                _ => return Err(Miss::Malformed),
            }
            let seconds = i32::from_le_bytes(self.fixed()?);
            if let Some((known_kind, known, zone)) = &self.last_zone
                && (*known_kind, *known) == (kind, seconds)
            {
                return Ok(Owned::from_borrowed(zone.as_ptr()));
            }
            let made = if kind == zone::PYDANTICS {
                let seconds = owned(ffi::PyLong_FromLong(seconds.into()))?;
                call(self.known.tz_info.as_ptr(), seconds.as_ptr()).ok_or(Miss::Raised)?
            } else {
                let offset = datetime::new_duration(0, seconds, 0).ok_or(Miss::Raised)?;
                call(self.known.timezone.as_ptr(), offset.as_ptr()).ok_or(Miss::Raised)?
            };
            self.last_zone = Some((kind, seconds, Owned::from_borrowed(made.as_ptr())));
            Ok(made)
        }
    }

    fn duration(&mut self) -> Read<Owned> {
        let days = i32::from_le_bytes(self.fixed()?);
        let (seconds, micros) = (u32::from_le_bytes(self.fixed()?), u32::from_le_bytes(self.fixed()?));
        // What is written is normalised.
        if seconds >= 86_400 || micros >= 1_000_000 {
            return Err(Miss::Malformed);
        }
        datetime::new_duration(days, seconds as i32, micros as i32).ok_or(Miss::Raised)
    }
}
