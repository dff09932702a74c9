//! Envelope encryption: one data key per tenant, wrapped by a master key that is not in the database.
//!
//! Everything sealed is bound to its place (tenant, connection, purpose): bytes that were moved elsewhere do not open.
//! Sealed bytes are a format byte, a random nonce of 24 bytes, and XChaCha20-Poly1305's ciphertext with its tag.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use kalends_calendar::ids::{ConnectionId, TenantId};
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use zeroize::Zeroizing;

/// The length of every key.
const KEY_BYTES: usize = 32;
/// The length of a nonce: long enough that random ones never meet.
const NONCE_BYTES: usize = 24;
/// What sealed bytes begin with; another construction would take another number.
const FORMAT: u8 = 1;

/// What can go wrong with a secret. Never says anything of its content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// A master key that cannot be read.
    #[error("a master key is 32 bytes in base64 or hex: {0}")]
    BadKey(String),
    /// The key under which a tenant's data key is wrapped is not given.
    #[error("the master key {0:?} is needed and not given")]
    UnknownKey(String),
    /// The key given is not the one that wrapped the tenant's key, or what was wrapped was changed.
    #[error("secrets cannot be opened with the master key {0:?}: is it the right one?")]
    WrongKey(String),
    /// A secret was changed, or put in another's place.
    #[error("a sealed secret is damaged")]
    Damaged,
    /// The tenant's data key was erased.
    #[error("the secrets of this tenant were erased")]
    Erased,
    /// The system gives no randomness.
    #[error("no randomness: {0}")]
    Entropy(String),
}

/// Which secret of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The password, or app password; the address of a feed.
    Password,
    /// The access token (RFC 6749 §1.4).
    AccessToken,
    /// The refresh token (RFC 6749 §1.5).
    RefreshToken,
}

/// A 256-bit key that wraps data keys.
#[derive(Debug)]
pub struct MasterKey(SecretBox<[u8; KEY_BYTES]>);

/// The keys at hand, by id, of which one is current.
#[derive(Debug)]
pub struct MasterKeys {
    current: String,
    keys: BTreeMap<String, MasterKey>,
}

/// Seals and opens secrets.
#[derive(Debug)]
pub struct Vault {
    keys: MasterKeys,
}

impl MasterKey {
    /// Reads a key from the text of a setting or a file: 32 bytes in base64 or hex, white space around them ignored.
    pub fn parse(text: &str) -> Result<Self, VaultError> {
        let text = text.trim();
        let bytes = Zeroizing::new(decode(text).ok_or_else(|| {
            VaultError::BadKey(format!("these {} characters are neither", text.len()))
        })?);
        let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice())
            .map_err(|_| VaultError::BadKey(format!("this is {} bytes", bytes.len())))?;
        Ok(Self(SecretBox::new(Box::new(key))))
    }

    /// A new key, and its text in base64, to be kept somewhere safe.
    pub fn generate() -> Result<(Self, SecretString), VaultError> {
        let key = random::<KEY_BYTES>()?;
        let text = SecretString::from(STANDARD.encode(*key));
        Ok((Self(SecretBox::new(Box::new(*key))), text))
    }
}

