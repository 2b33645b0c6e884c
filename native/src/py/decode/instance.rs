//! Instances of models, made as Pydantic makes them: by the class's allocator, without `__init__` and `__setattr__`.

use std::sync::OnceLock;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyType;
use pyo3::{PyTraverseError, PyVisit};

use super::attributes::{Attributes, AttributesTemplate, give_dict};
use super::set_template::SetTemplate;
use crate::py::object::Owned;

/// Where `BaseModel` keeps what is not in `__dict__`, in bytes from the start of an instance.
#[derive(Clone, Copy)]
pub(crate) struct Slots {
    pub(crate) extra: ffi::Py_ssize_t,
    pub(crate) private: ffi::Py_ssize_t,
    pub(crate) fields_set: ffi::Py_ssize_t,
}

static SLOTS: OnceLock<Slots> = OnceLock::new();

/// Find the slots of `BaseModel`: its `__slots__` are members with a fixed offset, the same in every subclass.
pub(crate) fn slots(py: Python<'_>) -> PyResult<Slots> {
    if let Some(slots) = SLOTS.get() {
        return Ok(*slots);
    }
    let base = py.import("pydantic")?.getattr("BaseModel")?;
    let members = base.getattr("__dict__")?;
    let offset = |name: &str| -> PyResult<ffi::Py_ssize_t> {
        let member = members.get_item(name)?;
        // SAFETY: the type is checked before the layout of a member descriptor is assumed.
        unsafe {
            if ffi::Py_TYPE(member.as_ptr()) != &raw mut ffi::PyMemberDescr_Type {
                return Err(PyTypeError::new_err("pydantic.BaseModel keeps its state in an unknown way"));
            }
            Ok((*(*member.as_ptr().cast::<ffi::PyMemberDescrObject>()).d_member).offset)
        }
    };
    let found = Slots {
        extra: offset("__pydantic_extra__")?,
        private: offset("__pydantic_private__")?,
        fields_set: offset("__pydantic_fields_set__")?,
    };
    Ok(*SLOTS.get_or_init(|| found))
}

/// How to make an instance of one class.
pub struct Blueprint {
    class: Py<PyType>,
    slots: Slots,
    attributes: AttributesTemplate,
    pub fields_set: SetTemplate,
    /// The method to call on a new instance, with the context.
    pub post_init: Option<PostInit>,
}

/// A method that is called on a new instance.
pub struct PostInit {
    pub name: Py<PyAny>,
}

impl Blueprint {
    /// Prepare for a class whose fields have these names.
    pub fn new(class: &Bound<'_, PyType>, names: &[Py<PyAny>], post_init: Option<PostInit>) -> PyResult<Self> {
        let py = class.py();
        // SAFETY: a type object is alive while it is bound, and its slots are set once it is ready.
        let is_plain = unsafe {
            let raw = class.as_type_ptr();
            (*raw).tp_alloc.is_some()
                && (*raw).tp_new.map(|new| new as usize) == ffi::PyBaseObject_Type.tp_new.map(|new| new as usize)
                && (*raw).tp_flags & ffi::Py_TPFLAGS_IS_ABSTRACT == 0
        };
        if !is_plain {
            return Err(PyTypeError::new_err("the class makes its instances in a way of its own"));
        }
        Ok(Self {
            class: class.clone().unbind(),
            slots: slots(py)?,
            attributes: AttributesTemplate::new(class, names)?,
            fields_set: SetTemplate::new(names.iter().map(|name| name.clone_ref(py)).collect()),
            post_init,
        })
    }

    /// Show the class to the garbage collector.
    pub fn visit(&self, visitor: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visitor.call(&self.class)
    }

    /// Start the attributes of an instance. `None` if memory ran out.
    #[inline(always)]
    pub fn start(&self) -> Option<Attributes> {
        // SAFETY: the class is held here.
        unsafe { self.attributes.start(self.class.as_ptr().cast()) }
    }

    /// Put the value of an attribute by the number of its field. `None` if memory ran out.
    #[inline(always)]
    pub fn put(&self, attributes: &mut Attributes, index: usize, value: Owned) -> Option<()> {
        self.attributes.put(attributes, index, value)
    }

    /// Make an instance of a model with fields. `None` if memory ran out; an exception is then set.
    #[inline]
    pub fn instance(&self, attributes: Attributes, extra: Option<Owned>, fields_set: Owned) -> Option<Owned> {
        // SAFETY: the class is alive, and its allocator gives instances without attributes.
        unsafe {
            let instance = self.allocate()?;
            self.attributes.give(attributes, &instance)?;
            self.fill_slots(&instance, extra, fields_set);
            Some(instance)
        }
    }

    /// The same with a dict that user code may have seen.
    pub fn instance_with(&self, dict: &Owned, extra: Option<Owned>, fields_set: Owned) -> Option<Owned> {
        // SAFETY: as above.
        unsafe {
            let instance = self.allocate()?;
            give_dict(&instance, dict)?;
            self.fill_slots(&instance, extra, fields_set);
            Some(instance)
        }
    }

    /// # Safety
    /// The instance is new, and of the class.
    #[inline(always)]
    unsafe fn fill_slots(&self, instance: &Owned, extra: Option<Owned>, fields_set: Owned) {
        // SAFETY: the instance has BaseModel's slots, all empty; each is written once, with a reference given away.
        unsafe {
            let base = instance.as_ptr().cast::<u8>();
            let none = || Owned::from_borrowed(ffi::Py_None());
            put(base, self.slots.extra, extra.unwrap_or_else(none));
            put(base, self.slots.private, none());
            put(base, self.slots.fields_set, fields_set);
        }
    }

    /// Make an instance of a root model.
    pub fn root_instance(&self, py: Python<'_>, value: &Owned, fields_set: Owned) -> Option<Owned> {
        // SAFETY: as in `instance`; the value goes through the generic setter, as Pydantic does it.
        unsafe {
            let instance = self.allocate()?;
            put(instance.as_ptr().cast::<u8>(), self.slots.fields_set, fields_set);
            let name = intern!(py, "root").as_ptr();
            (ffi::PyObject_GenericSetAttr(instance.as_ptr(), name, value.as_ptr()) == 0).then_some(instance)
        }
    }

    /// Call the method for new instances, if the class has one. `None` if it raised.
    pub fn call_post_init(&self, instance: &Owned, context: *mut ffi::PyObject) -> Option<()> {
        let Some(post_init) = &self.post_init else {
            return Some(());
        };
        // SAFETY: instance, name and context are alive for the call.
        unsafe {
            let arguments = [instance.as_ptr(), context];
            let result =
                ffi::PyObject_VectorcallMethod(post_init.name.as_ptr(), arguments.as_ptr(), 2, std::ptr::null_mut());
            Owned::from_new(result).map(|_| ())
        }
    }

    /// # Safety
    /// The GIL is held.
    #[inline]
    unsafe fn allocate(&self) -> Option<Owned> {
        // SAFETY: the class was checked to have an allocator, and to be made by `object.__new__`, which only calls it.
        unsafe {
            let raw = self.class.as_ptr().cast::<ffi::PyTypeObject>();
            Owned::from_new((*raw).tp_alloc?(raw, 0))
        }
    }
}

/// # Safety
/// `base` is an instance with an object slot at `offset` that is still empty.
#[inline]
unsafe fn put(base: *mut u8, offset: ffi::Py_ssize_t, value: Owned) {
    // SAFETY: said above; the reference moves into the instance.
    unsafe { base.offset(offset).cast::<*mut ffi::PyObject>().write(value.into_ptr()) }
}
