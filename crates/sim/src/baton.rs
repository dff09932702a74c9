//! The baton: one task runs at a time, and only where it waits may another go on.
//!
//! Time is virtual. A task waits at a request, at a sleep and at its start; the wait that ends first is granted next, so
//! that the order of everything follows from the lengths of the waits, which the seed draws. While a task waits for the
//! database nobody else runs: what SQLite's own thread does in the meantime cannot be seen by anyone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Names a task.
pub(crate) type TaskId = usize;

/// What a task is made of.
pub(crate) type Body = Pin<Box<dyn Future<Output = ()> + Send>>;

/// FNV-1a, which is enough to tell two traces apart.
const HASH_START: u64 = 0xcbf2_9ce4_8422_2325;
const HASH_PRIME: u64 = 0x0100_0000_01b3;

/// Who may go on, and what time it is.
pub(crate) struct Baton {
    state: Mutex<State>,
}

struct State {
    now: Timestamp,
    current: TaskId,
    tasks: BTreeMap<TaskId, Task>,
    waits: BTreeMap<u64, Wait>,
    waits_made: u64,
    /// Whether the last wait that the poll under way has met is not over: then nobody is waiting for the database.
    parked: bool,
    arriving: Vec<(TaskId, Body)>,
    leaving: Vec<TaskId>,
    lines: Option<Vec<String>>,
    hash: u64,
    passes: u64,
}

struct Task {
    name: String,
    /// Nothing of it is granted before: a process that the machine does not run.
    stalled_until: Timestamp,
}

struct Wait {
    task: TaskId,
    until: Timestamp,
    over: bool,
    /// A wait inside a set of futures is polled again only when it says so.
    waker: Option<Waker>,
}

/// Why the scheduler stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The task that was waited for has ended.
    Done,
    /// Somebody said so.
    Told,
    /// Nobody waits for anything.
    Stuck,
}

impl Baton {
    pub(crate) fn new(now: Timestamp, keep_lines: bool) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                now,
                current: 0,
                tasks: BTreeMap::new(),
                waits: BTreeMap::new(),
                waits_made: 0,
                parked: false,
                arriving: Vec::new(),
                leaving: Vec::new(),
                lines: keep_lines.then(Vec::new),
                hash: HASH_START,
                passes: 0,
            }),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.state().now
    }

    /// Moves the time on, while nothing runs.
    pub(crate) fn skip(&self, by: SignedDuration) {
        let mut state = self.state();
        state.now = later(state.now, by);
    }

    /// Waits, and lets others go on meanwhile.
    pub(crate) fn pause(self: &Arc<Self>, length: Duration) -> Pause {
        Pause {
            baton: Arc::clone(self),
            length,
            wait: None,
        }
    }

    /// Adds a task; it begins when it is its turn.
    pub(crate) fn start(
        self: &Arc<Self>,
        name: &str,
        body: impl Future<Output = ()> + Send + 'static,
    ) -> TaskId {
        let beginning = self.pause(Duration::ZERO);
        let mut state = self.state();
        let id = state.tasks.keys().next_back().map_or(1, |last| last + 1);
        let task = Task {
            name: name.to_owned(),
            stalled_until: Timestamp::MIN,
        };
        state.tasks.insert(id, task);
        let whole = Box::pin(async move {
            beginning.await;
            body.await;
        });
        state.arriving.push((id, whole));
        id
    }

    /// Ends a task where it waits, as a crash does.
    pub(crate) fn crash(&self, task: TaskId) {
        self.state().leaving.push(task);
    }

    /// Lets a task sleep through whatever it waits for.
    pub(crate) fn stall(&self, task: TaskId, length: Duration) {
        let mut state = self.state();
        let until = after(state.now, length);
        if let Some(task) = state.tasks.get_mut(&task) {
            task.stalled_until = until;
        }
    }

    /// Writes a line into the trace.
    pub(crate) fn say(&self, text: &str) {
        let mut state = self.state();
        let who = state
            .tasks
            .get(&state.current)
            .map_or("", |task| task.name.as_str());
        let mut line = String::with_capacity(text.len() + 48);
        // Writing to a String cannot fail.
        let _ = write!(line, "{} {who:10} {text}", state.now);
        for byte in line.bytes() {
            state.hash = (state.hash ^ u64::from(byte)).wrapping_mul(HASH_PRIME);
        }
        if let Some(lines) = &mut state.lines {
            lines.push(line);
        }
    }

    /// The trace, where it is kept, and its fingerprint, which always is.
    pub(crate) fn trace(&self) -> (Vec<String>, u64) {
        let mut state = self.state();
        let lines = state.lines.as_mut().map(std::mem::take);
        (lines.unwrap_or_default(), state.hash)
    }

    /// How often the baton was passed.
    pub(crate) fn passes(&self) -> u64 {
        self.state().passes
    }

    /// The wait that ends first, granted: time moves on to it.
    fn grant(&self) -> Option<TaskId> {
        let mut state = self.state();
        let first = state
            .waits
            .iter()
            .map(|(id, wait)| {
                let stalled = state
                    .tasks
                    .get(&wait.task)
                    .map_or(Timestamp::MIN, |task| task.stalled_until);
                (wait.until.max(stalled), *id)
            })
            .min()?;
        let (at, id) = first;
        state.now = state.now.max(at);
        let wait = state.waits.get_mut(&id)?;
        wait.over = true;
        let (task, waker) = (wait.task, wait.waker.take());
        state.current = task;
        state.passes += 1;
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Some(task)
    }
}