/// 64 characters are hex; base64 of 32 bytes has 43 or 44.
fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() == KEY_BYTES * 2 && text.is_ascii() {
        return (0..KEY_BYTES)
            .map(|at| u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok())
            .collect();
    }
    [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
        .iter()
        .find_map(|alphabet| alphabet.decode(text).ok())
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

/// A tenant's data key as it is kept.
#[derive(Debug)]
pub(crate) struct Wrapped {
    pub(crate) master_key_id: String,
    pub(crate) bytes: Vec<u8>,
}

/// A tenant's data key, open.
pub(crate) struct DataKey {
    tenant: TenantId,
    key: Zeroizing<[u8; KEY_BYTES]>,
}

impl Vault {
    /// A vault with these keys.
    pub fn new(keys: MasterKeys) -> Self {
        Self { keys }
    }

    /// The id of the key that wraps from now on.
    pub fn current(&self) -> &str {
        &self.keys.current
    }

    /// Whether the key of an id is at hand.
    pub fn knows(&self, id: &str) -> bool {
        self.keys.keys.contains_key(id)
    }

    /// A new data key for a tenant.
    pub(crate) fn make(tenant: TenantId) -> Result<DataKey, VaultError> {
        let key = random()?;
        Ok(DataKey { tenant, key })
    }

    /// Wraps a data key with the current master key.
    pub(crate) fn wrap(&self, data: &DataKey) -> Result<Wrapped, VaultError> {
        let id = &self.keys.current;
        let master = self.master(id)?;
        let bytes = seal(
            master.0.expose_secret(),
            &wrap_place(data.tenant, id),
            data.key.as_slice(),
        )?;
        Ok(Wrapped {
            master_key_id: id.clone(),
            bytes,
        })
    }

    /// Opens a data key, with whichever master key wrapped it.
    pub(crate) fn unwrap(
        &self,
        tenant: TenantId,
        wrapped: &Wrapped,
    ) -> Result<DataKey, VaultError> {
        let id = &wrapped.master_key_id;
        let wrong = || VaultError::WrongKey(id.clone());
        let master = self.master(id)?;
        let place = wrap_place(tenant, id);
        let bytes = open(master.0.expose_secret(), &place, &wrapped.bytes).ok_or_else(wrong)?;
        let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).map_err(|_| wrong())?;
        Ok(DataKey {
            tenant,
            key: Zeroizing::new(key),
        })
    }

    fn master(&self, id: &str) -> Result<&MasterKey, VaultError> {
        let key = self.keys.keys.get(id);
        key.ok_or_else(|| VaultError::UnknownKey(id.to_owned()))
    }
}

impl DataKey {
    pub(crate) fn seal(
        &self,
        connection: ConnectionId,
        purpose: Purpose,
        secret: &SecretString,
    ) -> Result<Vec<u8>, VaultError> {
        self.seal_at(&place_of(connection, purpose), secret)
    }

    /// Seals what is no connection's. The place is what the bytes are bound to.
    pub(crate) fn seal_at(
        &self,
        place: &str,
        secret: &SecretString,
    ) -> Result<Vec<u8>, VaultError> {
        let place = self.whole(place);
        seal(&self.key, &place, secret.expose_secret().as_bytes())
    }

    pub(crate) fn open(
        &self,
        connection: ConnectionId,
        purpose: Purpose,
        sealed: &[u8],
    ) -> Result<SecretString, VaultError> {
        self.open_at(&place_of(connection, purpose), sealed)
    }

    /// Opens what was sealed at the same place.
    pub(crate) fn open_at(&self, place: &str, sealed: &[u8]) -> Result<SecretString, VaultError> {
        let place = self.whole(place);
        let bytes = open(&self.key, &place, sealed).ok_or(VaultError::Damaged)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| VaultError::Damaged)?;
        Ok(SecretString::from(text))
    }

    fn whole(&self, place: &str) -> String {
        format!("kalends secret {} {place}", self.tenant)
    }
}

fn place_of(connection: ConnectionId, purpose: Purpose) -> String {
    format!("{connection} {}", purpose.word())
}

impl Purpose {
    /// As it is kept.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::AccessToken => "access_token",
            Self::RefreshToken => "refresh_token",
        }
    }
}

fn wrap_place(tenant: TenantId, master_key_id: &str) -> String {
    format!("kalends data key {tenant} {master_key_id}")
}

