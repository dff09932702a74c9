//! The tree's own rules, as ordinary tests: who may depend on whom, and what no file may contain.
//!
//! Every message names the file and the line, so that the fix is one click away.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// A file longer than this holds more than one thought. Usual are 100 to 400 lines; the rest is room for tables.
const LINES_MAX: usize = 700;

/// Which crates of ours a crate may depend on. A crate that is not in this table may not exist.
struct Edges {
    name: &'static str,
    may: &'static [&'static str],
    /// Further crates that its tests may use.
    tests_may: &'static [&'static str],
}

const EDGES: &[Edges] = &[
    Edges {
        name: "calendar",
        may: &[],
        tests_may: &[],
    },
    Edges {
        name: "providers",
        may: &["calendar"],
        tests_may: &["sandbox"],
    },
    Edges {
        name: "store",
        may: &["calendar"],
        tests_may: &[],
    },
    Edges {
        name: "engine",
        may: &["calendar", "store"],
        tests_may: &[],
    },
    Edges {
        name: "sandbox",
        may: &["calendar"],
        tests_may: &[],
    },
    Edges {
        name: "server",
        may: &["calendar", "engine", "providers", "sandbox", "store"],
        tests_may: &[],
    },
    Edges {
        name: "sim",
        may: &["calendar", "engine", "providers", "sandbox", "store"],
        tests_may: &[],
    },
];

/// Crates of others that only some of ours may use at all, tests included, and why.
const ONLY_IN: &[(&str, &[&str], &str)] = &[
    (
        "sqlx",
        &["store"],
        "the store is the only crate that knows SQL",
    ),
    (
        "reqwest",
        &["providers"],
        "providers is the only crate that speaks HTTP outward",
    ),
    (
        "axum",
        &["server"],
        "the server is the only crate that answers HTTP",
    ),
    (
        "anyhow",
        &["server", "sim"],
        "libraries have error types; anyhow is for main and commands",
    ),
];

/// What the pure crate may not even depend on outside its tests.
const NOT_IN_CALENDAR: &[&str] = &[
    "tokio",
    "sqlx",
    "reqwest",
    "http",
    "axum",
    "getrandom",
    "rand",
    "secrecy",
    "chrono",
    "futures-util",
];

/// Written in pieces, so that this file does not break its own rule.
const FORBIDDEN: &[(&str, &str)] = &[
    (concat!("<<<<", "<<< "), "a merge was not finished"),
    (concat!("todo", "!"), "unfinished work does not land"),
    (
        concat!("unimpl", "emented!"),
        "unfinished work does not land",
    ),
    (concat!("db", "g!"), "debug output does not land"),
    (concat!("FIX", "ME"), "fix it, or write an issue"),
    (
        concat!("#[ign", "ore"),
        "a test that does not run proves nothing",
    ),
    (
        concat!("#[al", "low("),
        "use #[expect(.., reason = \"..\")]",
    ),
];

/// Folders that are made, not written.
const NOT_OURS: &[&str] = &[
    "target",
    ".git",
    ".venv",
    ".venv-clients",
    ".venv-node",
    ".demo",
    ".bench",
    "node_modules",
    "dist",
    "__pycache__",
];

/// Files that hold text people wrote; everything else is not searched for paths.
const TEXT: &[&str] = &[
    "rs", "toml", "md", "sql", "py", "sh", "yml", "yaml", "json", "ics", "snap", "txt", "ts",
    "svelte", "html", "css",
];

#[test]
fn our_crates_depend_on_each_other_only_along_the_drawn_edges() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(row) = EDGES.iter().find(|row| row.name == short(package)) else {
            wrong.push(format!(
                "{}: not in the table of crates in tidy.rs",
                package.manifest_path
            ));
            continue;
        };
        for dependency in &package.dependencies {
            let Some(target) = dependency.name.strip_prefix("kalends-") else {
                continue;
            };
            let in_tests = dependency.kind == DependencyKind::Development;
            let allowed =
                row.may.contains(&target) || (in_tests && row.tests_may.contains(&target));
            if !allowed {
                wrong.push(format!(
                    "{}:{}: {} may not depend on {target}; it may use {:?}",
                    package.manifest_path,
                    line_of(&package.manifest_path, &dependency.name),
                    row.name,
                    row.may,
                ));
            }
        }
    }
    report(&wrong);
}

