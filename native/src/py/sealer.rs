//! Seals payloads into frames and opens them again.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView, PySlice, PyTuple};

use crate::frame::header::{Header, Times};
use crate::frame::tag::{CHECKSUM, MAC, Tagger};

/// Bodies from this size on are hashed without the GIL: that takes as long as switching threads a few times.
const LONG: usize = 64 * 1024;

/// Frames of one configuration: its keys, and whether what is not signed is good enough.
///
/// Whatever is not plainly right gives `None`; `envelope.py` then says what is wrong.
#[pyclass(frozen, module = "pydantic_serialization._native._core")]
pub struct Sealer {
    /// By key id; number 0 is the checksum.
    verifiers: Vec<(u8, Tagger)>,
    signing_id: u8,
}

impl Sealer {
    fn find(&self, key_id: u8) -> impl Iterator<Item = &Tagger> {
        self.verifiers.iter().filter(move |(id, _)| *id == key_id).map(|(_, tagger)| tagger)
    }
}

#[pymethods]
impl Sealer {
    /// Make a sealer.
    ///
    /// Args:
    ///     keys: Key ids (1 to 255) and subkeys, the signing one first.
    ///     is_hmac: Sign with HMAC-SHA256 rather than with keyed BLAKE2b.
    ///     accept_unsigned: Frames with a checksum are read too, although there are keys.
    #[new]
    fn new(keys: Vec<(u8, Vec<u8>)>, is_hmac: bool, accept_unsigned: bool) -> PyResult<Self> {
        let signing_id = keys.first().map_or(0, |(id, _)| *id);
        let mut verifiers = Vec::with_capacity(keys.len() + 1);
        if keys.is_empty() || accept_unsigned {
            verifiers.push((0, Tagger::checksum()));
        }
        for (id, subkey) in keys {
            let tagger = if is_hmac { Tagger::hmac_sha256(&subkey) } else { Tagger::blake2b(&subkey) };
            let tagger = tagger.filter(|_| id != 0).ok_or_else(|| PyValueError::new_err("not a key of a frame"))?;
            verifiers.push((id, tagger));
        }
        Ok(Self { verifiers, signing_id })
    }

    /// Return a frame; `None` for what cannot stand in one.
    #[pyo3(signature = (body, format, codec, flags, fingerprint, raw_size, cache_key, times, /))]
    #[allow(clippy::too_many_arguments, reason = "these are the fields of a frame")]
    fn seal<'py>(
        &self,
        body: &Bound<'py, PyBytes>,
        format: u8,
        codec: u8,
        flags: u8,
        fingerprint: &[u8],
        raw_size: u32,
        cache_key: &[u8],
        times: Option<(u32, u32)>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let py = body.py();
        let body = body.as_bytes();
        let (Ok(size), Ok(fingerprint)) = (u32::try_from(body.len()), fingerprint.try_into()) else {
            return Ok(None);
        };
        let times = times.map(|(created, ttl)| Times { created, ttl });
        let key_id = self.signing_id;
        let header = Header { format, codec, flags, key_id, fingerprint, raw_size, size, times };
        let Some(signer) = self.find(key_id).next().filter(|_| header.is_valid()) else {
            return Ok(None);
        };
        let start = header.size_in_frame();
        let end = start + if key_id == 0 { CHECKSUM } else { MAC };
        let mut is_tagged = true;
        let frame = PyBytes::new_with(py, end + body.len(), |frame| {
            header.write(frame);
            frame[end..].copy_from_slice(body);
            let (head, body) = frame.split_at_mut(end);
            let (head, tag) = head.split_at_mut(start);
            match long(py, body.len(), || signer.tag(head, cache_key, body)) {
                Some(found) => tag.copy_from_slice(&found[..tag.len()]),
                None => is_tagged = false,
            }
            Ok(())
        })?;
        Ok(is_tagged.then_some(frame))
    }

    /// Return format, codec, flags, fingerprint, size before compression, time of writing, time to live, body (a view of
    /// the frame) and whether it is signed; `None` for what is not a valid frame with the right tag.
    #[pyo3(signature = (frame, cache_key, /))]
    fn open<'py>(&self, frame: &Bound<'py, PyBytes>, cache_key: &[u8]) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let py = frame.py();
        let bytes = frame.as_bytes();
        let Some(header) = Header::read(bytes) else {
            return Ok(None);
        };
        let start = header.size_in_frame();
        let end = start + if header.key_id == 0 { CHECKSUM } else { MAC };
        if bytes.len().checked_sub(end) != Some(header.size as usize) {
            return Ok(None);
        }
        let (head, body) = bytes.split_at(end);
        let (head, tag) = head.split_at(start);
        let is_right = |tagger: &Tagger| tagger.matches(tag, head, cache_key, body);
        if !long(py, body.len(), || self.find(header.key_id).any(is_right)) {
            return Ok(None);
        }
        let slice = PySlice::new(py, end as isize, bytes.len() as isize, 1);
        let body = PyMemoryView::from(frame.as_any())?.get_item(slice)?;
        let created = header.times.map(|times| times.created);
        let ttl = header.times.and_then(|times| times.end());
        let fingerprint = PyBytes::new(py, &header.fingerprint);
        let flags = header.all_flags();
        let parts = (header.format, header.codec, flags, fingerprint, header.raw_size);
        (parts.0, parts.1, parts.2, parts.3, parts.4, created, ttl, body, header.key_id != 0)
            .into_pyobject(py)
            .map(Some)
    }
}

/// Run what touches no Python object, without the GIL if there is much to do.
fn long<T: Send>(py: Python<'_>, size: usize, work: impl FnOnce() -> T + Send) -> T {
    if size < LONG { work() } else { py.detach(work) }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Sealer>()
}
