//! What a long run tells whoever watches.

use kalends_calendar::ids::LinkId;

/// Watches a run. Called often: must be cheap.
pub trait Progress: Send + Sync {
    /// A node begins a run over a link, of its own accord.
    fn begins(&self, _link: LinkId) {}
    /// Another stage begins.
    fn stage(&self, stage: Stage);
    /// So many more items of the stage are expected.
    fn expect(&self, items: usize);
    /// So many more items of the stage are done.
    fn done(&self, items: usize);
}

/// The stages of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finding out what became of writes whose outcome is not known.
    Confirming,
    /// Asking what changed.
    Listing,
    /// Reading what changed.
    Reading,
    /// Writing what we owe.
    Writing,
}

/// Nobody watches.
pub struct Silent;

impl Progress for Silent {
    fn stage(&self, _: Stage) {}
    fn expect(&self, _: usize) {}
    fn done(&self, _: usize) {}
}
