//! The call of `http.fetch`.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use moltforge_egress::{Egress, Grant, Request, Response, Waits};
use moltforge_types::journal::ErrorInfo;
use serde_json::{Map, Value, json};

use super::answer;
use super::arguments;
use super::call::ToolError;
use super::declared::CHAIN_DEPTH;

const NAME: &str = "http.fetch";

/// Response headers that a model may find useful. No cookies.
const SHOWN: [HeaderName; 9] = [
    header::CONTENT_TYPE,
    header::CONTENT_LANGUAGE,
    header::DATE,
    header::ETAG,
    header::EXPIRES,
    header::LAST_MODIFIED,
    header::LINK,
    header::LOCATION,
    header::RETRY_AFTER,
];

pub(super) async fn call(
    egress: &Egress,
    grant: &Grant,
    arguments: &Value,
    chain_depth: u32,
    waits: &Waits,
) -> Result<Value, ToolError> {
    let mut request = request(arguments).map_err(|reason| ToolError::known(arguments::error(NAME, &reason)))?;
    // whatever the model says about it
    request.headers.insert(CHAIN_DEPTH, HeaderValue::from(chain_depth));
    request.waits = waits.clone();
    let response = egress.send(request, grant).await?;
    Ok(output(&response))
}

fn request(arguments: &Value) -> Result<Request, String> {
    let text = |name: &str| arguments.get(name).and_then(Value::as_str);
    let method = Method::from_bytes(text("method").unwrap_or("GET").as_bytes()).map_err(|error| error.to_string())?;
    let mut request = Request::new(method, text("url").unwrap_or_default());
    for (name, value) in arguments.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is no header name"))?;
        let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
        let value = value.ok_or_else(|| format!("the value of the header {name} is not visible ASCII"))?;
        request.headers.insert(name, value);
    }
    match arguments.get("body") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) => request.body = Bytes::from(text.clone()),
        Some(value) => {
            request.body = Bytes::from(value.to_string());
            let json = HeaderValue::from_static("application/json");
            request.headers.entry(header::CONTENT_TYPE).or_insert(json);
        }
    }
    Ok(request)
}

fn output(response: &Response) -> Value {
    json!({
        "status": response.status.as_u16(),
        "headers": shown(&response.headers),
        "body": answer::body(&response.headers, &response.body),
    })
}

fn shown(headers: &HeaderMap) -> Map<String, Value> {
    let value = |name: &HeaderName| headers.get(name)?.to_str().ok().map(|value| Value::String(value.to_owned()));
    SHOWN.iter().filter_map(|name| Some((name.as_str().to_owned(), value(name)?))).collect()
}

impl From<moltforge_egress::Error> for ToolError {
    fn from(error: moltforge_egress::Error) -> Self {
        use moltforge_types::Fault as _;
        Self { outcome_unknown: error.outcome_unknown(), info: ErrorInfo::new(error.code(), error.to_string()) }
    }
}
