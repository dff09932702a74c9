//! `[database]`: where everything is kept.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::env;
use super::reference::Setting;

/// The section as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Section {
    /// `sqlite:PATH` or `postgres://USER@HOST/DATABASE`.
    url: Option<String>,
    /// Whether the schema is brought up to date by itself.
    migrate: Option<Migrate>,
}

/// Who brings the schema up to date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Migrate {
    /// Every command does, before anything else.
    #[default]
    Auto,
    /// An operator does, with `kalends migrate up`.
    Manual,
}

/// Where everything is kept.
#[derive(Debug)]
pub(crate) struct Database {
    /// `sqlite:PATH` or `postgres://USER@HOST/DATABASE`.
    pub(crate) url: String,
    /// Who brings the schema up to date.
    pub(crate) migrate: Migrate,
    /// The SQLite file; none for one in memory and for PostgreSQL.
    pub(crate) file: Option<PathBuf>,
    /// Its folder.
    pub(crate) folder: Option<PathBuf>,
}

impl Section {
    pub(super) fn checked(self, option: Option<&str>) -> Result<Database> {
        let url = match option.map(str::to_owned).or(self.url) {
            Some(url) => url,
            None => format!("sqlite:{}", data_folder()?.join("kalends.db").display()),
        };
        let migrate = match env("KALENDS_MIGRATE").as_deref() {
            None => self.migrate.unwrap_or_default(),
            Some("auto") => Migrate::Auto,
            Some("manual") => Migrate::Manual,
            Some(other) => bail!("KALENDS_MIGRATE is auto or manual, not {other:?}"),
        };
        let file = match sqlite_file(&url) {
            Some(file) => Some(file),
            None if url.starts_with("sqlite:")
                || url.starts_with("postgres:")
                || url.starts_with("postgresql:") =>
            {
                None
            }
            None => bail!(
                "database.url is sqlite:PATH or postgres://USER@HOST/DATABASE, not {:?}",
                url.split(':').next().unwrap_or_default()
            ),
        };
        let folder = file.as_deref().map(|file| match file.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        });
        Ok(Database {
            url,
            migrate,
            file,
            folder,
        })
    }
}

/// The file of a SQLite database; none for one in memory.
fn sqlite_file(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("sqlite:")?;
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let in_memory =
        matches!(path, "" | ":memory:") || parameters.split('&').any(|one| one == "mode=memory");
    let path = percent_decode_str(path).decode_utf8().ok()?;
    (!in_memory).then(|| PathBuf::from(&*path))
}

/// `KALENDS_DATA`, else where the XDG Base Directory Specification puts a user's data.
fn data_folder() -> Result<PathBuf> {
    if let Some(folder) = env("KALENDS_DATA") {
        return Ok(PathBuf::from(folder));
    }
    if let Some(folder) = env("XDG_DATA_HOME") {
        return Ok(Path::new(&folder).join("kalends"));
    }
    let home = env("HOME").context(
        "there is no home folder to keep the database in: give --database, or set KALENDS_DATA",
    )?;
    Ok(Path::new(&home).join(".local/share/kalends"))
}

/// What the guide says of it.
pub(super) fn reference() -> Vec<Setting> {
    let setting = |key, variable, usual: &str, what| Setting {
        section: Some("database"),
        key,
        variable,
        usual: usual.to_owned(),
        what,
    };
    vec![
        setting(
            Some("url"),
            Some("DATABASE"),
            "`sqlite:` + `kalends.db` in the data folder",
            "`sqlite:PATH` or `postgres://USER@HOST/DATABASE`",
        ),
        setting(
            None,
            Some("DATA"),
            "`$XDG_DATA_HOME/kalends`, else `~/.local/share/kalends`",
            "the data folder",
        ),
        setting(
            Some("migrate"),
            Some("MIGRATE"),
            "`auto`",
            "`manual`: commands stop until `kalends migrate up` was run",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_sqlite_address() {
        let of = |url| sqlite_file(url).map(|path| path.display().to_string());
        assert_eq!(of("sqlite:a/b.db").as_deref(), Some("a/b.db"));
        assert_eq!(of("sqlite:///var/b.db").as_deref(), Some("/var/b.db"));
        assert_eq!(of("sqlite:b.db?mode=rwc").as_deref(), Some("b.db"));
        assert_eq!(of("sqlite:a%20b.db").as_deref(), Some("a b.db"));
        assert_eq!(of("sqlite::memory:"), None);
        assert_eq!(of("sqlite:b?mode=memory"), None);
        assert_eq!(of("postgres://u@h/d"), None);
    }
}
