//! Filters of event triggers: conditions on parts of the event, all of which must hold.
//!
//! ```toml
//! filter = { "/source" = { prefix = "shop/" }, "/data/total" = { at_least = 100 }, "/data/country" = "PT" }
//! ```
//!
//! A key is a JSON pointer into the event (CloudEvents 1.0, as JSON). A plain value must be equal; a table names tests:
//! `equals`, `not`, `one_of`, `prefix`, `suffix`, `above`, `at_least`, `below`, `at_most`, `exists`. There are no regular
//! expressions and no loops: the work is bounded by the filter's size.

use serde_json::{Map, Value};

use super::pointer;

/// The most conditions of a filter.
const MAX_CONDITIONS: usize = 16;
/// The most values of `one_of`.
const MAX_VALUES: usize = 32;
/// The largest filter, bytes of JSON.
const MAX_BYTES: usize = 4 * 1024;

/// A checked filter. The empty one lets everything pass.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter(Vec<(String, Vec<Test>)>);

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Equals(Value),
    Not(Value),
    OneOf(Vec<Value>),
    Prefix(String),
    Suffix(String),
    Above(f64),
    AtLeast(f64),
    Below(f64),
    AtMost(f64),
    Exists(bool),
}

const TESTS: &str = "equals, not, one_of, prefix, suffix, above, at_least, below, at_most, exists";

impl Filter {
    /// From its JSON form.
    ///
    /// # Errors
    /// A JSON pointer into the filter, and what is wrong there.
    pub fn parse(filter: &Value) -> Result<Self, (String, String)> {
        let Value::Object(conditions) = filter else {
            return Err((String::new(), "expected a table of JSON pointers and what must be there".to_owned()));
        };
        if conditions.len() > MAX_CONDITIONS {
            return Err((String::new(), format!("at most {MAX_CONDITIONS} conditions, got {}", conditions.len())));
        }
        let bytes = filter.to_string().len();
        if bytes > MAX_BYTES {
            return Err((String::new(), format!("a filter has at most {MAX_BYTES} bytes, got {bytes}")));
        }
        let mut parsed = Vec::with_capacity(conditions.len());
        for (key, value) in conditions {
            let at = crate::diagnostic::child("", key);
            pointer::check(key).map_err(|message| (at.clone(), message))?;
            let tests = match value {
                Value::Object(tests) => tests_of(tests).map_err(|message| (at, message))?,
                Value::Array(_) => return Err((at, "expected a value or a table of tests; see one_of".to_owned())),
                plain => vec![Test::Equals(plain.clone())],
            };
            parsed.push((key.clone(), tests));
        }
        Ok(Self(parsed))
    }

    /// Whether an event passes.
    pub fn fits(&self, event: &Value) -> bool {
        self.0.iter().all(|(at, tests)| {
            let found = event.pointer(at);
            tests.iter().all(|test| test.holds(found))
        })
    }
}

fn tests_of(tests: &Map<String, Value>) -> Result<Vec<Test>, String> {
    if tests.is_empty() {
        return Err(format!("expected at least one of {TESTS}"));
    }
    let each = tests.iter().map(|(name, value)| {
        let text = || value.as_str().map(str::to_owned).ok_or_else(|| format!("{name}: expected a text"));
        let number = || value.as_f64().ok_or_else(|| format!("{name}: expected a number"));
        Ok(match name.as_str() {
            "equals" => Test::Equals(value.clone()),
            "not" => Test::Not(value.clone()),
            "one_of" => match value {
                Value::Array(values) if (1..=MAX_VALUES).contains(&values.len()) => Test::OneOf(values.clone()),
                _ => return Err(format!("one_of: expected a list of 1 to {MAX_VALUES} values")),
            },
            "prefix" => Test::Prefix(text()?),
            "suffix" => Test::Suffix(text()?),
            "above" => Test::Above(number()?),
            "at_least" => Test::AtLeast(number()?),
            "below" => Test::Below(number()?),
            "at_most" => Test::AtMost(number()?),
            "exists" => Test::Exists(value.as_bool().ok_or_else(|| "exists: expected true or false".to_owned())?),
            other => {
                let shown: String = other.chars().take(40).collect();
                return Err(format!("unknown test {shown:?}; there are {TESTS}"));
            }
        })
    });
    each.collect()
}

impl Test {
    fn holds(&self, found: Option<&Value>) -> bool {
        let number = |fits: fn(f64, f64) -> bool, bound: f64| {
            found.and_then(Value::as_f64).is_some_and(|number| fits(number, bound))
        };
        let text = || found.and_then(Value::as_str);
        match self {
            Self::Equals(wanted) => found.is_some_and(|found| same(found, wanted)),
            Self::Not(unwanted) => found.is_none_or(|found| !same(found, unwanted)),
            Self::OneOf(wanted) => found.is_some_and(|found| wanted.iter().any(|wanted| same(found, wanted))),
            Self::Prefix(prefix) => text().is_some_and(|text| text.starts_with(prefix.as_str())),
            Self::Suffix(suffix) => text().is_some_and(|text| text.ends_with(suffix.as_str())),
            Self::Above(bound) => number(|a, b| a > b, *bound),
            Self::AtLeast(bound) => number(|a, b| a >= b, *bound),
            Self::Below(bound) => number(|a, b| a < b, *bound),
            Self::AtMost(bound) => number(|a, b| a <= b, *bound),
            Self::Exists(wanted) => found.is_some() == *wanted,
        }
    }
}

/// Equal; `1` and `1.0` are.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_conditions_must_hold() {
        let event = json!({ "type": "order.created", "source": "shop/eu", "data": { "total": 100, "a/b": null } });
        let fits = |filter: Value| Filter::parse(&filter).unwrap().fits(&event);
        for yes in [
            json!({}),
            json!({ "/type": "order.created" }),
            json!({ "/data/total": 100.0, "/source": { "prefix": "shop/", "suffix": "/eu" } }),
            json!({ "/data/total": { "above": 99, "at_least": 100, "below": 101, "at_most": 100 } }),
            json!({ "/data/total": { "one_of": [1, 100] }, "/data/none": { "exists": false } }),
            json!({ "/data/a~1b": { "exists": true, "equals": null } }),
            json!({ "/data/none": { "not": 1 } }),
            json!({ "": { "exists": true } }),
        ] {
            assert!(fits(yes.clone()), "{yes}");
        }
        for no in [
            json!({ "/type": "order.created", "/data/total": 1 }),
            json!({ "/data/total": { "above": 100 } }),
            json!({ "/data/total": { "prefix": "1" } }),
            json!({ "/source": { "above": 1 } }),
            json!({ "/data/none": null }),
            json!({ "/data/total": { "not": 100 } }),
        ] {
            assert!(!fits(no.clone()), "{no}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let many: Map<String, Value> = (0..17).map(|n| (format!("/{n}"), json!(1))).collect();
        for (filter, at) in [
            (json!([]), ""),
            (json!({ "type": 1 }), "/type"),
            (json!({ "/a~2": 1 }), "/~1a~02"),
            (json!({ "/a": [1] }), "/~1a"),
            (json!({ "/a": {} }), "/~1a"),
            (json!({ "/a": { "matches": "x" } }), "/~1a"),
            (json!({ "/a": { "above": "1" } }), "/~1a"),
            (json!({ "/a": { "one_of": [] } }), "/~1a"),
            (json!({ "/a": "x".repeat(5000) }), ""),
            (Value::Object(many), ""),
        ] {
            assert_eq!(Filter::parse(&filter).unwrap_err().0, at, "{filter}");
        }
    }
}
