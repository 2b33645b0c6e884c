//! The keyword arguments of a call.

use pyo3::ffi;

use super::node::Object;
use super::scalar::text_of;
use crate::py::function::Arguments;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Warnings {
    Silent,
    Warn,
    Error,
}

#[derive(Clone, Copy)]
pub struct Options {
    /// `None`: as each class is configured.
    pub by_alias: Option<bool>,
    pub exclude_none: bool,
    pub exclude_unset: bool,
    pub exclude_defaults: bool,
    pub exclude_computed: bool,
    pub round_trip: bool,
    pub warnings: Warnings,
}

/// What not every version of Pydantic has, or does in the same way.
#[derive(Clone, Copy)]
pub struct Known {
    pub exclude_computed_fields: bool,
    pub polymorphic_serialization: bool,
    pub ensure_ascii: bool,
    /// A model in the place of an undeclared value warns as it does elsewhere.
    pub undeclared_models: bool,
}

impl Options {
    pub const PLAIN: Self = Self {
        by_alias: None,
        exclude_none: false,
        exclude_unset: false,
        exclude_defaults: false,
        exclude_computed: false,
        round_trip: false,
        warnings: Warnings::Warn,
    };

    /// Read the options of a call; `None` if Pydantic has to do it. `known` says which of the newer options it has.
    pub fn of(arguments: &Arguments, known: Known) -> Option<Self> {
        let mut options = Self::PLAIN;
        for (name, value) in arguments.keywords() {
            // SAFETY: the names and values of keyword arguments are alive while the call lasts.
            unsafe {
                let (name, _) = text_of(name)?;
                let nothing = value == ffi::Py_None();
                match name {
                    b"by_alias" => options.by_alias = if nothing { None } else { Some(flag(value)?) },
                    b"exclude_none" => options.exclude_none = flag(value)?,
                    b"exclude_unset" => options.exclude_unset = flag(value)?,
                    b"exclude_defaults" => options.exclude_defaults = flag(value)?,
                    b"round_trip" => options.round_trip = flag(value)?,
                    b"exclude_computed_fields" if known.exclude_computed_fields => {
                        options.exclude_computed = flag(value)?
                    }
                    b"warnings" => options.warnings = warnings(value)?,
                    b"context" => {}
                    b"ensure_ascii" if !known.ensure_ascii => return None,
                    b"ensure_ascii" | b"serialize_as_any" => {
                        if flag(value)? {
                            return None;
                        }
                    }
                    b"polymorphic_serialization" if known.polymorphic_serialization => {
                        if !nothing && flag(value)? {
                            return None;
                        }
                    }
                    b"include" | b"exclude" | b"indent" | b"fallback" if nothing => {}
                    _ => return None,
                }
            }
        }
        Some(options)
    }

    /// Fields may be left out because of their values, or because they were not given.
    #[inline]
    pub fn filter(&self) -> bool {
        self.exclude_none | self.exclude_unset | self.exclude_defaults
    }
}

unsafe fn flag(value: Object) -> Option<bool> {
    // SAFETY: the singletons live as long as the interpreter.
    unsafe {
        if value == ffi::Py_True() {
            Some(true)
        } else if value == ffi::Py_False() {
            Some(false)
        } else {
            None
        }
    }
}

unsafe fn warnings(value: Object) -> Option<Warnings> {
    // SAFETY: the value is alive; it is a string where it is read as one.
    unsafe {
        if let Some(wanted) = flag(value) {
            return Some(if wanted { Warnings::Warn } else { Warnings::Silent });
        }
        if ffi::PyUnicode_CheckExact(value) == 0 {
            return None;
        }
        match text_of(value)?.0 {
            b"none" => Some(Warnings::Silent),
            b"warn" => Some(Warnings::Warn),
            b"error" => Some(Warnings::Error),
            _ => None,
        }
    }
}
