//! The master key: where it comes from, and the one that is made for an embedded database when nobody gives one.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kalends_store::StoreError;
use kalends_store::vault::{MasterKey, MasterKeys, Vault, VaultError};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::config::{Database, KeyPlace, Keys};
use crate::screen::Screen;

/// The key beside an embedded database.
const KEY_FILE: &str = "master.key";
/// The one that a rotation is about to bring in.
const NEW_KEY_FILE: &str = "master.key.new";
/// Those before it are `master.key.ID.old` (once `master.key.old`), kept for older backups of the database.
const OLD_KEY_END: &str = ".old";

/// How many hex digits of a key's hash name it. Enough to tell keys apart, too few to find one.
const KEY_ID_DIGITS: usize = 12;

/// The master keys of a process, which reads them again when it meets one that came after its start.
pub(crate) struct KeyRing {
    keys: Keys,
    folder: Option<PathBuf>,
    vault: Mutex<Arc<Vault>>,
}

impl KeyRing {
    /// Reads the keys that the settings name.
    pub(crate) fn read(keys: &Keys, database: &Database) -> Result<Self> {
        let vault = Vault::new(ring(keys, database.folder.as_deref())?);
        Ok(Self {
            keys: keys.clone(),
            folder: database.folder.clone(),
            vault: Mutex::new(Arc::new(vault)),
        })
    }

    /// What seals and opens with them.
    pub(crate) fn vault(&self) -> Arc<Vault> {
        Arc::clone(&self.vault.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the keys again: another process may have rotated them.
    pub(crate) fn read_again(&self) -> Result<()> {
        let vault = Arc::new(Vault::new(ring(&self.keys, self.folder.as_deref())?));
        *self.vault.lock().unwrap_or_else(PoisonError::into_inner) = vault;
        Ok(())
    }
}

/// Whether a store's error is that a master key is not at hand.
pub(crate) fn is_unknown_key(error: &StoreError) -> bool {
    matches!(error, StoreError::Vault(VaultError::UnknownKey(_)))
}

/// A store's error with what to do about it, where that is a matter of keys.
pub(crate) fn explained(error: &StoreError) -> String {
    if is_unknown_key(error) {
        format!("{error} (if it is lost: kalends keys forget --help)")
    } else {
        error.to_string()
    }
}

/// What `keys rotate` works with.
pub(crate) enum Rotation {
    /// The operator brought a new key: what older ones sealed is sealed anew.
    Given(Vault),
    /// The key is ours: a new one was made, which takes the old one's place once everything is sealed anew.
    Made {
        /// With the new key, and the old ones.
        vault: Vault,
        /// Where the keys are.
        folder: PathBuf,
    },
}

/// Prepares a rotation.
pub(crate) fn rotation(keys: &Keys, database: &Database) -> Result<Rotation> {
    let folder = match (&keys.current, &database.folder) {
        (KeyPlace::Unset, Some(folder)) => folder.clone(),
        _ if keys.older.is_empty() => bail!(
            "to rotate, put the new key in the place of the old one, and name the old one's file \
             in keys.older_master_key_files or KALENDS_OLDER_MASTER_KEY_FILES"
        ),
        _ => return Ok(Rotation::Given(Vault::new(ring(keys, None)?))),
    };
    let path = folder.join(NEW_KEY_FILE);
    if !path.exists() {
        let (_, text) = MasterKey::generate()?;
        write_new(&path, &text)?;
    }
    let mut older = older_beside(&folder)?;
    older.push(folder.join(KEY_FILE));
    let ring = with_key_files(read_key(&path)?, &older)?;
    Ok(Rotation::Made {
        vault: Vault::new(ring),
        folder,
    })
}

/// Ends a rotation of a key of ours: the new one takes the old one's place, which is at no moment empty. The old one is
/// kept under its name, so that the next rotation does not overwrite it.
pub(crate) fn settle(folder: &Path) -> Result<PathBuf> {
    let path = folder.join(KEY_FILE);
    let id = read_key(&path)?.id;
    let old = folder.join(format!("{KEY_FILE}.{id}{OLD_KEY_END}"));
    match fs::hard_link(&path, &old) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(error).with_context(|| old.display().to_string());
        }
        // A file of this name is of this key.
        Ok(()) | Err(_) => {}
    }
    fs::rename(folder.join(NEW_KEY_FILE), &path).with_context(|| path.display().to_string())?;
    Ok(old)
}

