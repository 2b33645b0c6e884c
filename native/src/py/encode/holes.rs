//! Places in the output that are filled after everything else is certain.
//!
//! The first phase writes what is native and leaves holes where the user's code would run; if it declines, none of that
//! code has run. The second phase fills each hole, in order, and puts the output together.

use pyo3::ffi;

use crate::py::object::Owned;

use super::node::{self, Node, Object, Program, Property};

pub struct Hole {
    pub at: usize,
    pub depth: usize,
    pub kind: Kind,
}

pub enum Kind {
    /// A whole value.
    Whole(Call),
    /// Members of an object that one call gives.
    Member { call: Call, comma: Comma },
    /// The comma before a member that is native, where only holes are before it.
    Comma,
    /// An object begins, whose number of members is not known before its end: `head` bytes have been left for it.
    Begin { head: usize, members: usize },
    /// It ends.
    End,
    /// What a function of the user's makes of a value.
    Function { call: *const node::Call, owner: Option<Owned>, value: Owned },
    /// A native value that is written when its turn comes, because code that runs before may change it.
    Late { node: *const Node, value: Owned, expected: Box<Expected> },
    /// A computed field.
    Property { property: *const Property, owner: Owned, by_alias: bool, comma: Comma },
}

/// What writing a value would give now.
pub struct Expected {
    /// Bytes, without its holes.
    pub length: usize,
    pub holes: Vec<Hole>,
}

/// Whether a member needs a comma before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Comma {
    /// There is a member before it.
    Always,
    /// It is the first in its object.
    First,
    /// Only holes are before it, which may give nothing.
    AfterHoles,
}

impl Comma {
    /// Whether there is one, given whether the holes before have given a member.
    pub fn is_needed(self, has_members: bool) -> bool {
        self == Self::Always || (self == Self::AfterHoles && has_members)
    }
}

/// A call of a serializer of Pydantic's.
pub struct Call {
    pub serializer: Owned,
    pub value: Owned,
    pub include: Option<Owned>,
    keeps_warnings: bool,
    is_undeclared: bool,
}

impl Hole {
    /// # Safety
    /// The objects are alive, and the GIL is held while the hole exists.
    pub unsafe fn whole(at: usize, depth: usize, serializer: Object, value: Object, keeps_warnings: bool) -> Self {
        // SAFETY: the caller's promise.
        let call = unsafe { Call::new(serializer, value, None, keeps_warnings) };
        Self { at, depth, kind: Kind::Whole(call) }
    }

    /// A value whose class was not known when the program was made.
    ///
    /// # Safety
    /// The objects are alive, and the GIL is held while the hole exists.
    pub unsafe fn undeclared(at: usize, depth: usize, serializer: Object, value: Object) -> Self {
        // SAFETY: the caller's promise.
        let mut call = unsafe { Call::new(serializer, value, None, false) };
        call.is_undeclared = true;
        Self { at, depth, kind: Kind::Whole(call) }
    }

    /// # Safety
    /// The objects are alive, and the GIL is held while the hole exists.
    pub unsafe fn member(
        at: usize,
        depth: usize,
        comma: Comma,
        (serializer, value): (Object, Object),
        include: Object,
        keeps_warnings: bool,
    ) -> Self {
        // SAFETY: the caller's promise.
        let call = unsafe { Call::new(serializer, value, Some(include), keeps_warnings) };
        Self { at, depth, kind: Kind::Member { call, comma } }
    }

