//! A JSON value and where it stands, so that every refusal can say where.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::JsError;
use super::words::Words;
use crate::ical::quoted;

/// A value within an object that is read.
#[derive(Clone, Debug)]
pub(super) struct Node<'v> {
    pub(super) value: &'v Value,
    pub(super) pointer: String,
}

impl<'v> Node<'v> {
    pub(super) fn new(value: &'v Value, pointer: impl Into<String>) -> Self {
        Self {
            value,
            pointer: pointer.into(),
        }
    }

    fn child(&self, name: &str, value: &'v Value) -> Self {
        Self::new(value, join(&self.pointer, name))
    }

    pub(super) fn fail(&self, problem: impl Into<String>) -> JsError {
        JsError::new(self.pointer.clone(), problem)
    }

    pub(super) fn text(&self) -> Result<&'v str, JsError> {
        self.value
            .as_str()
            .ok_or_else(|| self.fail(format!("is {}, not a text", kind(self.value))))
    }

    /// A text that says something.
    pub(super) fn filled(&self) -> Result<&'v str, JsError> {
        let text = self.text()?;
        if text.trim().is_empty() {
            return Err(self.fail("is empty"));
        }
        Ok(text)
    }

    pub(super) fn flag(&self) -> Result<bool, JsError> {
        self.value
            .as_bool()
            .ok_or_else(|| self.fail(format!("is {}, not true or false", kind(self.value))))
    }

    pub(super) fn integer(&self, range: RangeInclusive<i64>) -> Result<i64, JsError> {
        let number = self
            .value
            .as_i64()
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                let (from, to) = range.clone().into_inner();
                self.fail(format!("is not a whole number from {from} to {to}"))
            })?;
        Ok(number)
    }

    /// One of a closed set of values.
    pub(super) fn one_of<T: Copy>(&self, words: &Words<T>) -> Result<T, JsError> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.fail(format!(
                "is {}, not one of {}",
                quoted(text),
                known.join(", ")
            ))
        })
    }

    /// The elements of an array.
    pub(super) fn list(&self) -> Result<Vec<Self>, JsError> {
        let list = self
            .value
            .as_array()
            .ok_or_else(|| self.fail(format!("is {}, not an array", kind(self.value))))?;
        let nodes = list.iter().enumerate();
        Ok(nodes
            .map(|(at, value)| self.child(&at.to_string(), value))
            .collect())
    }

    fn object(&self) -> Result<&'v Map<String, Value>, JsError> {
        self.value
            .as_object()
            .ok_or_else(|| self.fail(format!("is {}, not an object", kind(self.value))))
    }

    /// The entries of a map whose keys are free.
    pub(super) fn entries(&self) -> Result<Vec<(&'v str, Self)>, JsError> {
        let entries = self.object()?.iter().filter(|(_, value)| !value.is_null());
        Ok(entries
            .map(|(key, value)| (key.as_str(), self.child(key, value)))
            .collect())
    }

    /// The members of an object of a known type.
    pub(super) fn members(&self, type_name: &str) -> Result<Members<'v>, JsError> {
        let mut members = Members {
            map: self.object()?,
            node: self.clone(),
            asked: vec!["@type"],
        };
        if let Some(given) = members.take("@type")
            && given.text()? != type_name
        {
            return Err(given.fail(format!("is not {type_name}")));
        }
        Ok(members)
    }
}

/// The members of an object, each of which must be asked for.
pub(super) struct Members<'v> {
    map: &'v Map<String, Value>,
    pub(super) node: Node<'v>,
    asked: Vec<&'static str>,
}

impl<'v> Members<'v> {
    /// A member, where it is there and not null.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Node<'v>> {
        self.asked.push(name);
        let value = self.map.get(name).filter(|value| !value.is_null());
        value.map(|value| self.node.child(name, value))
    }

    pub(super) fn need(&mut self, name: &'static str) -> Result<Node<'v>, JsError> {
        let pointer = join(&self.node.pointer, name);
        self.take(name)
            .ok_or_else(|| JsError::new(pointer, "is missing"))
    }

    /// A text, empty where it is not there.
    pub(super) fn text(&mut self, name: &'static str) -> Result<String, JsError> {
        let node = self.take(name);
        node.map_or(Ok(String::new()), |node| node.text().map(str::to_owned))
    }

    /// A text that says something, where it is there.
    pub(super) fn filled(&mut self, name: &'static str) -> Result<Option<String>, JsError> {
        let node = self.take(name);
        node.map(|node| node.filled().map(str::to_owned))
            .transpose()
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Result<Option<bool>, JsError> {
        self.take(name).map(|node| node.flag()).transpose()
    }

    /// One of a closed set of values, or the default of its type.
    pub(super) fn one_of<T: Copy + Default>(
        &mut self,
        name: &'static str,
        words: &Words<T>,
    ) -> Result<T, JsError> {
        let node = self.take(name);
        node.map_or(Ok(T::default()), |node| node.one_of(words))
    }

    /// The entries of a map; none where it is not there.
    pub(super) fn entries(
        &mut self,
        name: &'static str,
    ) -> Result<Vec<(&'v str, Node<'v>)>, JsError> {
        let node = self.take(name);
        node.map_or(Ok(Vec::new()), |node| node.entries())
    }

    /// The elements of an array; none where it is not there.
    pub(super) fn list(&mut self, name: &'static str) -> Result<Vec<Node<'v>>, JsError> {
        let node = self.take(name);
        node.map_or(Ok(Vec::new()), |node| node.list())
    }

    /// Refuses whatever was not asked for. `unkept` are members that the standard has and we do not.
    pub(super) fn finish(self, unkept: &[&str]) -> Result<(), JsError> {
        for (name, value) in self.map {
            let name = name.as_str();
            if self.asked.contains(&name) || value.is_null() {
                continue;
            }
            let node = self.node.child(name, value);
            let alike = |known: &&&str| known.eq_ignore_ascii_case(name);
            return Err(if unkept.contains(&name) {
                node.fail("is not kept by Kalends")
            } else if let Some(meant) = self.asked.iter().find(alike) {
                node.fail(format!("is not known; {meant} is"))
            } else {
                node.fail("is not known")
            });
        }
        Ok(())
    }
}

/// A pointer to a member (RFC 6901 §3).
pub(super) fn join(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", escaped(name))
}

/// A member's name as part of a pointer.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The way back.
pub(super) fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
