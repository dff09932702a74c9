//! Puts the series together that a complete listing named in parts, a few at a time: the parts are forgotten when what they
//! make was taken in, so that a run that dies here costs no more than the last few.

use kalends_calendar::provider::{Change, Part};
use kalends_store::listings;

use crate::EngineError;
use crate::listing::Rest;
use crate::pull::take_page;
use crate::run::{Mode, Run};
use crate::take_in::{Rider, take_in};

/// How many series are put together at once.
const SERIES_BATCH: usize = 100;

/// Takes in every series of which there are parts.
pub(crate) async fn assemble(run: &Run<'_>, rest: &mut Rest) -> Result<(), EngineError> {
    if run.mode == Mode::DryRun {
        let parts = std::mem::take(&mut rest.parts);
        let (_, changes) = put_together(run, parts.into_values()).await?;
        return take_page(run, changes, rest).await;
    }
    let mut after: Option<String> = None;
    loop {
        let mut tx = run.engine.store.read(run.lease.tenant).await?;
        let limit = i64::try_from(SERIES_BATCH).unwrap_or(i64::MAX);
        let (link, after_series) = (run.link.id, after.as_deref());
        let parts = listings::parts(&mut tx, link, rest.generation, after_series, limit).await?;
        drop(tx);
        let Some(last) = parts.last() else {
            return Ok(());
        };
        after = Some(last.series.clone());
        let (assembled, changes) = put_together(run, parts.into_iter()).await?;
        take_page(run, changes, rest).await?;
        let rider = Rider {
            assembled,
            generation: Some(rest.generation),
            ..Rider::default()
        };
        take_in(run, Vec::new(), rider).await?;
    }
}

/// Each series of these parts, which come in the order of their series; and the series' names.
async fn put_together(
    run: &Run<'_>,
    parts: impl Iterator<Item = Part>,
) -> Result<(Vec<String>, Vec<Change>), EngineError> {
    let mut parts = parts.peekable();
    let mut names = Vec::new();
    let mut changes = Vec::new();
    while let Some(first) = parts.next() {
        let series = first.series.clone();
        let mut own = vec![first];
        while let Some(part) = parts.next_if(|part| part.series == series) {
            own.push(part);
        }
        run.within_budget()?;
        let assembled = run
            .provider
            .assemble(&run.link.remote_calendar, &series, own);
        changes.extend(run.holding(assembled).await??);
        names.push(series);
    }
    Ok((names, changes))
}
