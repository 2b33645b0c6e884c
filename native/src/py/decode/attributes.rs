//! The attributes of a new instance: beside it where the interpreter would keep them there, else in its `__dict__`.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::dict_template::{self, DictTemplate};
use super::inline_template::{Block, InlineTemplate};
use crate::py::object::Owned;

/// Makes the attributes of the instances of one class.
pub struct AttributesTemplate {
    dict: DictTemplate,
    inline: Option<InlineTemplate>,
}

/// The attributes of an instance that is still to be made.
pub enum Attributes {
    Inline(Block),
    Dict(dict_template::Filling),
}

impl AttributesTemplate {
    /// For the instances of a class that `object.__new__` makes, with these attributes in this order.
    pub fn new(class: &Bound<'_, PyType>, names: &[Py<PyAny>]) -> PyResult<Self> {
        Ok(Self { dict: DictTemplate::new(class.py(), names)?, inline: InlineTemplate::new(class, names) })
    }

    /// Start the attributes of an instance. `None` if memory ran out.
    ///
    /// # Safety
    /// The class is the one that this was made for, and alive.
    #[inline(always)]
    pub unsafe fn start(&self, class: *mut ffi::PyTypeObject) -> Option<Attributes> {
        match &self.inline {
            // SAFETY: the caller's promise.
            Some(inline) if unsafe { inline.fits(class) } => inline.start().map(Attributes::Inline),
            _ => self.dict.start().map(Attributes::Dict),
        }
    }

    /// Put the value of the attribute with this number. `None` if memory ran out.
    #[inline(always)]
    pub fn put(&self, attributes: &mut Attributes, index: usize, value: Owned) -> Option<()> {
        match attributes {
            Attributes::Inline(block) => block.put(index, value),
            Attributes::Dict(filling) => self.dict.put(filling, index, value)?,
        }
        Some(())
    }

    /// Give them, all with their values, to a new instance. `None` if memory ran out.
    ///
    /// # Safety
    /// An instance of the class as its allocator makes it.
    #[inline(always)]
    pub unsafe fn give(&self, attributes: Attributes, instance: &Owned) -> Option<()> {
        // SAFETY: a block was made for this class, and its new instance has no attributes yet; a dict suits any.
        unsafe {
            match attributes {
                Attributes::Inline(block) => block.give_to(instance.as_ptr()),
                Attributes::Dict(filling) => give_dict(instance, &self.dict.finish(filling))?,
            }
        }
        Some(())
    }
}

/// Give a dict to a new instance. `None` if memory ran out.
///
/// # Safety
/// An instance of a class whose instances have a `__dict__`.
#[inline]
pub unsafe fn give_dict(instance: &Owned, dict: &Owned) -> Option<()> {
    // SAFETY: both are alive.
    unsafe { (ffi::PyObject_GenericSetDict(instance.as_ptr(), dict.as_ptr(), std::ptr::null_mut()) == 0).then_some(()) }
}
