//! The URL of a declared tool: `https://api.example.com/cities/{city}/weather?units=metric`.

use moltforge_egress::HostRule;
use serde_json::{Map, Value};
use url::Url;

/// A URL with places for arguments in its path.
#[derive(Debug)]
pub(super) struct Template {
    /// Text before each placeholder, with the placeholder's name.
    places: Vec<(String, String)>,
    /// Text after the last placeholder, up to the query.
    tail: String,
    /// The fixed query, without its `?`.
    query: Option<String>,
}

/// A URL that can be requested, and the arguments that are not in its path.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) url: String,
    pub(super) rest: Map<String, Value>,
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.split('#').next().unwrap_or_default();
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (text, None),
        };
        let mut places = Vec::new();
        let mut rest = path;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or("a placeholder is not closed")?;
            places.push((before.to_owned(), name.to_owned()));
            rest = after;
        }
        let template = Self { places, tail: rest.to_owned(), query };
        if climbs(&template.example()) {
            return Err("the path has a segment \".\" or \"..\"".to_owned());
        }
        template.host().map(|_| template)
    }

    /// The host and port; a placeholder cannot change them.
    pub(super) fn host(&self) -> Result<HostRule, String> {
        let url = Url::parse(&self.example()).map_err(|error| format!("no url: {error}"))?;
        let first = self.places.first().map_or(self.tail.as_str(), |(before, _)| before);
        if first.splitn(4, '/').count() < 4 && !self.places.is_empty() {
            return Err("placeholders stand in the path".to_owned());
        }
        let port = url.port_or_known_default().ok_or("the url has no port")?;
        let host = url.host_str().ok_or("the url has no host")?;
        format!("{host}:{port}").parse().map_err(|error| format!("{error}"))
    }

    /// The path with an `x` in each place.
    fn example(&self) -> String {
        let filled = self.places.iter().flat_map(|(before, _)| [before.as_str(), "x"]);
        filled.chain([self.tail.as_str()]).collect()
    }

    /// Fills the path; the other arguments go into the query if `in_query`.
    pub(super) fn fill(&self, arguments: &Value, in_query: bool) -> Result<Filled, String> {
        let mut rest = arguments.as_object().cloned().unwrap_or_default();
        let mut url = String::new();
        for (before, name) in &self.places {
            let value = arguments.get(name).ok_or_else(|| format!("{name} is missing"))?;
            let value = scalar(value).ok_or_else(|| format!("{name} stands in the path: expected text or a number"))?;
            if value.is_empty() {
                return Err(format!("{name} stands in the path: expected text that is not empty"));
            }
            url.push_str(before);
            url.push_str(&encode(&value));
        }
        url.push_str(&self.tail);
        rest.retain(|name, _| !self.places.iter().any(|(_, place)| place == name));
        if climbs(&url) {
            return Err("a segment of the path cannot be \".\" or \"..\"".to_owned());
        }
        let mut query = self.query.clone().unwrap_or_default();
        if in_query {
            for (name, value) in std::mem::take(&mut rest) {
                append(&mut query, &name, &value);
            }
        }
        if !query.is_empty() {
            url.push('?');
            url.push_str(&query);
        }
        Ok(Filled { url, rest })
    }
}

/// Whether a path has segments that URLs resolve away: an argument could lead to another endpoint with them.
fn climbs(url: &str) -> bool {
    url.split('/').skip(3).any(|segment| matches!(segment, "." | ".."))
}

pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    out
}

/// Lists become repeated parameters, objects JSON; null is left out.
fn append(query: &mut String, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::Array(items) => items.iter().for_each(|item| append(query, name, item)),
        value => {
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str(&encode(name));
            query.push('=');
            query.push_str(&encode(&scalar(value).unwrap_or_else(|| value.to_string())));
        }
    }
}

#[cfg(test)]
mod tests;
