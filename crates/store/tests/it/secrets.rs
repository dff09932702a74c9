//! Secrets: sealed at rest, re-wrapped online, erased for good.

use kalends_store::StoreError;
use kalends_store::secrets;
use kalends_store::vault::{MasterKey, MasterKeys, Purpose, Vault, VaultError};
use secrecy::{ExposeSecret as _, SecretString};

use crate::fixture::{World, at};
use crate::harness::contract;

fn key(byte: u8) -> MasterKey {
    MasterKey::parse(&format!("{byte:02x}").repeat(32)).unwrap()
}

/// A vault with one key.
pub(crate) fn vault() -> Vault {
    Vault::new(MasterKeys::new("2026", key(1)))
}

async fn read(world: &World, vault: &Vault) -> Result<Option<String>, StoreError> {
    let mut tx = world.read().await;
    let secret = secrets::get(&mut tx, vault, world.connection, Purpose::Password).await?;
    Ok(secret.map(|secret| secret.expose_secret().to_owned()))
}

contract! {
    async fn a_secret_is_kept_rotated_and_erased(db) {
        let world = World::new(&db.store, "a").await;
        let vault = Vault::new(MasterKeys::new("2025", key(1)));
        assert_eq!(read(&world, &vault).await.unwrap(), None);
        for password in ["first", "correct horse"] {
            let mut tx = world.begin().await;
            let secret = SecretString::from(password);
            secrets::put(&mut tx, &vault, world.connection, Purpose::Password, &secret, at(1)).await.unwrap();
            tx.commit().await.unwrap();
        }
        assert_eq!(read(&world, &vault).await.unwrap().as_deref(), Some("correct horse"));

        let newer = Vault::new(MasterKeys::new("2026", key(2)).with_older("2025", key(1)));
        assert_eq!(read(&world, &newer).await.unwrap().as_deref(), Some("correct horse"));
        let mut tx = world.begin().await;
        assert!(secrets::rotate(&mut tx, &newer, at(2)).await.unwrap());
        assert!(!secrets::rotate(&mut tx, &newer, at(2)).await.unwrap());
        assert_eq!(secrets::master_key(&mut tx).await.unwrap().as_deref(), Some("2026"));
        tx.commit().await.unwrap();
        let only_new = Vault::new(MasterKeys::new("2026", key(2)));
        assert_eq!(read(&world, &only_new).await.unwrap().as_deref(), Some("correct horse"));
        let error = read(&world, &vault).await.unwrap_err();
        assert!(matches!(error, StoreError::Vault(VaultError::UnknownKey(id)) if id == "2026"));
        let wrong = Vault::new(MasterKeys::new("2026", key(3)));
        let error = read(&world, &wrong).await.unwrap_err();
        assert!(matches!(error, StoreError::Vault(VaultError::WrongKey(_))), "{error}");

        let mut tx = world.begin().await;
        secrets::erase(&mut tx).await.unwrap();
        assert!(!secrets::rotate(&mut tx, &newer, at(2)).await.unwrap());
        assert_eq!(secrets::master_key(&mut tx).await.unwrap(), None);
        tx.commit().await.unwrap();
        assert_eq!(read(&world, &only_new).await.unwrap(), None);
    }
}
