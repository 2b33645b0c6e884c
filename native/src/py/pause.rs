//! Turns for other threads in the middle of long work that holds the GIL.

use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::collector::Resting;

/// How many items pass between two looks at the clock.
const ITEMS: u32 = 32;

/// The time since other threads could last run.
#[derive(Default)]
pub struct Pauses {
    /// Unknown until there are many items, as the next one: a small value costs no look at a clock.
    since: Option<Instant>,
    /// Twice the time after which a thread that waits asks for the GIL: who does not ask loses the race for it against the
    /// one that has just let it go, and begins to wait anew.
    interval: Duration,
    items: u32,
    /// While this thread works on, not while others do.
    collector: Option<Resting>,
}

impl Pauses {
    /// With the garbage collector resting between the pauses.
    pub fn of_collector(py: Python<'_>) -> Self {
        Self { collector: Some(Resting::new(py)), ..Self::default() }
    }

    /// Say that an item is done. Any Python code may have run in another thread when this returns.
    #[inline]
    pub fn item(&mut self, py: Python<'_>) {
        self.items += 1;
        if self.items == ITEMS {
            self.look(py);
        }
    }

    #[cold]
    fn look(&mut self, py: Python<'_>) {
        self.items = 0;
        match self.since {
            None => self.interval = 2 * interval(py),
            Some(since) if since.elapsed() < self.interval => return,
            Some(_) => match &mut self.collector {
                Some(collector) => collector.interrupted_by(py, || py.detach(|| ())),
                None => py.detach(|| ()),
            },
        }
        self.since = Some(Instant::now());
    }
}

/// What `sys.setswitchinterval` was told.
fn interval(py: Python<'_>) -> Duration {
    static GETTER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    const USUAL: Duration = Duration::from_millis(5);
    let getter = GETTER.get_or_try_init(py, || Ok(py.import("sys")?.getattr("getswitchinterval")?.unbind()));
    let seconds = getter.and_then(|getter: &Py<PyAny>| getter.call0(py)?.extract::<f64>(py));
    seconds.map_or(USUAL, |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(USUAL))
}
