//! Plays seeds for the tests.

use std::ops::Range;

use kalends_sim::{Plant, Played, Template, Wish, play};

/// Plays seeds one after the other, lazily.
pub(crate) fn play_seeds(seeds: Range<u64>, plant: Plant) -> impl Iterator<Item = (u64, Played)> {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let template = runtime
        .block_on(Template::new(folder.path().to_path_buf()))
        .expect("a database");
    seeds.map(move |seed| {
        let wish = Wish {
            seed,
            plant,
            keep_trace: false,
        };
        // The folder lives as long as the seeds do.
        let _ = &folder;
        let played = runtime.block_on(play(&template, "test", wish));
        (seed, played.expect("a database"))
    })
}
