//! The URL of a declared tool, with its `{placeholders}`.

use serde_json::Value;

const MAX_URL: usize = 2_048;

/// Everything that is wrong with the URL of a tool that takes `parameters`.
pub(super) fn faults(url: &str, parameters: &Value) -> Vec<String> {
    let query = url.find(['?', '#']).unwrap_or(url.len());
    faults_up_to(url, parameters, query, "only the path can be filled from the arguments")
}

/// The same of a URL whose query may be filled as well.
pub(super) fn faults_anywhere(url: &str, parameters: &Value) -> Vec<String> {
    faults_up_to(url, parameters, url.len(), "only path and query can be filled")
}

/// Scheme, host and port of a URL, if it is one.
pub(super) fn origin(url: &str) -> Option<String> {
    let (filled, _) = placeholders(url).ok()?;
    Some(url::Url::parse(&filled).ok()?.origin().ascii_serialization())
}

fn faults_up_to(url: &str, parameters: &Value, path_to: usize, allowed: &str) -> Vec<String> {
    if url.len() > MAX_URL {
        return vec![format!("the URL has {} bytes; at most {MAX_URL} are allowed", url.len())];
    }
    let (filled, names) = match placeholders(url) {
        Ok(found) => found,
        Err(message) => return vec![message],
    };
    let mut faults = whole(&filled);
    // query and fragment begin at the first `?` or `#`; the host ends at the third slash
    let path_from = url.match_indices('/').nth(2).map_or(url.len(), |(at, _)| at);
    for (at, name) in names {
        if at < path_from || at > path_to {
            faults.push(format!("`{{{name}}}` stands outside of the path: {allowed}"));
        }
        faults.extend(parameter(name, parameters));
    }
    faults
}

/// A URL with an `x` for each placeholder, and the placeholders with their offsets.
type Filled<'u> = (String, Vec<(usize, &'u str)>);

fn placeholders(url: &str) -> Result<Filled<'_>, String> {
    let mut filled = String::new();
    let mut names = Vec::new();
    let mut at = 0;
    while let Some(rest) = url.get(at..) {
        let Some(open) = rest.find(['{', '}']) else {
            filled.push_str(rest);
            return Ok((filled, names));
        };
        let (before, from) = rest.split_at(open);
        let name = from.strip_prefix('{').and_then(|inner| inner.split_once('}')).map(|(name, _)| name);
        let name = name.filter(|name| !name.is_empty() && !name.contains(['{', '/']));
        let name = name.ok_or("unbalanced braces: a placeholder is written `{argument}`")?;
        filled.push_str(before);
        filled.push('x');
        names.push((at + open, name));
        at += open + name.len() + 2;
    }
    Ok((filled, names))
}

fn whole(url: &str) -> Vec<String> {
    let parsed = match url::Url::parse(url) {
        Ok(parsed) => parsed,
        Err(error) => {
            return vec![format!("not a URL: {error}; expected e.g. \"https://api.example.com/v1/items/{{id}}\"")];
        }
    };
    let mut faults = Vec::new();
    if !matches!(parsed.scheme(), "http" | "https") {
        return vec![format!("expected a URL with http:// or https://, got the scheme `{}`", parsed.scheme())];
    }
    if !url.to_ascii_lowercase().starts_with(&format!("{}://", parsed.scheme())) || url.contains(char::is_whitespace) {
        faults.push("expected a URL without white space that starts with http:// or https://".to_owned());
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        faults.push("a URL with a user or password holds a secret, and an agent file is no place for one".to_owned());
    }
    if parsed.fragment().is_some() {
        faults.push("a URL's fragment (`#...`) is never sent: remove it".to_owned());
    }
    faults
}

fn parameter(name: &str, parameters: &Value) -> Option<String> {
    if parameters.get("properties").and_then(|all| all.get(name)).is_none() {
        return Some(format!("`{{{name}}}` has no parameter: expected `{name}` among the properties of `parameters`"));
    }
    let required = parameters.get("required").and_then(Value::as_array);
    let listed = required.is_some_and(|all| all.iter().any(|item| item.as_str() == Some(name)));
    (!listed).then(|| format!("`{{{name}}}` may be left empty: add \"{name}\" to `required` of `parameters`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(url: &str) -> Vec<String> {
        let properties = json!({ "city": {}, "day": {} });
        faults(url, &json!({ "type": "object", "properties": properties, "required": ["city"] }))
    }

    #[test]
    fn good_urls() {
        for url in ["http://127.0.0.1:8099/v1", "https://example.com/{city}/now?units=metric", "https://[::1]/{city}"] {
            assert_eq!(check(url), Vec::<String>::new(), "{url}");
        }
    }

    #[test]
    fn bad_urls() {
        for (url, fault) in [
            ("", "not a URL"),
            ("example.com/x", "not a URL"),
            ("ftp://example.com", "scheme `ftp`"),
            ("https:example.com", "starts with http"),
            ("https://example.com/a b", "white space"),
            ("https://user:pw@example.com/", "secret"),
            ("https://example.com/#x", "fragment"),
            ("https://example.com/{town}", "`{town}` has no parameter"),
            ("https://example.com/{day}", "add \"day\" to `required`"),
            ("https://{city}.example.com/", "outside of the path"),
            ("https://example.com/?q={city}", "outside of the path"),
            ("https://example.com/{city", "unbalanced"),
            ("https://example.com/city}", "unbalanced"),
            ("https://example.com/{}", "unbalanced"),
            ("https://example.com/{{city}}", "unbalanced"),
        ] {
            assert!(check(url).iter().any(|found| found.contains(fault)), "{url}: {:?}", check(url));
        }
        assert_eq!(check(&format!("https://example.com/{}", "a".repeat(3_000))).len(), 1);
    }
}
