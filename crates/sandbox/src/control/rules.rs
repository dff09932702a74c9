//! Rules by which faults strike: what they match, how often, and what they do.

use bytes::Bytes;
use http::Request;
use jiff::SignedDuration;
use regex::Regex;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;

use super::faults::{PushStrike, RequestStrike, Strike};
use super::journal::face_of;
use super::reply::{Asked, Done, Refused};
use crate::chance::Chance;
use crate::faults::Fault;
use crate::world::World;

/// The rules, and the chance by which they strike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Rules {
    all: Vec<Rule>,
    /// The last number given.
    made: u64,
    chance: Chance,
}

/// A rule. What it does not name it does not ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    /// Its number, by which it is taken away.
    #[serde(default)]
    id: u64,
    /// What happens.
    fault: Strike,
    /// `google`, `microsoft`, `caldav` or `ics`.
    face: Option<String>,
    /// Such as `GET` or `REPORT`.
    method: Option<String>,
    /// A regular expression that the path and query hold; of a push, its address.
    path: Option<Pattern>,
    /// Who asks.
    user: Option<String>,
    /// In how many of a hundred cases.
    #[serde(default = "always")]
    percent: u8,
    /// How often at most.
    count: Option<u64>,
    /// How many cases it lets pass first.
    #[serde(default)]
    after: u64,
    /// How many cases it has met.
    #[serde(default)]
    met: u64,
    /// How often it has struck.
    #[serde(default)]
    struck: u64,
}

fn always() -> u8 {
    100
}

/// A regular expression, equal by its text.
#[derive(Clone, Debug)]
struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = Regex::new(&text).map_err(|error| D::Error::custom(last_line(&error)));
        read.map(Self)
    }
}

/// What is wrong with an expression, without the drawing above it.
fn last_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let line = text.lines().last().unwrap_or_default();
    format!(
        "not a regular expression: {}",
        line.trim_start_matches("error: ")
    )
}

/// All rules at once.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AllRules {
    rules: Vec<Rule>,
    /// Where chance begins: the same seed strikes the same requests.
    seed: Option<u64>,
}

/// No test needs more; each costs every request something.
const RULES_MAX: usize = 1_000;

impl Default for Rules {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            made: 0,
            chance: Chance::new(0),
        }
    }
}

/// Something that a rule may strike.
struct Case<'a> {
    face: &'a str,
    method: &'a str,
    path: &'a str,
    user: Option<&'a str>,
}

/// What befalls a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Struck {
    pub(super) fault: Option<Fault>,
    pub(super) delay: SignedDuration,
    pub(super) revoked_grant: bool,
}

impl Rule {
    /// Whether it strikes this case, which then counts.
    fn strikes(&mut self, case: &Case<'_>, chance: &mut Chance) -> bool {
        let same = |wanted: &Option<String>, is: &str| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(is))
        };
        let matches = same(&self.face, case.face)
            && same(&self.method, case.method)
            && same(&self.user, case.user.unwrap_or_default())
            && self
                .path
                .as_ref()
                .is_none_or(|path| path.0.is_match(case.path));
        if !matches || self.count.is_some_and(|most| self.struck >= most) {
            return false;
        }
        self.met += 1;
        let strikes = self.met > self.after && chance.percent(u64::from(self.percent));
        self.struck += u64::from(strikes);
        strikes
    }
}

impl Rules {
    /// What befalls a request. The first fault that strikes is the one; delays add up.
    fn on_request(&mut self, case: &Case<'_>) -> Struck {
        let mut struck = Struck::default();
        for rule in &mut self.all {
            let Some(strike) = rule.fault.on_request() else {
                continue;
            };
            let taken = matches!(strike, RequestStrike::Fault(_)) && struck.fault.is_some();
            if taken || !rule.strikes(case, &mut self.chance) {
                continue;
            }
            match strike {
                RequestStrike::Fault(fault) => struck.fault = Some(fault),
                RequestStrike::Delay(by) => struck.delay = struck.delay.saturating_add(by),
                RequestStrike::RevokedGrant => struck.revoked_grant = true,
            }
        }
        struck
    }

