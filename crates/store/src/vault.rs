//! Envelope encryption: one data key per tenant, wrapped by a master key that is not in the database.

use std::collections::BTreeMap;

use secrecy::SecretBox;

/// What can go wrong with a secret. Never says anything of its content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// A master key that cannot be read.
    #[error("a master key is 32 bytes in base64 or hex: {0}")]
    BadKey(String),
    /// The key under which a tenant's data key is wrapped is not given.
    #[error("the master key {0:?} is needed and not given")]
    UnknownKey(String),
    /// The key given is not the one that sealed this, or the sealed bytes were changed or moved.
    #[error("a secret cannot be opened with the master key {0:?}: is it the right one?")]
    WrongKey(String),
    /// The tenant's data key was erased, or was never made.
    #[error("the secrets of this tenant were erased")]
    Erased,
    /// The system gives no randomness.
    #[error("no randomness: {0}")]
    Entropy(String),
}

/// Which secret of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The password, or app password.
    Password,
}

/// A 256-bit key that wraps data keys.
#[derive(Debug)]
pub struct MasterKey(pub(crate) SecretBox<[u8; 32]>);

/// The keys at hand, by id, of which one is current.
#[derive(Debug)]
pub struct MasterKeys {
    pub(crate) current: String,
    pub(crate) keys: BTreeMap<String, MasterKey>,
}

/// Seals and opens secrets.
#[derive(Debug)]
pub struct Vault {
    pub(crate) keys: MasterKeys,
}

impl MasterKey {
    /// Reads a key from the text of a setting or a file: 32 bytes in base64 or hex, white space around them ignored.
    pub fn parse(text: &str) -> Result<Self, VaultError> {
        Err(VaultError::BadKey(text.len().to_string()))
    }

    /// A new key, and its text in base64.
    pub fn generate() -> Result<(Self, secrecy::SecretString), VaultError> {
        Err(VaultError::Entropy("unfinished".to_owned()))
    }
}

impl MasterKeys {
    /// A ring with one key, which is current.
    pub fn new(id: &str, key: MasterKey) -> Self {
        Self {
            current: id.to_owned(),
            keys: BTreeMap::from([(id.to_owned(), key)]),
        }
    }

    /// Adds an older key, which only opens.
    #[must_use]
    pub fn with_older(mut self, id: &str, key: MasterKey) -> Self {
        self.keys.entry(id.to_owned()).or_insert(key);
        self
    }
}

impl Vault {
    /// A vault with these keys.
    pub fn new(keys: MasterKeys) -> Self {
        Self { keys }
    }
}
