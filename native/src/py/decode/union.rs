//! Unions, resolved as Pydantic's smart mode does: every member is tried, and the best one wins.

use super::node::Node;
use super::reader::{Fit, Miss, Read, Reader};
use crate::py::object::Owned;
use crate::source::Source;

/// The best member so far.
struct Best {
    value: Owned,
    fit: Fit,
    given: Option<usize>,
    end: usize,
}

impl<'p, 't, S: Source<'t>> Reader<'p, 't, S> {
    pub(super) fn union(&mut self, choices: &'p [Node]) -> Read<Owned> {
        self.every_value_counts()?;
        self.best_of(choices, |reader, choice| reader.value(choice))
    }

    /// Try every member, and give the value of the one that fits best.
    pub(super) fn best_of(
        &mut self,
        choices: &'p [Node],
        read: impl Fn(&mut Self, &'p Node) -> Read<Owned>,
    ) -> Read<Owned> {
        let start = self.cursor.position();
        let (levels, fit, given) = (self.levels, self.fit, self.given);
        let mut best: Option<Best> = None;
        let mut may_be_lax = false;
        for choice in choices {
            self.cursor.rewind(start);
            self.levels = levels;
            (self.fit, self.given) = (Fit::Exact, None);
            self.trials += 1;
            let result = read(self, choice);
            self.trials -= 1;
            match result {
                Ok(value) => {
                    let found = Best { value, fit: self.fit, given: self.given, end: self.cursor.position() };
                    if found.fit == Fit::Exact && found.given.is_none() {
                        (self.fit, self.given) = (fit, given);
                        return Ok(found.value);
                    }
                    if best.as_ref().is_none_or(|best| is_better(&found, best)) {
                        best = Some(found);
                    }
                }
                Err(Miss::Refused) => {}
                Err(Miss::Lax) => may_be_lax = true,
                Err(Miss::Unknown) => return Err(Miss::Unknown),
            }
        }
        (self.fit, self.given, self.levels) = (fit, given, levels);
        let Some(best) = best else {
            return Err(if may_be_lax { Miss::Lax } else { Miss::Refused });
        };
        // A member that might be accepted by conversion is worse than one that fits, but not than another conversion.
        if may_be_lax && best.fit == Fit::Lax {
            return Err(Miss::Unknown);
        }
        self.cursor.rewind(best.end);
        self.lower_fit(best.fit);
        if let Some(count) = best.given {
            self.given = Some(self.given.unwrap_or(0) + count);
        }
        Ok(best.value)
    }
}

impl<'p, 't, S: Source<'t>> Reader<'p, 't, S> {
    /// A union in left-to-right mode: the first member that accepts wins.
    pub(super) fn first_of(&mut self, choices: &'p [Node]) -> Read<Owned> {
        self.every_value_counts()?;
        let start = self.cursor.position();
        let (levels, fit, given) = (self.levels, self.fit, self.given);
        for choice in choices {
            self.cursor.rewind(start);
            (self.levels, self.fit, self.given) = (levels, fit, given);
            self.trials += 1;
            let result = self.value(choice);
            self.trials -= 1;
            match result {
                Err(Miss::Refused) => {}
                Err(Miss::Lax) => return Err(Miss::Unknown), // it may be accepted
                result => return result,
            }
        }
        Err(Miss::Refused)
    }
}

/// More given fields are better; with equally many, or where one of the two is no model, the better fit is.
fn is_better(found: &Best, best: &Best) -> bool {
    match (best.given, found.given) {
        (Some(current), Some(new)) if current != new => current < new,
        _ => best.fit < found.fit,
    }
}