    /// What befalls a push: the first that strikes.
    pub(super) fn on_push(&mut self, face: &str, address: &str) -> Option<PushStrike> {
        let case = Case {
            face,
            method: "POST",
            path: address,
            user: None,
        };
        self.all.iter_mut().find_map(|rule| {
            let strike = rule.fault.on_push()?;
            rule.strikes(&case, &mut self.chance).then_some(strike)
        })
    }

    fn insert(&mut self, mut rule: Rule) -> Result<&Rule, Refused> {
        check(&rule)?;
        if self.all.len() >= RULES_MAX {
            let error = format!("There are {RULES_MAX} rules already.");
            return Err(Refused::field("fault", error));
        }
        self.made += 1;
        rule.id = self.made;
        (rule.met, rule.struck) = (0, 0);
        self.all.push(rule);
        Ok(&self.all[self.all.len() - 1])
    }
}

fn check(rule: &Rule) -> Result<(), Refused> {
    if let Some((field, error)) = rule.fault.problem() {
        return Err(Refused::field(field, error));
    }
    if rule.percent > 100 {
        return Err(Refused::field(
            "percent",
            "A number from 0 to 100 is wanted.",
        ));
    }
    let faces = ["google", "microsoft", "caldav", "ics"];
    match &rule.face {
        Some(face) if !faces.contains(&face.as_str()) => {
            let error = format!("One of {} is wanted.", faces.join(", "));
            Err(Refused::field("face", error))
        }
        Some(_) | None => Ok(()),
    }
}

impl World {
    /// What befalls a request by the rules.
    pub(super) fn struck(&mut self, request: &Request<Bytes>) -> Struck {
        let user = self.who_asks(request);
        let path = request.uri().path_and_query();
        let path = path.map_or("/", |path| path.as_str());
        self.control.rules.on_request(&Case {
            face: face_of(path),
            method: request.method().as_str(),
            path,
            user: user.as_deref(),
        })
    }
}

/// `GET /_sandbox/faults`.
pub(super) fn list(world: &World) -> Done {
    Done::ok(json!({ "rules": world.control.rules.all }))
}

/// `PUT /_sandbox/faults`.
pub(super) fn replace(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let all: AllRules = asked.read()?;
    let mut rules = world.control.rules.clone();
    rules.all.clear();
    if let Some(seed) = all.seed {
        rules.chance = Chance::new(seed);
    }
    for (place, rule) in all.rules.into_iter().enumerate() {
        rules
            .insert(rule)
            .map_err(|refused| refused.within(&format!("rules[{place}]")))?;
    }
    world.control.rules = rules;
    Ok(list(world))
}

/// `POST /_sandbox/faults`.
pub(super) fn add(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let rule = world.control.rules.insert(asked.read()?)?;
    Ok(Done::made(json!(rule)))
}

/// `DELETE /_sandbox/faults`.
pub(super) fn clear(world: &mut World) -> Done {
    world.control.rules.all.clear();
    list(world)
}

fn place(world: &World, id: &str) -> Result<usize, Refused> {
    let rules = &world.control.rules.all;
    let found = rules.iter().position(|rule| rule.id.to_string() == id);
    found.ok_or_else(|| Refused::unknown("id", "There is no such rule."))
}

/// `GET /_sandbox/faults/{id}`.
pub(super) fn one(world: &World, id: &str) -> Result<Done, Refused> {
    let place = place(world, id)?;
    Ok(Done::ok(json!(world.control.rules.all[place])))
}

/// `DELETE /_sandbox/faults/{id}`.
pub(super) fn remove(world: &mut World, id: &str) -> Result<Done, Refused> {
    let place = place(world, id)?;
    Ok(Done::ok(json!(world.control.rules.all.remove(place))))
}