fn seal(key: &[u8; KEY_BYTES], place: &str, content: &[u8]) -> Result<Vec<u8>, VaultError> {
    let nonce = random::<NONCE_BYTES>()?;
    let payload = Payload {
        msg: content,
        aad: place.as_bytes(),
    };
    let ciphertext = XChaCha20Poly1305::new(key.into())
        .encrypt(&XNonce::from(*nonce), payload)
        // It fails only for contents of many gigabytes.
        .map_err(|_| VaultError::Damaged)?;
    let mut sealed = Vec::with_capacity(1 + NONCE_BYTES + ciphertext.len());
    sealed.push(FORMAT);
    sealed.extend_from_slice(nonce.as_slice());
    sealed.extend_from_slice(&ciphertext);
    Ok(sealed)
}

fn open(key: &[u8; KEY_BYTES], place: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (&FORMAT, rest) = sealed.split_first()? else {
        return None;
    };
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>()?;
    let payload = Payload {
        msg: ciphertext,
        aad: place.as_bytes(),
    };
    let content = XChaCha20Poly1305::new(key.into())
        .decrypt(&XNonce::from(*nonce), payload)
        .ok()?;
    Some(Zeroizing::new(content))
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, VaultError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice())
        .map_err(|error| VaultError::Entropy(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn key(byte: u8) -> MasterKey {
        MasterKey(SecretBox::new(Box::new([byte; KEY_BYTES])))
    }

    #[test]
    fn a_master_key_reads_from_base64_and_hex() {
        let (_, text) = MasterKey::generate().unwrap();
        let padded = format!("  {}\n", text.expose_secret());
        let bytes = STANDARD.decode(text.expose_secret()).unwrap();
        let hex = bytes
            .iter()
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02X}"));
        for text in [padded, hex, URL_SAFE_NO_PAD.encode(&bytes)] {
            let key = MasterKey::parse(&text).unwrap();
            assert_eq!(key.0.expose_secret().as_slice(), bytes);
        }
        for bad in ["", "secret", "AAAA", &"g".repeat(64), &"ä".repeat(32)] {
            assert!(matches!(MasterKey::parse(bad), Err(VaultError::BadKey(_))));
        }
    }

    #[test]
    fn what_is_sealed_opens_in_its_own_place_only() {
        let tenant = TenantId(Uuid::from_u128(1));
        let here = ConnectionId(Uuid::from_u128(2));
        let there = ConnectionId(Uuid::from_u128(3));
        let data = Vault::make(tenant).unwrap();
        let secret = SecretString::from("tiger");
        let mut sealed = data.seal(here, Purpose::Password, &secret).unwrap();
        let opened = data.open(here, Purpose::Password, &sealed).unwrap();
        assert_eq!(opened.expose_secret(), "tiger");
        let moved = data.open(there, Purpose::Password, &sealed);
        assert_eq!(moved.unwrap_err(), VaultError::Damaged);
        for at in 0..sealed.len() {
            sealed[at] ^= 1;
            assert!(data.open(here, Purpose::Password, &sealed).is_err());
            assert!(data.open(here, Purpose::Password, &sealed[..at]).is_err());
            sealed[at] ^= 1;
        }
    }

    #[test]
    fn a_wrong_or_missing_master_key_is_an_error_that_names_it() {
        let tenant = TenantId(Uuid::from_u128(1));
        let vault = Vault::new(MasterKeys::new("a", key(1)));
        let wrapped = vault.wrap(&Vault::make(tenant).unwrap()).unwrap();
        let wrong = Vault::new(MasterKeys::new("a", key(2)));
        let error = wrong.unwrap(tenant, &wrapped).map(drop).unwrap_err();
        assert_eq!(error, VaultError::WrongKey("a".to_owned()));
        let missing = Vault::new(MasterKeys::new("b", key(1)));
        let error = missing.unwrap(tenant, &wrapped).map(drop).unwrap_err();
        assert_eq!(error, VaultError::UnknownKey("a".to_owned()));
        let other = TenantId(Uuid::from_u128(9));
        assert!(vault.unwrap(other, &wrapped).is_err());
    }

    #[test]
    fn keys_never_show_in_debug_output() {
        let text = format!("{:?}", Vault::new(MasterKeys::new("a", key(7))));
        assert!(!text.contains('7'), "{text}");
    }
}