    /// # Safety
    /// As for [`Hole::whole`]; the owner may be null, and the node outlives the hole.
    pub unsafe fn call(at: usize, depth: usize, call: &node::Call, owner: Object, value: Object) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            let owner = (!owner.is_null()).then(|| Owned::from_borrowed(owner));
            Self { at, depth, kind: Kind::Function { call, owner, value: Owned::from_borrowed(value) } }
        }
    }

    /// # Safety
    /// As for [`Hole::whole`]; the node outlives the hole.
    pub unsafe fn property(
        at: usize,
        depth: usize,
        comma: Comma,
        property: &Property,
        owner: Object,
        by_alias: bool,
    ) -> Self {
        // SAFETY: the caller's promise.
        let owner = unsafe { Owned::from_borrowed(owner) };
        Self { at, depth, kind: Kind::Property { property, owner, by_alias, comma } }
    }

    /// # Safety
    /// As for [`Hole::whole`]; the node outlives the hole.
    pub unsafe fn late(at: usize, depth: usize, node: &Node, value: Object, expected: Expected) -> Self {
        // SAFETY: the caller's promise.
        let value = unsafe { Owned::from_borrowed(value) };
        Self { at, depth, kind: Kind::Late { node, value, expected: Box::new(expected) } }
    }

    /// Take another part of the same instance into this hole, if they are side by side: one call gives both.
    pub fn absorb(&mut self, other: &Self) -> bool {
        let (Kind::Member { call: own, .. }, Kind::Member { call, .. }) = (&mut self.kind, &other.kind) else {
            return false;
        };
        let is_beside = self.at == other.at
            && own.value.as_ptr() == call.value.as_ptr()
            && own.serializer.as_ptr() == call.serializer.as_ptr();
        let (true, Some(names), Some(more)) = (is_beside, &own.include, &call.include) else {
            return false;
        };
        // SAFETY: both are sets of names, which are held; the new set is owned here.
        unsafe {
            let Some(both) = Owned::from_new(ffi::PyNumber_Or(names.as_ptr(), more.as_ptr())) else {
                ffi::PyErr_Clear();
                return false;
            };
            own.include = Some(both);
        }
        own.keeps_warnings |= call.keeps_warnings;
        true
    }

    /// Whether code of the user's could catch a warning that has become an error.
    pub fn keeps_warnings<O>(&self, program: &Program<O>) -> bool {
        match &self.kind {
            Kind::Whole(call) | Kind::Member { call, .. } => call.keeps_warnings(program),
            Kind::Late { expected, .. } => expected.holes.iter().any(|hole| hole.keeps_warnings(program)),
            _ => false,
        }
    }

    pub fn comma(at: usize) -> Self {
        Self { at, depth: 0, kind: Kind::Comma }
    }

    pub fn begin(at: usize, head: usize, members: usize) -> Self {
        Self { at, depth: 0, kind: Kind::Begin { head, members } }
    }

    pub fn end(at: usize) -> Self {
        Self { at, depth: 0, kind: Kind::End }
    }

    /// Follow the output, which has moved by so many bytes.
    pub fn shift(&mut self, moved: isize) {
        self.at = self.at.wrapping_add_signed(moved);
    }
}

impl Call {
    /// # Safety
    /// The objects are alive, and the GIL is held while the call exists.
    pub unsafe fn new(serializer: Object, value: Object, include: Option<Object>, keeps_warnings: bool) -> Self {
        // SAFETY: the caller says that all are alive.
        unsafe {
            Self {
                serializer: Owned::from_borrowed(serializer),
                value: Owned::from_borrowed(value),
                include: include.map(|include| Owned::from_borrowed(include)),
                keeps_warnings,
                is_undeclared: false,
            }
        }
    }

    /// Whether code of the user's could catch a warning that has become an error.
    fn keeps_warnings<O>(&self, program: &Program<O>) -> bool {
        if !self.is_undeclared {
            return self.keeps_warnings;
        }
        // SAFETY: everything is held by the hole or the program; the function is not the user's.
        unsafe {
            let class = ffi::Py_TYPE(self.value.as_ptr()).cast();
            let Some(answer) = Owned::from_new(ffi::PyObject_CallOneArg(program.may_catch, class)) else {
                ffi::PyErr_Clear();
                return true;
            };
            answer.as_ptr() == ffi::Py_True()
        }
    }
}

/// How much there is to do for holes.
#[derive(Default)]
pub struct Survey {
    /// Parts of whatever kind.
    pub parts: usize,
    /// Those that Pydantic is called for in any case.
    pub asked: usize,
    /// Bytes that are written natively then.
    pub late: usize,
}

impl Survey {
    pub fn of(holes: &[Hole]) -> Self {
        let mut survey = Self::default();
        survey.add(holes);
        survey
    }

    fn add(&mut self, holes: &[Hole]) {
        for hole in holes {
            match &hole.kind {
                Kind::Comma | Kind::Begin { .. } | Kind::End => {}
                Kind::Late { expected, .. } => {
                    self.late += expected.length;
                    self.add(&expected.holes);
                }
                Kind::Whole(_) | Kind::Member { .. } => {
                    self.parts += 1;
                    self.asked += 1;
                }
                Kind::Function { .. } | Kind::Property { .. } => self.parts += 1,
            }
        }
    }
}