#[test]
fn crates_of_others_stay_where_they_belong() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        for dependency in &package.dependencies {
            let place = || {
                format!(
                    "{}:{}",
                    package.manifest_path,
                    line_of(&package.manifest_path, &dependency.name)
                )
            };
            for (name, homes, reason) in ONLY_IN {
                if dependency.name == *name && !homes.contains(&short(package)) {
                    wrong.push(format!(
                        "{}: {name} is only for {homes:?}: {reason}",
                        place()
                    ));
                }
            }
            if short(package) == "calendar"
                && dependency.kind != DependencyKind::Development
                && NOT_IN_CALENDAR.contains(&dependency.name.as_str())
            {
                wrong.push(format!(
                    "{}: the domain is pure and may not use {}",
                    place(),
                    dependency.name
                ));
            }
        }
    }
    report(&wrong);
}

#[test]
fn every_crate_takes_the_lints_and_has_one_test_binary() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        if !read(package.manifest_path.as_std_path()).contains("[lints]\nworkspace = true") {
            wrong.push(format!(
                "{}: [lints] workspace = true is missing",
                package.manifest_path
            ));
        }
        for target in package
            .targets
            .iter()
            .filter(|target| target.is_test() && target.name != "it")
        {
            wrong.push(format!(
                "{}: a second test binary; make it a module of tests/it",
                target.src_path
            ));
        }
    }
    report(&wrong);
}

#[test]
fn both_databases_have_the_same_migrations_each_with_a_way_back() {
    let folder = root().join("crates/store/migrations");
    let names: BTreeMap<&str, BTreeSet<String>> = ["sqlite", "postgres"]
        .into_iter()
        .map(|side| (side, file_names(&folder.join(side))))
        .collect();
    let mut wrong = Vec::new();
    for (side, other) in [("sqlite", "postgres"), ("postgres", "sqlite")] {
        let here = folder.join(side);
        if names[side].is_empty() {
            wrong.push(format!("{}: no migrations", shown(&here)));
        }
        for name in &names[side] {
            let file = here.join(name);
            if !names[other].contains(name) {
                wrong.push(format!(
                    "{}: {other} has no migration of this name",
                    shown(&file)
                ));
            }
            let Some(stem) = name.strip_suffix(".sql") else {
                wrong.push(format!("{}: not an .sql file", shown(&file)));
                continue;
            };
            if let Some(forward) = stem.strip_suffix(".down") {
                if !names[side].contains(&format!("{forward}.sql")) {
                    wrong.push(format!("{}: a way back from nowhere", shown(&file)));
                }
            } else if !names[side].contains(&format!("{stem}.down.sql")) {
                wrong.push(format!("{}: {stem}.down.sql is missing", shown(&file)));
            }
            if read(&file).trim().is_empty() {
                wrong.push(format!("{}: empty", shown(&file)));
            }
        }
    }
    report(&wrong);
}

#[test]
fn every_source_file_says_what_it_is_and_is_short_enough() {
    let mut wrong = Vec::new();
    for file in sources() {
        let text = read(&file);
        if !text.starts_with("//!") {
            wrong.push(format!(
                "{}:1: the first line must be a //! line that says what this file is",
                shown(&file)
            ));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!(
                "{}:{lines}: longer than {LINES_MAX} lines: split it by thought",
                shown(&file)
            ));
        }
    }
    report(&wrong);
}

#[test]
fn no_source_file_has_left_overs() {
    let mut wrong = Vec::new();
    for file in sources() {
        for (number, line) in read(&file).lines().enumerate() {
            for (word, reason) in FORBIDDEN.iter().filter(|(word, _)| line.contains(word)) {
                wrong.push(format!("{}:{}: {word}: {reason}", shown(&file), number + 1));
            }
        }
    }
    report(&wrong);
}

