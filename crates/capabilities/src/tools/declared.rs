//! Tools that an agent's file declares as HTTP endpoints.

mod probe;
mod template;

use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use moltforge_api::config::HttpTool;
use moltforge_egress::{Egress, Grant, HostRule, Request, Waits};
use moltforge_manifest::parse_duration;
use moltforge_types::ProjectId;
use moltforge_types::execution::Effect;
use moltforge_types::journal::ErrorInfo;
use serde_json::Value;
use std::sync::Arc;

use super::call::ToolError;
use super::{Begin, Kind, ToolSpec, answer, refused};
pub use probe::ProbeAnswer;
use probe::Probing;
use template::Template;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_TIMEOUT: Duration = Duration::from_mins(10);
/// Read by incoming webhooks.
pub(super) const CHAIN_DEPTH: HeaderName = HeaderName::from_static("moltforge-chain-depth");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A declared tool, compiled.
#[derive(Debug)]
pub(super) struct Declared {
    name: String,
    method: Method,
    url: Template,
    headers: HeaderMap,
    effect: Effect,
    timeout: Duration,
    /// The one host that the tool asks for: that of its URL.
    host: HostRule,
    /// How the other side is asked whether a call happened.
    probe: Option<Probing>,
}

/// Compiles a tool, or says what is wrong with it.
pub(super) fn spec(tool: &HttpTool) -> Result<ToolSpec, String> {
    let method = Method::from_bytes(tool.method.as_bytes()).map_err(|error| error.to_string())?;
    let effect = match tool.effect.as_deref() {
        Some(text) => text.parse()?,
        None if method == Method::GET => Effect::Read,
        None => Effect::AtMostOnce,
    };
    let timeout = match &tool.timeout {
        Some(text) => parse_duration(text)?.min(MAX_TIMEOUT),
        None => DEFAULT_TIMEOUT,
    };
    let url = Template::parse(&tool.url)?;
    let host = url.host()?;
    let headers = headers(tool)?;
    let validator = moltforge_manifest::schema::compile(&tool.parameters)?;
    let probe = tool.probe.as_ref().map(|probe| Probing::compile(tool, probe, &host)).transpose()?;
    if (effect == Effect::Reconcile) != probe.is_some() {
        return Err("a reconcile tool has a probe, and no other has one".to_owned());
    }
    let declared = Declared { name: tool.name.clone(), method, url, headers, effect, timeout, host, probe };
    Ok(ToolSpec {
        name: tool.name.clone(),
        description: tool.description.clone(),
        parameters: Arc::new(tool.parameters.clone()),
        effect,
        concurrency: tool.concurrency,
        validator: Arc::new(validator),
        kind: Kind::Declared(Arc::new(declared)),
    })
}

fn headers(tool: &HttpTool) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, text/*;q=0.9, */*;q=0.5"));
    for (name, value) in &tool.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is no header name"))?;
        let value = HeaderValue::from_str(value).map_err(|_| format!("the value of {name} is not visible ASCII"))?;
        headers.insert(name, value);
    }
    Ok(headers)
}

impl Declared {
    pub(super) fn begin(&self, arguments: Value) -> Begin {
        // what cannot be put into the URL goes back to the model, before anything is written or sent
        match self.url.fill(&arguments, self.in_query()) {
            Ok(_) => Begin::Call { effect: self.effect, arguments },
            Err(reason) => refused(&self.name, &reason),
        }
    }

    pub(super) async fn call(
        &self,
        egress: &Egress,
        project: ProjectId,
        arguments: &Value,
        idempotency_key: Option<&str>,
        chain_depth: u32,
        waits: &Waits,
    ) -> Result<Value, ToolError> {
        let mut request = self.request(arguments, idempotency_key).map_err(|reason| {
            ToolError::known(ErrorInfo::new("tool_arguments_invalid", format!("{}: {reason}", self.name)))
        })?;
        request.headers.insert(CHAIN_DEPTH, HeaderValue::from(chain_depth));
        request.waits = waits.clone();
        let grant = Grant::new(project, [self.host.clone()]);
        let response = egress.send(request, &grant).await?;
        if response.status.is_success() {
            return Ok(answer::body(&response.headers, &response.body));
        }
        let status = response.status;
        let message = format!("{} answered {status}: {}", self.name, answer::excerpt(&response.body));
        // a gateway that lost its server knows as little as we do
        let outcome_unknown = matches!(status.as_u16(), 502 | 504);
        Err(ToolError { info: ErrorInfo::new("tool_http_status", message), outcome_unknown })
    }

    /// How long after a call it may still arrive.
    pub(super) fn settle(&self) -> Duration {
        self.probe.as_ref().map_or(Duration::ZERO, Probing::settle)
    }

    /// Asks whether a call happened; `None`: there is no way to know.
    pub(super) async fn probe(
        &self,
        egress: &Egress,
        project: ProjectId,
        arguments: &Value,
        key: &str,
    ) -> Option<ProbeAnswer> {
        let probe = self.probe.as_ref()?;
        Some(probe.ask(egress, project, &self.host, self.timeout, arguments, key).await)
    }

    fn request(&self, arguments: &Value, idempotency_key: Option<&str>) -> Result<Request, String> {
        let filled = self.url.fill(arguments, self.in_query())?;
        let mut request = Request::new(self.method.clone(), filled.url);
        request.headers = self.headers.clone();
        request.timeout = self.timeout;
        if !self.in_query() {
            let text = serde_json::to_vec(&filled.rest).map_err(|error| error.to_string())?;
            request.body = Bytes::from(text);
            request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(key) = idempotency_key.filter(|_| self.effect.changes()) {
            let key = HeaderValue::from_str(key).map_err(|_| "the idempotency key is not visible ASCII".to_owned())?;
            request.headers.insert(IDEMPOTENCY_KEY, key);
        }
        Ok(request)
    }

    /// Whether arguments that are not in the path go into the query rather than into a body.
    fn in_query(&self) -> bool {
        matches!(self.method, Method::GET | Method::DELETE)
    }
}
