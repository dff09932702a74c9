//! `/api/platform/plans/`: what those who subscribed may use, and how much of it.

use std::collections::BTreeMap;

use axum::Json;
use kalends_store::plans::{self, Plan, Quota};
use kalends_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::door::Admin;
use crate::api::error::{Answer, ApiError};
use crate::api::input::{self, Body};
use crate::api::output::Reply;

/// A plan.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Plan")]
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
#[schemars(rename = "PlanChange")]
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
#[schemars(rename = "PlanAnswer")]
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
    let plan = Plan {
        code: new.code,
        name: input::name("name", &new.name)?,
        permissions: new.permissions,
        quotas: new.quotas,
    };
    check(&plan)?;
    let mut tx = admin.platform().await?;
    let made = plans::create(&mut tx, plan.clone(), admin.now()).await;
    made.map_err(|error| match error {
        StoreError::Taken(_) => {
            let error = format!(
                "There is a plan {} already; change it with PATCH.",
                plan.code
            );
            ApiError::conflict("taken", error)
        }
        other => refused(other),
    })?;
    told(&admin, tx, "plan.create", plan).await.map(Reply::new)
}

pub(crate) async fn change(admin: Admin, Body(change): Body<Change>) -> Answer<Json<One>> {
    let mut tx = admin.platform().await?;
    // Locked: of two who change it at once the second one changes what the first has made of it.
    let mut plan = plans::locked(&mut tx, &change.code)
        .await?
        .ok_or_else(|| ApiError::not_found("plan"))?;
    if let Some(name) = change.name {
        plan.name = input::name("name", &name)?;
    }
    set(&mut plan.permissions, change.permissions);
    set(&mut plan.quotas, change.quotas);
    check(&plan)?;
    plans::put(&mut tx, plan.clone(), admin.now())
        .await
        .map_err(refused)?;
    told(&admin, tx, "plan.update", plan).await.map(Json)
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

fn refused(error: StoreError) -> ApiError {
    match error {
        StoreError::Reference(_) => ApiError::field(
            "permissions",
            "it names a feature that is not in the catalogue",
        ),
        other => other.into(),
    }
}

/// Tells the audit log, and keeps what was done.
async fn told(admin: &Admin, mut tx: Tx, action: &str, plan: Plan) -> Answer<One> {
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
    /// The longest code, as that of a feature.
    const CODE_CHARS_MAX: usize = 64;
    let is_code = (1..=CODE_CHARS_MAX).contains(&plan.code.len())
        && plan.code.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
        });
    if !is_code {
        return Err(ApiError::field(
            "code",
            "expected up to 64 lower case letters, digits, `-` and `_`",
        ));
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
