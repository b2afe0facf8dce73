//! Arguments that are JSON: written out, `@FILE`, or `-` for stdin. A text that is not JSON is a text.

use std::io::Read as _;

use serde_json::Value;

use crate::Error;

/// The largest input that is read: what the server takes, and a little for its wrapping.
const MOST_INPUT: u64 = 1024 * 1024 + 1;

/// What an argument says, when it is there. `name` is the argument's, for the error.
pub fn json(name: &'static str, text: Option<&str>) -> Result<Option<Value>, Error> {
    let text = match text {
        None => return Ok(None),
        Some("-") => {
            let mut text = String::new();
            let read = std::io::stdin().take(MOST_INPUT).read_to_string(&mut text);
            read.map_err(|source| Error::FileUnreadable { path: "stdin".into(), source })?;
            text
        }
        Some(text) => match text.strip_prefix('@') {
            Some(path) => {
                std::fs::read_to_string(path).map_err(|source| Error::FileUnreadable { path: path.into(), source })?
            }
            None => text.to_owned(),
        },
    };
    match serde_json::from_str(&text) {
        Ok(value) => Ok(Some(value)),
        // what looks like JSON and is not is a slip, not a text
        Err(error) if text.trim_start().starts_with(['{', '[', '"']) => {
            Err(Error::argument(name, format!("not valid JSON: {error}")))
        }
        Err(_) => Ok(Some(Value::String(text))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn an_argument_is_json_or_a_text() {
        let input = |text| super::json("--input", Some(text));
        assert_eq!(super::json("--input", None).unwrap(), None);
        assert_eq!(input("{\"a\": 1}").unwrap(), Some(json!({ "a": 1 })));
        assert_eq!(input("17").unwrap(), Some(json!(17)));
        assert_eq!(input("hello there").unwrap(), Some(json!("hello there")));
        for bad in ["{\"a\": 1", "[1,]", "\"x", "@/no/such/file"] {
            assert!(input(bad).is_err(), "{bad}");
        }
    }
}