fn ring(keys: &Keys, folder: Option<&Path>) -> Result<MasterKeys> {
    let current = match (&keys.current, folder) {
        (KeyPlace::Given(text), _) => parse(text).context("KALENDS_MASTER_KEY")?,
        (KeyPlace::File(path), _) => read_key(path)?,
        (KeyPlace::Unset, Some(folder)) => {
            let own = read_key(&folder.join(KEY_FILE))?;
            return with_key_files(own, &older_beside(folder)?);
        }
        (KeyPlace::Unset, None) => bail!(
            "passwords are kept encrypted, and this database has no folder to keep a key in: set \
             KALENDS_MASTER_KEY or KALENDS_MASTER_KEY_FILE (32 random bytes in base64: \
             `openssl rand -base64 32`), the same for every node"
        ),
    };
    with_key_files(current, &keys.older)
}

/// A key with its name.
struct Named {
    id: String,
    key: MasterKey,
}

/// A ring with these older keys; a file that is named is there.
fn with_key_files(current: Named, older: &[PathBuf]) -> Result<MasterKeys> {
    let mut ring = MasterKeys::new(&current.id, current.key);
    for path in older {
        let older = read_key(path)?;
        ring = ring.with_older(&older.id, older.key);
    }
    Ok(ring)
}

/// The other keys beside an embedded database: of earlier rotations, and of one that is under way.
fn older_beside(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(rest) = name.and_then(|name| name.strip_prefix(KEY_FILE)) else {
            continue;
        };
        if name == Some(NEW_KEY_FILE) || rest.ends_with(OLD_KEY_END) {
            found.push(path);
        }
    }
    Ok(found)
}

/// Where the key beside an embedded database belongs, if it is to be there and is not.
pub(crate) fn missing(keys: &Keys, database: &Database) -> Option<PathBuf> {
    let (KeyPlace::Unset, Some(folder)) = (&keys.current, &database.folder) else {
        return None;
    };
    let path = folder.join(KEY_FILE);
    (!path.exists()).then_some(path)
}

/// Makes the key beside an embedded database.
pub(crate) fn make(path: &Path, screen: &Screen) -> Result<()> {
    let (_, text) = MasterKey::generate()?;
    if write_new(path, &text)? {
        screen.note(&format!(
            "made a master key for the passwords at rest: {} (keep a copy; without it they are lost)",
            path.display()
        ));
    }
    Ok(())
}

/// Writes a key that nobody else may read; false if another process was quicker. The file appears whole or not at all.
fn write_new(path: &Path, text: &SecretString) -> Result<bool> {
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&draft).and_then(|mut file| {
        file.write_all(format!("{}\n", text.expose_secret()).as_bytes())?;
        file.sync_all()?;
        fs::hard_link(&draft, path)
    });
    // Whatever became of it, the draft has had its day.
    let _ = fs::remove_file(&draft);
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

fn read_key(path: &Path) -> Result<Named> {
    let text = fs::read_to_string(path)
        .map(SecretString::from)
        .with_context(|| format!("the master key in {}", path.display()))?;
    parse(&text).with_context(|| path.display().to_string())
}

/// Whether a text is a master key. What it is otherwise is not told: it may be a secret.
pub(crate) fn check(text: &SecretString) -> Result<()> {
    parse(text).map(drop)
}

/// A key, named by the beginning of its hash, so that the ring knows it again however it is written.
fn parse(text: &SecretString) -> Result<Named> {
    let key = MasterKey::parse(text.expose_secret())?;
    let written = text.expose_secret().trim();
    let is_hex = written.len() == 64 && written.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digest = match BASE64_STANDARD.decode(written) {
        Ok(bytes) if !is_hex => Sha256::digest(bytes),
        _ => Sha256::digest(from_hex(written)),
    };
    let id = (0..KEY_ID_DIGITS)
        .map(|digit| (digest[digit / 2] >> (4 * (1 - digit % 2))) & 0xf)
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect();
    Ok(Named { id, key })
}

fn from_hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
