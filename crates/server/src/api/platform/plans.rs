//! `/api/platform/plans/`: what those who subscribed may use, and how much of it.

use std::collections::BTreeMap;

use axum::Json;
use kalends_store::StoreError;
use kalends_store::plans::{self, Plan, Quota};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::door::Admin;
use crate::api::error::{Answer, ApiError};
use crate::api::input::Body;
use crate::api::output::Reply;

/// A plan.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shown {
    /// Its short name, such as `pro`.
    code: String,
    /// Its name for people.
    name: String,
    /// By the codes of features: whether the plan has them.
    #[serde(default)]
    permissions: BTreeMap<String, bool>,
    /// How many `connections`, `links` and `calendars` a tenant may have; what is not named is not limited.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, i64>")]
    quotas: BTreeMap<Quota, i64>,
}

/// What is to change of a plan; a missing member stays as it is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// Which plan.
    code: String,
    #[serde(default)]
    name: Option<String>,
    /// Those that are named are set; null takes one out.
    #[serde(default)]
    permissions: BTreeMap<String, Option<bool>>,
    /// Those that are named are set; null lifts one.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Option<i64>>")]
    quotas: BTreeMap<Quota, Option<i64>>,
}

/// All plans.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Plans {
    success: bool,
    plans: Vec<Shown>,
}

/// One plan.
#[derive(Serialize, JsonSchema)]
pub(crate) struct One {
    success: bool,
    plan: Shown,
}

pub(crate) async fn list(admin: Admin) -> Answer<Json<Plans>> {
    let all = plans::list(admin.store()).await?;
    Ok(Json(Plans {
        success: true,
        plans: all.into_iter().map(shown).collect(),
    }))
}

pub(crate) async fn make(admin: Admin, Body(new): Body<Shown>) -> Answer<Reply<One, 201>> {
    if plans::get(admin.store(), &new.code).await?.is_some() {
        let error = format!(
            "There is a plan {} already; change it with PATCH.",
            new.code
        );
        return Err(ApiError::conflict("taken", error));
    }
    let plan = Plan {
        code: new.code,
        name: new.name,
        permissions: new.permissions,
        quotas: new.quotas,
    };
    put(&admin, "plan.create", plan).await.map(Reply::new)
}

pub(crate) async fn change(admin: Admin, Body(change): Body<Change>) -> Answer<Json<One>> {
    let mut plan = plans::get(admin.store(), &change.code)
        .await?
        .ok_or_else(|| ApiError::not_found("plan"))?;
    if let Some(name) = change.name {
        plan.name = name;
    }
    set(&mut plan.permissions, change.permissions);
    set(&mut plan.quotas, change.quotas);
    put(&admin, "plan.update", plan).await.map(Json)
}

/// Sets what is named, and takes out what is named with nothing.
fn set<K: Ord, V>(all: &mut BTreeMap<K, V>, change: BTreeMap<K, Option<V>>) {
    for (key, value) in change {
        match value {
            Some(value) => {
                all.insert(key, value);
            }
            None => {
                all.remove(&key);
            }
        }
    }
}

async fn put(admin: &Admin, action: &str, plan: Plan) -> Answer<One> {
    check(&plan)?;
    let mut tx = admin.platform().await?;
    plans::put(&mut tx, plan.clone(), admin.now())
        .await
        .map_err(|error| match error {
            StoreError::Reference(_) => ApiError::field(
                "permissions",
                "it names a feature that is not in the catalogue",
            ),
            other => other.into(),
        })?;
    let detail: Value = json!({ "permissions": plan.permissions, "quotas": plan.quotas });
    let object = format!("plan {}", plan.code);
    admin.0.audit(&mut tx, action, object, detail).await?;
    tx.commit().await?;
    Ok(One {
        success: true,
        plan: shown(plan),
    })
}

fn check(plan: &Plan) -> Answer<()> {
    /// The longest code and name.
    const CHARS_MAX: usize = 64;
    let is_code = (1..=CHARS_MAX).contains(&plan.code.len())
        && plan.code.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
        });
    if !is_code {
        return Err(ApiError::field(
            "code",
            "expected up to 64 lower case letters, digits, `-` and `_`",
        ));
    }
    if plan.name.trim().is_empty() || plan.name.chars().count() > CHARS_MAX {
        return Err(ApiError::field("name", "expected up to 64 characters"));
    }
    if plan.quotas.values().any(|quota| *quota < 0) {
        return Err(ApiError::field("quotas", "none may be negative"));
    }
    Ok(())
}

fn shown(plan: Plan) -> Shown {
    Shown {
        code: plan.code,
        name: plan.name,
        permissions: plan.permissions,
        quotas: plan.quotas,
    }
}
