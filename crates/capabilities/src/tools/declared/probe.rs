//! Asks the other side whether a call happened.

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use moltforge_api::config::{HttpTool, Probe};
use moltforge_egress::{Egress, Grant, HostRule, Request};
use moltforge_manifest::parse_duration;
use moltforge_types::ProjectId;
use moltforge_types::execution::ProbeOutcome;
use serde_json::Value;
use std::time::Duration;
use url::Url;

use super::answer;
use super::template::{encode, scalar};

const DEFAULT_SETTLE: Duration = Duration::from_secs(30);
/// The longest text about a probe that is kept, in characters.
const MAX_DETAIL: usize = 500;
const KEY: &str = "idempotency_key";
const PLACE: &str = "{idempotency_key}";

/// A probe, compiled.
#[derive(Debug)]
pub(super) struct Probing {
    url: String,
    headers: Vec<(HeaderName, String)>,
    field: Option<String>,
    done: Vec<String>,
    not_done: Vec<String>,
    result: Option<String>,
    settle: Duration,
}

/// What the other side said about a call.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeAnswer {
    /// How it stands.
    pub outcome: ProbeOutcome,
    /// The call's answer, when it is done; `null` otherwise.
    pub output: Value,
    /// More about it, for people; no secrets.
    pub detail: Option<String>,
}

impl ProbeAnswer {
    fn unknown(detail: &str) -> Self {
        let detail = Some(detail.chars().take(MAX_DETAIL).collect());
        Self { outcome: ProbeOutcome::Unknown, output: Value::Null, detail }
    }
}

impl Probing {
    pub(super) fn compile(tool: &HttpTool, probe: &Probe, host: &HostRule) -> Result<Self, String> {
        let url =
            Url::parse(&filled(&probe.url, |_| Some("x".to_owned()))?).map_err(|error| format!("probe: {error}"))?;
        let port = url.port_or_known_default().ok_or("the probe's url has no port")?;
        let of_probe: HostRule = format!("{}:{port}", url.host_str().unwrap_or_default())
            .parse()
            .map_err(|error| format!("probe: {error}"))?;
        if of_probe != *host {
            return Err(format!("the probe of {} asks another host than the tool", tool.name));
        }
        let mut headers = Vec::new();
        for (name, value) in &probe.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is no header name"))?;
            HeaderValue::from_str(value).map_err(|_| format!("the value of {name} is not visible ASCII"))?;
            headers.push((name, value.clone()));
        }
        Ok(Self {
            url: probe.url.clone(),
            headers,
            field: probe.field.clone(),
            done: probe.done.clone(),
            not_done: probe.not_done.clone(),
            result: probe.result.clone(),
            settle: probe.settle.as_deref().map(parse_duration).transpose()?.unwrap_or(DEFAULT_SETTLE),
        })
    }

    pub(super) fn settle(&self) -> Duration {
        self.settle
    }

    pub(super) async fn ask(
        &self,
        egress: &Egress,
        project: ProjectId,
        host: &HostRule,
        timeout: Duration,
        arguments: &Value,
        key: &str,
    ) -> ProbeAnswer {
        let request = match self.request(timeout, arguments, key) {
            Ok(request) => request,
            Err(reason) => return ProbeAnswer::unknown(&reason),
        };
        let grant = Grant::new(project, [host.clone()]);
        let response = match egress.send(request, &grant).await {
            Ok(response) => response,
            Err(error) => return ProbeAnswer::unknown(&format!("the probe failed: {error}")),
        };
        let status = response.status;
        if matches!(status.as_u16(), 404 | 410) {
            let detail = Some(format!("the probe answered {status}"));
            return ProbeAnswer { outcome: ProbeOutcome::NotDone, output: Value::Null, detail };
        }
        if !status.is_success() {
            let said = answer::excerpt(&response.body);
            return ProbeAnswer::unknown(&format!("the probe answered {status}: {said}"));
        }
        self.read(&answer::body(&response.headers, &response.body))
    }

    fn request(&self, timeout: Duration, arguments: &Value, key: &str) -> Result<Request, String> {
        let value = |name: &str| match name {
            KEY => Some(key.to_owned()),
            name => arguments.get(name).and_then(scalar),
        };
        let url = filled(&self.url, |name| value(name).map(|value| encode(&value)))?;
        let mut request = Request::new(Method::GET, url);
        let mut headers = HeaderMap::new();
        for (name, text) in &self.headers {
            let value =
                HeaderValue::from_str(&text.replace(PLACE, key)).map_err(|_| format!("{name} is not visible ASCII"))?;
            headers.insert(name.clone(), value);
        }
        request.headers = headers;
        request.timeout = timeout;
        Ok(request)
    }

    fn read(&self, body: &Value) -> ProbeAnswer {
        let output = match &self.result {
            None => body.clone(),
            Some(pointer) => body.pointer(pointer).cloned().unwrap_or_default(),
        };
        let Some(field) = &self.field else {
            return ProbeAnswer { outcome: ProbeOutcome::Done, output, detail: None };
        };
        let found = body.pointer(field).and_then(scalar);
        let detail = Some(match &found {
            Some(found) => format!("{field} is {:?}", found.chars().take(80).collect::<String>()),
            None => format!("the probe's answer has no {field}"),
        });
        let is_in = |values: &[String]| found.as_ref().is_some_and(|found| values.contains(found));
        if is_in(&self.done) {
            ProbeAnswer { outcome: ProbeOutcome::Done, output, detail }
        } else if is_in(&self.not_done) {
            ProbeAnswer { outcome: ProbeOutcome::NotDone, output: Value::Null, detail }
        } else {
            ProbeAnswer { outcome: ProbeOutcome::Unknown, output: Value::Null, detail }
        }
    }
}

