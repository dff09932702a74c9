//! Progress bars with rates for long work, on the stream of errors, and only where somebody watches.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kalends_engine::Progress;
use kalends_engine::progress::Stage;

/// How often a bar shows that it lives while nothing is done.
const TICK: Duration = Duration::from_millis(120);

/// One bar at a time, under a title.
pub(crate) struct Bars {
    shown: bool,
    title: Mutex<String>,
    bar: Mutex<ProgressBar>,
}

impl Bars {
    pub(super) fn new(shown: bool) -> Self {
        Self {
            shown,
            title: Mutex::default(),
            bar: Mutex::new(ProgressBar::hidden()),
        }
    }

    /// What the stages that follow belong to.
    pub(crate) fn title(&self, text: &str) {
        text.clone_into(&mut self.title.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Begins a piece of work: a count with a rate where its size is known later, a sign of life until then.
    pub(crate) fn begin(&self, what: &str) {
        if !self.shown {
            return;
        }
        let title = self.title.lock().unwrap_or_else(PoisonError::into_inner);
        let message = if title.is_empty() {
            what.to_owned()
        } else {
            format!("{title}: {what}")
        };
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        bar.set_style(style(false));
        bar.set_message(message);
        bar.enable_steady_tick(TICK);
        self.replace(bar);
    }

    /// Takes the bar away: what comes next is printed where it was.
    pub(crate) fn end(&self) {
        self.replace(ProgressBar::hidden());
    }

    fn replace(&self, next: ProgressBar) {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        bar.finish_and_clear();
        *bar = next;
    }

    fn with(&self, act: impl FnOnce(&ProgressBar)) {
        if self.shown {
            act(&self.bar.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl Progress for Bars {
    fn stage(&self, stage: Stage) {
        self.begin(match stage {
            Stage::Confirming => "looking after unanswered writes",
            Stage::Listing => "asking what changed",
            Stage::Reading => "reading",
            Stage::Writing => "writing",
        });
    }

    fn expect(&self, items: usize) {
        self.with(|bar| {
            if bar.length() == Some(0) && items > 0 {
                bar.set_style(style(true));
            }
            bar.inc_length(items as u64);
        });
    }

    fn done(&self, items: usize) {
        self.with(|bar| bar.inc(items as u64));
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.end();
    }
}

fn style(counted: bool) -> ProgressStyle {
    let template = if counted {
        "{spinner} {msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}"
    } else {
        "{spinner} {msg} {elapsed}"
    };
    // Both templates are known to be right; the default is no worse than a crash.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}
