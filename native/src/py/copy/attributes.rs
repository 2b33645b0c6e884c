//! Where a model that is copied or packed has its attributes.

use super::classes::Object;
use super::instance::dict_of;
use crate::py::entries::attributes_of;
use crate::py::inline_values::InlineValues;
use crate::py::object::Owned;

/// Where an instance has its attributes.
pub enum Attributes {
    Dict(Owned),
    /// Beside it, in the order of the keys.
    Beside,
}

impl Attributes {
    /// `None` if the instance has no plain dict.
    ///
    /// # Safety
    /// The object is an alive instance whose class has a plain `__dict__`.
    #[inline]
    pub unsafe fn of(instance: Object) -> Option<Self> {
        // SAFETY: the caller's promise.
        unsafe {
            let has_dict = !attributes_of(instance).is_null();
            if !has_dict && InlineValues::of(instance).is_some_and(|values| values.is_in_order()) {
                return Some(Self::Beside);
            }
            dict_of(instance).map(Self::Dict)
        }
    }
}
