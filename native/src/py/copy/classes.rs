//! How instances of a class are copied: asked in Python, once for each class.

use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use pyo3::ffi;
use pyo3::prelude::*;

pub type Object = *mut ffi::PyObject;
pub type Class = *mut ffi::PyTypeObject;

/// How a value is copied, or pickled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Immutable, and hashed without code of the user's: it is its own copy.
    Shared,
    /// A `datetime` or `time`: immutable, if its time zone is.
    Moment,
    List,
    Dict,
    Tuple,
    Set,
    FrozenSet,
    Model,
    RootModel,
    /// Nothing but a `__dict__`.
    Object,
    Enum,
    Date,
    DateTime,
    Time,
    TimeDelta,
    Uuid,
    Decimal,
    Unknown,
}

/// What is known about a class.
#[derive(Clone, Copy)]
pub struct Verdict {
    pub kind: Kind,
    /// `model_copy` is Pydantic's.
    pub copies_as_usual: bool,
    /// The class lets nothing change but what is inside of the values of its fields.
    pub is_frozen: bool,
    version: u32,
}

/// The verdicts of a process.
///
/// A verdict holds for one version of a class: the interpreter gives a class a new number when it, or a class above it,
/// is changed. Numbers are not used twice, so a verdict does not hold for another class at the same address either, and
/// classes need not be kept alive.
pub struct Classes {
    known: UnsafeCell<HashMap<usize, Verdict, BuildHasherDefault<AddressHasher>>>,
    kind_of: Py<PyAny>,
}

// SAFETY: touched only while the GIL is held, and nothing borrows from the map while anything else runs.
unsafe impl Sync for Classes {}
// SAFETY: as above.
unsafe impl Send for Classes {}

/// So many classes are remembered.
const MOST: usize = 4096;

impl Classes {
    pub fn new(kind_of: Py<PyAny>) -> Self {
        Self { known: UnsafeCell::new(HashMap::default()), kind_of }
    }

    pub fn kind_of(&self) -> &Py<PyAny> {
        &self.kind_of
    }

    /// The verdict on a class; `Unknown` where asking failed.
    ///
    /// # Safety
    /// The class is alive and the GIL is held.
    #[inline]
    pub unsafe fn of(&self, class: Class) -> Verdict {
        // SAFETY: the caller's promise; the borrow of the map ends in this line.
        unsafe {
            match (*self.known.get()).get(&class.addr()) {
                Some(verdict) if verdict.version == (*class).tp_version_tag => *verdict,
                _ => self.ask(class),
            }
        }
    }

    #[cold]
    unsafe fn ask(&self, class: Class) -> Verdict {
        // SAFETY: as for `of`; while Python runs, nothing is borrowed from the map.
        unsafe {
            let py = Python::assume_attached();
            // Looking an attribute up gives a class a number, if it has none. Should the class be changed while it is
            // asked about, it has another number afterwards.
            crate::py::encode::layout::lookup(class, pyo3::intern!(py, "__deepcopy__").as_ptr());
            let version = (*class).tp_version_tag;
            let builtin = builtin_kind(class);
            let (kind, copies_as_usual, is_frozen) = match builtin {
                Some(kind) => (kind, false, false),
                None => self.asked(py, class).unwrap_or((Kind::Unknown, false, false)),
            };
            let verdict = Verdict { kind, copies_as_usual, is_frozen, version };
            if verdict.version != 0 {
                let known = &mut *self.known.get();
                if known.len() >= MOST {
                    known.clear();
                }
                known.insert(class.addr(), verdict);
            }
            verdict
        }
    }

    unsafe fn asked(&self, py: Python<'_>, class: Class) -> Option<(Kind, bool, bool)> {
        // SAFETY: the caller says that the class is alive.
        let class = unsafe { Bound::from_borrowed_ptr(py, class.cast()) };
        let before = pyo3::PyErr::take(py);
        let answer: PyResult<(String, bool, bool)> =
            self.kind_of.bind(py).call1((&class,)).and_then(|answer| answer.extract());
        if let Some(error) = before {
            error.restore(py);
        }
        let (name, copies_as_usual, is_frozen) = answer.ok()?;
        let kind = match name.as_str() {
            "shared" => Kind::Shared,
            "moment" => Kind::Moment,
            "model" => Kind::Model,
            "root-model" => Kind::RootModel,
            "object" => Kind::Object,
            "enum" => Kind::Enum,
            "date" => Kind::Date,
            "datetime" => Kind::DateTime,
            "time" => Kind::Time,
            "timedelta" => Kind::TimeDelta,
            "uuid" => Kind::Uuid,
            "decimal" => Kind::Decimal,
            _ => Kind::Unknown,
        };
        // SAFETY: the class is alive.
        let is_fit = !matches!(kind, Kind::Model | Kind::RootModel | Kind::Object)
            || unsafe { is_made_plainly(class.as_ptr().cast()) };
        is_fit.then_some((kind, copies_as_usual, is_frozen))
    }
}

/// The kind of Python's own containers.
///
/// # Safety
/// The class is alive.
unsafe fn builtin_kind(class: Class) -> Option<Kind> {
    let kinds = [
        (&raw mut ffi::PyList_Type, Kind::List),
        (&raw mut ffi::PyDict_Type, Kind::Dict),
        (&raw mut ffi::PyTuple_Type, Kind::Tuple),
        (&raw mut ffi::PySet_Type, Kind::Set),
        (&raw mut ffi::PyFrozenSet_Type, Kind::FrozenSet),
    ];
    kinds.into_iter().find(|(builtin, _)| *builtin == class).map(|(_, kind)| kind)
}

/// Say whether `cls.__new__(cls)` is nothing but the allocator.
///
/// # Safety
/// The class is alive.
unsafe fn is_made_plainly(class: Class) -> bool {
    // SAFETY: the slots of a class are set once it is ready.
    unsafe {
        (*class).tp_alloc.is_some()
            && (*class).tp_new.map(|new| new as usize) == ffi::PyBaseObject_Type.tp_new.map(|new| new as usize)
            && (*class).tp_flags & ffi::Py_TPFLAGS_IS_ABSTRACT == 0
            && (*class).tp_flags & ffi::Py_TPFLAGS_HEAPTYPE != 0
    }
}

/// Hashes an address: its low bits are always zero.
#[derive(Default)]
pub struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
    }

    #[inline]
    fn write_usize(&mut self, address: usize) {
        // Fibonacci hashing; the table takes its place from the low bits and its tags from the high ones.
        self.0 = (address as u64 >> 4).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26);
    }
}