/// Runs tasks under a baton.
pub(crate) struct Scheduler {
    baton: Arc<Baton>,
    bodies: BTreeMap<TaskId, Body>,
}

impl Scheduler {
    pub(crate) fn new(baton: Arc<Baton>) -> Self {
        Self {
            baton,
            bodies: BTreeMap::new(),
        }
    }

    /// Runs until `last` has ended, or `between` (called after each step, while nobody runs) says stop.
    pub(crate) async fn run(
        &mut self,
        last: TaskId,
        mut between: impl AsyncFnMut() -> bool,
    ) -> Stopped {
        loop {
            self.come_and_go().await;
            if !self.bodies.contains_key(&last) {
                return Stopped::Done;
            }
            let Some(task) = self.baton.grant() else {
                return Stopped::Stuck;
            };
            self.go_on(task).await;
            if !between().await {
                return Stopped::Told;
            }
        }
    }

    /// Ends all tasks but one, where they wait.
    pub(crate) fn end_all(&mut self) {
        for id in self.bodies.keys().copied().collect::<Vec<_>>() {
            self.end(id);
        }
    }

    async fn come_and_go(&mut self) {
        loop {
            let (arriving, leaving) = {
                let mut state = self.baton.state();
                (
                    std::mem::take(&mut state.arriving),
                    std::mem::take(&mut state.leaving),
                )
            };
            if arriving.is_empty() && leaving.is_empty() {
                return;
            }
            for task in leaving {
                self.end(task);
            }
            for (id, body) in arriving {
                self.bodies.insert(id, body);
                self.baton.state().current = id;
                self.go_on(id).await;
            }
        }
    }

    /// Runs a task to its next wait, or its end. Whatever it asks of the database until then is waited for here.
    async fn go_on(&mut self, id: TaskId) {
        let Some(body) = self.bodies.get_mut(&id) else {
            return;
        };
        let baton = &self.baton;
        let ended = poll_fn(|cx| {
            baton.state().parked = false;
            match body.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(true),
                Poll::Pending if baton.state().parked => Poll::Ready(false),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        if ended {
            self.end(id);
        }
    }

    fn end(&mut self, id: TaskId) {
        drop(self.bodies.remove(&id));
        let mut state = self.baton.state();
        state.waits.retain(|_, wait| wait.task != id);
    }
}

/// A wait under way.
pub(crate) struct Pause {
    baton: Arc<Baton>,
    length: Duration,
    wait: Option<u64>,
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let baton = Arc::clone(&self.baton);
        let mut state = baton.state();
        let id = if let Some(id) = self.wait {
            id
        } else {
            state.waits_made += 1;
            let id = state.waits_made;
            let wait = Wait {
                task: state.current,
                until: after(state.now, self.length),
                over: false,
                waker: None,
            };
            state.waits.insert(id, wait);
            self.wait = Some(id);
            id
        };
        let waits = state.waits.get_mut(&id).filter(|wait| !wait.over);
        let Some(wait) = waits else {
            state.waits.remove(&id);
            // A wait beside this one may have been polled before it; what follows this one may ask the database.
            state.parked = false;
            return Poll::Ready(());
        };
        wait.waker = Some(context.waker().clone());
        state.parked = true;
        Poll::Pending
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        if let Some(id) = self.wait {
            self.baton.state().waits.remove(&id);
        }
    }
}

/// A time so much later.
pub(crate) fn after(now: Timestamp, length: Duration) -> Timestamp {
    later(now, SignedDuration::try_from(length).unwrap_or_default())
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}
