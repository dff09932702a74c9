//! `/api/platform/features/`: the catalogue. Host products keep their own features here too.

use axum::Json;
use kalends_store::features::{self, Feature};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::door::Admin;
use crate::api::error::Answer;
use crate::api::input::{self, Body};
use crate::api::output::Reply;

/// The catalogue.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Catalogue {
    success: bool,
    features: Vec<Entry>,
}

/// A feature.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Feature")]
pub(crate) struct Entry {
    /// Lower case letters, digits and `_`; 64 at most.
    code: String,
    /// Its name for people.
    name: String,
}

/// A feature that was added.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FeatureAdded")]
pub(crate) struct Added {
    success: bool,
    feature: Entry,
}

pub(crate) async fn list(admin: Admin) -> Answer<Json<Catalogue>> {
    let all = features::catalogue(admin.store()).await?;
    let features = all
        .into_iter()
        .map(|Feature { code, name }| Entry { code, name })
        .collect();
    Ok(Json(Catalogue {
        success: true,
        features,
    }))
}

pub(crate) async fn add(admin: Admin, Body(new): Body<Entry>) -> Answer<Reply<Added, 201>> {
    let name = input::name("name", &new.name)?;
    let feature = Feature {
        code: new.code.clone(),
        name: name.clone(),
    };
    let mut tx = admin.platform().await?;
    features::add(&mut tx, feature).await?;
    let object = format!("feature {}", new.code);
    admin
        .0
        .audit(&mut tx, "feature.create", object, json!({ "name": name }))
        .await?;
    tx.commit().await?;
    let feature = Entry {
        code: new.code,
        name,
    };
    Ok(Reply::new(Added {
        success: true,
        feature,
    }))
}