/// A text with its places filled.
fn filled(text: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or("a placeholder is not closed")?;
        out.push_str(before);
        out.push_str(&value(name).ok_or_else(|| format!("{name} of the probe has no value"))?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn probing(change: &Value) -> Probing {
        let mut probe = json!({ "url": "http://127.0.0.1:9/p/{order}?key={idempotency_key}" });
        probe.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let tool = json!({ "name": "t", "description": "d", "url": "http://127.0.0.1:9/t", "parameters": {} });
        let host = "127.0.0.1:9".parse().unwrap();
        Probing::compile(&serde_json::from_value(tool).unwrap(), &serde_json::from_value(probe).unwrap(), &host)
            .unwrap()
    }

    #[test]
    fn places_are_encoded_and_cannot_lead_elsewhere() {
        let probing = probing(&json!({ "headers": { "x-call": "is {idempotency_key}" } }));
        let request = probing.request(Duration::from_secs(1), &json!({ "order": "../a?b" }), "k 1").unwrap();
        assert_eq!(request.url, "http://127.0.0.1:9/p/..%2Fa%3Fb?key=k%201");
        assert_eq!(request.headers["x-call"], "is k 1");
        assert!(probing.request(Duration::from_secs(1), &json!({}), "k").is_err());
    }

    #[test]
    fn an_answer_is_read_by_its_field() {
        let plain = probing(&json!({}));
        assert_eq!(plain.read(&json!({ "id": 1 })).outcome, ProbeOutcome::Done);
        let probing =
            probing(&json!({ "field": "/status", "done": ["paid", "1"], "not_done": ["void"], "result": "/refund" }));
        for (body, outcome, output) in [
            (json!({ "status": "paid", "refund": 7 }), ProbeOutcome::Done, json!(7)),
            (json!({ "status": 1 }), ProbeOutcome::Done, Value::Null),
            (json!({ "status": "void", "refund": 7 }), ProbeOutcome::NotDone, Value::Null),
            (json!({ "status": "pending" }), ProbeOutcome::Unknown, Value::Null),
            (json!({ "status": ["paid"] }), ProbeOutcome::Unknown, Value::Null),
            (json!("paid"), ProbeOutcome::Unknown, Value::Null),
        ] {
            let answer = probing.read(&body);
            assert_eq!((answer.outcome, answer.output), (outcome, output), "{body}");
        }
    }
}
