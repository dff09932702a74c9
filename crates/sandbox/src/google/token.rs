//! Page and sync tokens: opaque to clients, told from garbage by a checksum.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{base64, digest};

/// How many characters of a digest guard a token.
const CHECK_CHARACTERS: usize = 8;

/// What a sync token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyncToken {
    /// What is listed, such as `events:ann@example.com`.
    pub(crate) topic: String,
    /// For whom.
    pub(crate) user: String,
    /// In which role: another role sees other things.
    pub(crate) role: String,
    /// How often all tokens had died when it was made.
    pub(crate) generation: u32,
    /// Up to which change everything was told.
    pub(crate) revision: u64,
    /// When it was made.
    pub(crate) issued: Timestamp,
    /// The parameters of the first listing that stick to it.
    pub(crate) kept: Map<String, Value>,
}

/// Where a listing goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageToken {
    /// What is listed.
    pub(crate) topic: String,
    /// The key of the last item that was told.
    pub(crate) after: String,
    /// Up to which change the first page looked.
    pub(crate) shown: u64,
}

impl SyncToken {
    pub(crate) fn write(&self) -> String {
        let mut members = Map::new();
        members.insert("k".to_owned(), "sync".into());
        members.insert("t".to_owned(), self.topic.clone().into());
        members.insert("u".to_owned(), self.user.clone().into());
        members.insert("a".to_owned(), self.role.clone().into());
        members.insert("g".to_owned(), self.generation.into());
        members.insert("r".to_owned(), self.revision.into());
        members.insert("i".to_owned(), self.issued.as_second().into());
        members.insert("p".to_owned(), Value::Object(self.kept.clone()));
        seal(&Value::Object(members))
    }

    /// None when the text was never a sync token.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let value = open(text, "sync")?;
        Some(Self {
            topic: value["t"].as_str()?.to_owned(),
            user: value["u"].as_str()?.to_owned(),
            role: value["a"].as_str()?.to_owned(),
            generation: u32::try_from(value["g"].as_u64()?).ok()?,
            revision: value["r"].as_u64()?,
            issued: Timestamp::from_second(value["i"].as_i64()?).ok()?,
            kept: value["p"].as_object()?.clone(),
        })
    }
}

impl PageToken {
    pub(crate) fn write(&self) -> String {
        let mut members = Map::new();
        members.insert("k".to_owned(), "page".into());
        members.insert("t".to_owned(), self.topic.clone().into());
        members.insert("c".to_owned(), self.after.clone().into());
        members.insert("r".to_owned(), self.shown.into());
        seal(&Value::Object(members))
    }

    /// None when the text was never a page token.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let value = open(text, "page")?;
        Some(Self {
            topic: value["t"].as_str()?.to_owned(),
            after: value["c"].as_str()?.to_owned(),
            shown: value["r"].as_u64()?,
        })
    }
}

fn check(text: &str) -> String {
    let mut check = digest::short(&[text.as_bytes()]);
    check.truncate(CHECK_CHARACTERS);
    check
}

/// In the alphabet that needs no care in addresses but for `=`, which real tokens end with as well.
fn seal(value: &Value) -> String {
    let text = value.to_string();
    let coded = base64::encode(format!("{}{text}", check(&text)).as_bytes());
    coded.replace('+', "-").replace('/', "_")
}

fn open(text: &str, kind: &str) -> Option<Value> {
    let bytes = base64::decode(&text.replace('-', "+").replace('_', "/"))?;
    let text = String::from_utf8(bytes).ok()?;
    let (sum, body) = text.split_at_checked(CHECK_CHARACTERS)?;
    if check(body) != sum {
        return None;
    }
    let value: Value = serde_json::from_str(body).ok()?;
    (value["k"] == kind).then_some(value)
}