#[test]
fn no_file_knows_this_machine() {
    let machine = machine_paths();
    let mut wrong = Vec::new();
    for file in files(&root()) {
        let extension = file.extension().and_then(|extension| extension.to_str());
        if extension.is_some_and(|extension| !TEXT.contains(&extension)) {
            continue;
        }
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for path in machine.iter().filter(|path| mentions(line, path)) {
                wrong.push(format!(
                    "{}:{}: {path} exists on this machine only",
                    shown(&file),
                    number + 1
                ));
            }
        }
    }
    report(&wrong);
}

#[test]
fn a_path_counts_only_where_one_begins() {
    assert!(mentions("open(\"/srv/me/file\")", "/srv/me/"));
    assert!(mentions("/srv/me/file", "/srv/me/"));
    assert!(!mentions("/calendars/srv/me/file", "/srv/me/"));
    assert!(!mentions("http://host/srv/me/", "/srv/me/"));
    assert!(mentions("a/srv/me/ and /srv/me/", "/srv/me/"));
}

/// The folders that give a machine away: this checkout, the folder it lies in, and the home folder.
fn machine_paths() -> BTreeSet<String> {
    let root = root();
    // A parent such as `/work` or `/srv` is as likely to be the path of a calendar.
    let around = root
        .parent()
        .filter(|parent| parent.components().count() > 2)
        .map(Path::to_path_buf);
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let everywhere = ["", "/tmp", "/var/tmp"];
    [Some(root), around, home]
        .into_iter()
        .flatten()
        .map(|path| path.display().to_string().trim_end_matches('/').to_owned())
        .filter(|path| !everywhere.contains(&path.as_str()))
        .map(|path| path + "/")
        .collect()
}

/// Whether a line holds a path under `folder`, which ends in a slash. The same letters inside a longer path or an
/// address do not count.
fn mentions(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_-.~/}%>".contains(c))
    })
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .expect("cargo metadata")
}

fn short(package: &Package) -> &str {
    package
        .name
        .strip_prefix("kalends-")
        .unwrap_or(&package.name)
}

/// The line of a manifest that declares a dependency, or 1.
fn line_of(manifest: impl AsRef<Path>, dependency: &str) -> usize {
    let declares = |line: &str| {
        line.strip_prefix(dependency)
            .is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
    };
    read(manifest.as_ref())
        .lines()
        .position(declares)
        .map_or(1, |at| at + 1)
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("crates/sim lies two levels below the root")
        .to_path_buf()
}

/// All Rust files of the workspace.
fn sources() -> Vec<PathBuf> {
    let sources: Vec<_> = files(&root().join("crates"))
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    assert!(
        sources.len() >= EDGES.len(),
        "found only {} source files",
        sources.len()
    );
    sources
}

/// All files below a folder that somebody wrote, in a stable order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        {
            let entry = entry.expect("a folder entry");
            let kind = entry.file_type().expect("a file type");
            let name = entry.file_name();
            if kind.is_file() {
                found.push(entry.path());
            } else if kind.is_dir() && !NOT_OURS.iter().any(|made| name == *made) {
                folders.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

fn file_names(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return BTreeSet::new();
    };
    entries
        .map(|entry| {
            entry
                .expect("a folder entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A path as one would open it from the root of the repository.
fn shown(file: &Path) -> String {
    file.strip_prefix(root())
        .unwrap_or(file)
        .display()
        .to_string()
}

fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n\n{}\n", wrong.join("\n"));
}

#[test]
fn a_test_that_says_that_it_was_skipped_is_not_counted_as_passed() {
    let log = "test a ... ok\n\nsuccesses:\n\n\
        ---- a stdout ----\nskipped: no document\nskipped: nor another\n\n\
        ---- b stdout ----\nskipped: no metadata\n\n\
        ---- c stdout ----\nall is well\n\n\
        test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured\n\
        test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured\n";
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), log).unwrap();
    let counted = std::process::Command::new(root().join("scripts/count-tests"))
        .stdin(fs::File::open(file.path()).unwrap())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&counted.stdout), "5 1 3\n");
}
