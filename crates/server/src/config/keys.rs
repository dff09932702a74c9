//! `[keys]`: what opens the secrets at rest. Where a key is given twice, the environment counts.

use std::path::PathBuf;

use anyhow::{Context, Result};
use secrecy::SecretString;
use serde::Deserialize;

use super::env;
use super::reference::Setting;

/// The section as written. A key itself does not belong in a settings file, which others read: only the name of its file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Section {
    /// A file with the master key: 32 bytes in base64 or hex.
    master_key_file: Option<PathBuf>,
    /// Files with earlier master keys, which only open what they sealed.
    older_master_key_files: Vec<PathBuf>,
}

/// Where the master keys are.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// The current one.
    pub(crate) current: KeyPlace,
    /// Earlier ones.
    pub(crate) older: Vec<PathBuf>,
}

/// Where a key is.
#[derive(Clone, Debug)]
pub(crate) enum KeyPlace {
    /// In the environment.
    Given(SecretString),
    /// In a file.
    File(PathBuf),
    /// Nobody said: beside the embedded database.
    Unset,
}

impl Keys {
    /// One that is made beside the embedded database.
    pub(crate) fn beside_the_database() -> Self {
        Self {
            current: KeyPlace::Unset,
            older: Vec::new(),
        }
    }
}

impl Section {
    pub(super) fn checked(self) -> Result<Keys> {
        let current = if let Some(text) = env("KALENDS_MASTER_KEY") {
            let text = SecretString::from(text);
            crate::keys::check(&text).context("KALENDS_MASTER_KEY")?;
            KeyPlace::Given(text)
        } else if let Some(file) = env("KALENDS_MASTER_KEY_FILE") {
            KeyPlace::File(PathBuf::from(file))
        } else if let Some(file) = self.master_key_file {
            KeyPlace::File(file)
        } else {
            KeyPlace::Unset
        };
        let older = match env("KALENDS_OLDER_MASTER_KEY_FILES") {
            Some(files) => files
                .split(',')
                .map(str::trim)
                .filter(|file| !file.is_empty())
                .map(PathBuf::from)
                .collect(),
            None => self.older_master_key_files,
        };
        Ok(Keys { current, older })
    }
}

/// What the guide says of it.
pub(super) fn reference() -> Vec<Setting> {
    let setting = |key, variable, usual: &str, what| Setting {
        section: Some("keys"),
        key,
        variable,
        usual: usual.to_owned(),
        what,
    };
    vec![
        setting(
            Some("master_key_file"),
            Some("MASTER_KEY_FILE"),
            "see below",
            "a file with the key that seals passwords",
        ),
        setting(
            None,
            Some("MASTER_KEY"),
            "see below",
            "the key itself: 32 bytes in base64 or hex",
        ),
        setting(
            Some("older_master_key_files"),
            Some("OLDER_MASTER_KEY_FILES"),
            "none",
            "earlier keys, until `kalends keys rotate` is through (commas between)",
        ),
    ]
}
