//! Turns for other threads in the middle of long work that holds the GIL.

use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::allocator;
use super::collector::{Resting, Working};

/// How many items pass between two looks at the clock.
const ITEMS: u32 = 32;
/// How many times the switch interval passes between two pauses.
const MARGIN: f64 = 1.25;

/// The time since other threads could last run.
#[derive(Default)]
pub struct Pauses {
    /// Unknown until there are many items, as the next one: a small value costs no look at a clock.
    since: Option<Instant>,
    /// A little more than the time after which a thread that waits asks for the GIL: who has not asked loses the race for
    /// it against the one that has just let it go, and waits for the next pause.
    interval: Duration,
    items: u32,
    collector: Collector,
}

/// What becomes of the garbage collector.
#[derive(Default)]
enum Collector {
    #[default]
    AsItIs,
    /// It rests while this thread works on, not while others do.
    Resting(Resting),
    Working(Working),
}

impl Pauses {
    /// With the garbage collector resting between the pauses, for a document of so many bytes.
    pub fn of_collector(py: Python<'_>, length: usize) -> Self {
        Self { collector: Collector::Resting(Resting::new(py, length)), ..Self::default() }
    }

    /// The same with the collector at work, for code of the user's.
    pub fn while_code_runs(mut self) -> Self {
        if let Collector::Resting(resting) = self.collector {
            self.collector = Collector::Working(resting.into_working());
        }
        self
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
        allocator::look();
        match self.since {
            None => self.interval = interval(py).mul_f64(MARGIN),
            Some(since) if since.elapsed() < self.interval => return,
            Some(_) => self.pause(py),
        }
        self.since = Some(Instant::now());
    }

    fn pause(&mut self, py: Python<'_>) {
        let others = || py.detach(|| ());
        match &mut self.collector {
            Collector::AsItIs => others(),
            Collector::Resting(resting) => resting.interrupted_by(py, others),
            Collector::Working(working) => {
                working.advance(py);
                others();
            }
        }
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
