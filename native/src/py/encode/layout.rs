//! Where things are in the objects that are read: checked when an encoder is made.

use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use super::node::{Class, Object};

/// The place of an attribute in `__slots__`.
#[derive(Clone, Copy)]
pub struct Slot {
    offset: ffi::Py_ssize_t,
}

impl Slot {
    /// Read the place from the descriptor of a slot that holds an object.
    pub fn of(descriptor: &Bound<'_, PyAny>) -> PyResult<Self> {
        let unsuitable = || PyValueError::new_err("not the descriptor of a slot");
        // SAFETY: the type is checked before the descriptor is read as one; its member lives as long as the class.
        let member = unsafe {
            if ffi::Py_TYPE(descriptor.as_ptr()) != &raw mut ffi::PyMemberDescr_Type {
                return Err(unsuitable());
            }
            &*(*descriptor.as_ptr().cast::<ffi::PyMemberDescrObject>()).d_member
        };
        if member.type_code != ffi::Py_T_OBJECT_EX || member.offset <= 0 {
            return Err(unsuitable());
        }
        Ok(Self { offset: member.offset })
    }

    /// The object in the slot, borrowed; null if there is none.
    ///
    /// # Safety
    /// `owner` is a live instance of the class that the descriptor belongs to, or of one below it.
    #[inline]
    pub unsafe fn read(self, owner: Object) -> Object {
        // SAFETY: the caller says that this slot is part of the object.
        unsafe { *owner.byte_offset(self.offset).cast::<Object>() }
    }
}

unsafe extern "C" {
    /// Look an attribute up in the classes above a class, without calling any descriptor. Borrowed; null without error.
    fn _PyType_Lookup(class: Class, name: Object) -> Object;
}

/// The attribute of a class as it stands in the class or above it; borrowed, null if there is none.
///
/// # Safety
/// The class is alive and the name is a string.
pub unsafe fn lookup(class: Class, name: Object) -> Object {
    // SAFETY: see above.
    unsafe { _PyType_Lookup(class, name) }
}

/// Say whether reading an attribute of an instance runs no code of its class.
///
/// # Safety
/// The class is alive.
pub unsafe fn reads_plainly(class: Class) -> bool {
    // SAFETY: see above.
    unsafe {
        let own = (*class).tp_getattro;
        own.is_some_and(|own| std::ptr::fn_addr_eq(own, ffi::PyObject_GenericGetAttr as ffi::getattrofunc))
    }
}

/// Objects of other modules that values are compared with.
pub struct Support {
    pub uuid: Class,
    pub uuid_int: Slot,
    pub decimal: Class,
    pub timezone: Class,
    pub utc: Object,
    pub zone_info: Class,
    pub tz_info: Class,
    pub enum_meta: Class,
    pub enum_value: Object,
    pub url: Class,
    pub multi_host_url: Class,
    pub schema_serializer: Class,
    pub serialization_error: Object,
    pub getattribute: Object,
    pub dict_descriptor: Object,
    pub fields_set: Object,
    pub extra: Object,
    pub names: Names,
}

/// Names of attributes, interned.
pub struct Names {
    pub getattribute: Object,
    pub dict: Object,
    pub serializer: Object,
    pub utcoffset: Object,
    pub value: Object,
    pub inner_value: Object,
    pub root: Object,
    pub to_json: Object,
    pub warnings: Object,
    pub include: Object,
    pub none: Object,
    pub warn: Object,
    pub error: Object,
    pub fields_set: Object,
    pub extra: Object,
    pub to_python: Object,
    pub mode: Object,
    pub json: Object,
}

impl Support {
    /// Take the objects from the tuple that the compiler made; the tuple must outlive the result.
    pub fn of(items: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let object = |index: usize| -> PyResult<Object> { Ok(items.get_borrowed_item(index)?.as_ptr()) };
        let class =
            |index: usize| -> PyResult<Class> { Ok(items.get_borrowed_item(index)?.cast::<PyType>()?.as_type_ptr()) };
        let names = items.get_item(17)?.cast_into::<PyTuple>()?;
        let name = |index: usize| -> PyResult<Object> { Ok(names.get_borrowed_item(index)?.as_ptr()) };
        Ok(Self {
            uuid: class(0)?,
            uuid_int: Slot::of(&items.get_item(1)?)?,
            decimal: class(2)?,
            timezone: class(3)?,
            utc: object(4)?,
            zone_info: class(5)?,
            tz_info: class(6)?,
            enum_meta: class(7)?,
            enum_value: object(8)?,
            url: class(9)?,
            multi_host_url: class(10)?,
            schema_serializer: class(11)?,
            serialization_error: object(12)?,
            getattribute: object(13)?,
            dict_descriptor: object(14)?,
            fields_set: object(15)?,
            extra: object(16)?,
            names: Names {
                getattribute: name(0)?,
                dict: name(1)?,
                serializer: name(2)?,
                utcoffset: name(3)?,
                value: name(4)?,
                inner_value: name(5)?,
                root: name(6)?,
                to_json: name(7)?,
                warnings: name(8)?,
                include: name(9)?,
                none: name(10)?,
                warn: name(11)?,
                error: name(12)?,
                fields_set: name(13)?,
                extra: name(14)?,
                to_python: name(15)?,
                mode: name(16)?,
                json: name(17)?,
            },
        })
    }
}
