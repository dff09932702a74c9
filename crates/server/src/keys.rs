//! The master key: where it comes from, and the one that is made for an embedded database when nobody gives one.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kalends_store::vault::{MasterKey, MasterKeys, Vault};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::config::{Database, KeyPlace, Keys};
use crate::screen::Screen;

/// The key beside an embedded database.
const KEY_FILE: &str = "master.key";
/// The one before it, kept so that a rotation which was interrupted still opens everything.
const OLD_KEY_FILE: &str = "master.key.old";
/// The one that a rotation is about to bring in.
const NEW_KEY_FILE: &str = "master.key.new";

/// How many hex digits of a key's hash name it. Enough to tell keys apart, too few to find one.
const KEY_ID_DIGITS: usize = 12;

/// The vault that the settings describe; on an embedded database its key is made when nobody gave one.
pub(crate) fn vault(keys: &Keys, database: &Database, screen: &Screen) -> Result<Vault> {
    Ok(Vault::new(ring(keys, database, screen)?))
}

/// What `keys rotate` works with.
pub(crate) enum Rotation {
    /// The operator brought a new key: what older ones sealed is sealed anew.
    Given(Vault),
    /// The key is ours: a new one was made, which takes the old one's place once everything is sealed anew.
    Made {
        /// With the new key, and the old one.
        vault: Vault,
        /// Where the keys are.
        folder: PathBuf,
    },
}

/// Prepares a rotation.
pub(crate) fn rotation(keys: &Keys, database: &Database, screen: &Screen) -> Result<Rotation> {
    let folder = match (&keys.current, &database.folder) {
        (KeyPlace::Unset, Some(folder)) => folder.clone(),
        _ if keys.older.is_empty() => bail!(
            "to rotate, put the new key in the place of the old one, and name the old one's file \
             in keys.older_master_key_files or KALENDS_OLDER_MASTER_KEY_FILES"
        ),
        _ => return Ok(Rotation::Given(vault(keys, database, screen)?)),
    };
    let old = ring(keys, database, screen)?;
    drop(old);
    let path = folder.join(NEW_KEY_FILE);
    if !path.exists() {
        let (_, text) = MasterKey::generate()?;
        write_new(&path, &text)?;
    }
    let ring = with_key_files(
        read_key(&path)?,
        &[folder.join(KEY_FILE), folder.join(OLD_KEY_FILE)],
    )?;
    Ok(Rotation::Made {
        vault: Vault::new(ring),
        folder,
    })
}

/// Ends a rotation of a key of ours: the new one takes the old one's place.
pub(crate) fn settle(folder: &Path) -> Result<PathBuf> {
    let old = folder.join(OLD_KEY_FILE);
    fs::rename(folder.join(KEY_FILE), &old)?;
    fs::rename(folder.join(NEW_KEY_FILE), folder.join(KEY_FILE))?;
    Ok(old)
}

fn ring(keys: &Keys, database: &Database, screen: &Screen) -> Result<MasterKeys> {
    let current = match (&keys.current, &database.folder) {
        (KeyPlace::Given(text), _) => parse(text).context("KALENDS_MASTER_KEY")?,
        (KeyPlace::File(path), _) => read_key(path)?,
        (KeyPlace::Unset, Some(folder)) => {
            let own = own_key(folder, screen)?;
            return with_key_files(own, &[folder.join(NEW_KEY_FILE), folder.join(OLD_KEY_FILE)]);
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

fn with_key_files(current: Named, older: &[PathBuf]) -> Result<MasterKeys> {
    let mut ring = MasterKeys::new(&current.id, current.key);
    for path in older.iter().filter(|path| path.exists()) {
        let older = read_key(path)?;
        ring = ring.with_older(&older.id, older.key);
    }
    Ok(ring)
}

/// The key beside an embedded database, made on first use.
fn own_key(folder: &Path, screen: &Screen) -> Result<Named> {
    let path = folder.join(KEY_FILE);
    if !path.exists() {
        let (_, text) = MasterKey::generate()?;
        if write_new(&path, &text)? {
            screen.note(&format!(
                "made a master key for the passwords at rest: {} (keep a copy; without it they are lost)",
                path.display()
            ));
        }
    }
    read_key(&path)
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
        .with_context(|| format!("the master key in {}", path.display()))?;
    parse(&SecretString::from(text)).with_context(|| path.display().to_string())
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
    let mut id: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    id.truncate(KEY_ID_DIGITS);
    Ok(Named { id, key })
}

fn from_hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
