//! Incoming webhooks: signed as Standard Webhooks asks (standardwebhooks.com), fired once for each delivery id.

use axum::http::HeaderMap;
use bytes::Bytes;
use moltforge_api::triggers::Fire as FireView;
use moltforge_http::Json;
use moltforge_store::{NewFire, Trigger};
use moltforge_types::{Id as _, ProjectId, Timestamp, TriggerId};
use serde_json::{Map, Value};

use super::{MAX_CHAIN, Triggers, context, views};
use crate::error::Error;
use crate::http::problem;

/// The largest body, bytes.
pub(crate) const MAX_BODY: usize = 256 * 1024;
/// How far the sender's time may be from ours, in seconds.
const WINDOW: i64 = 5 * 60;
/// The longest delivery id.
const MAX_ID: usize = 200;
/// How deep the chain is that leads to this request; set by our own tools on what they send.
pub(crate) const CHAIN_HEADER: &str = "moltforge-chain-depth";
/// Headers that a mapping may refer to, beside those that end as [`PASSED_ENDS`] says.
const PASSED: [&str; 4] = ["content-type", "user-agent", "webhook-id", "webhook-timestamp"];
const PASSED_ENDS: [&str; 3] = ["-event", "-delivery", "-topic"];
/// The most passed headers, and the longest.
const MAX_HEADERS: usize = 32;
const MAX_HEADER: usize = 1_024;

/// What a delivery did.
pub(crate) struct Received {
    /// Its fire, as far as it has come.
    pub(crate) fire: FireView,
    /// The first delivery with its id.
    pub(crate) first: bool,
}

/// The parts of a request that are signed.
struct Signed<'h> {
    id: &'h str,
    timestamp: &'h str,
    signatures: &'h str,
}

impl Triggers {
    /// Takes a delivery: durable before this returns.
    ///
    /// # Errors
    /// `webhook_refused` for everything that is wrong with the address or the signature; `webhook_key_missing`;
    /// `trigger_paused`, `trigger_inactive`, `trigger_queue_full`, `chain_too_deep`; those of the body.
    pub(crate) async fn receive(
        &self,
        trigger: &str,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Received, moltforge_http::ApiError> {
        let trigger = self.verified(trigger, headers, body).await.map_err(problem)?;
        let fire_key = format!("webhook:{}", text(headers, "webhook-id"));
        let chain_depth = depth(headers);
        if let Some(found) = self.admitted(&trigger, &fire_key, chain_depth).await.map_err(problem)? {
            return Ok(Received { fire: found, first: false });
        }
        let now = self.inner.ambient.now();
        let mut particular = context::only("body", parsed(headers, body)?);
        particular.insert("headers".to_owned(), Value::Object(passed(headers)));
        let new = NewFire {
            project_id: trigger.project_id,
            trigger_id: trigger.trigger_id,
            fire_key,
            shard: trigger.shard,
            planned_at: now,
            chain_depth,
            context: context::context(&trigger, now, particular),
            created_at: now,
        };
        self.take(&trigger, &new).await.map_err(problem)
    }

    /// The fire of an earlier delivery with the same id; none when this one may fire.
    async fn admitted(&self, trigger: &Trigger, fire_key: &str, chain_depth: u32) -> Result<Option<FireView>, Error> {
        if trigger.inactive {
            return Err(Error::TriggerInactive(trigger.trigger_id.to_string()));
        }
        if let Some(found) = self.inner.store.fires(trigger.project_id).find(trigger.trigger_id, fire_key).await? {
            return Ok(Some(views::fire(found)));
        }
        if trigger.paused {
            return Err(Error::TriggerPaused);
        }
        if chain_depth > MAX_CHAIN {
            return Err(Error::ChainTooDeep(chain_depth));
        }
        self.room_of(trigger).await?;
        Ok(None)
    }

    /// Writes a fire down and starts it if it may start now.
    pub(super) async fn take(&self, trigger: &Trigger, new: &NewFire) -> Result<Received, Error> {
        let mut tx = self.inner.store.begin().await?;
        let first = tx.fires(trigger.project_id).insert(new).await?;
        tx.commit().await?;
        let find = || async {
            let found = self.inner.store.fires(trigger.project_id).find(trigger.trigger_id, &new.fire_key).await?;
            found.ok_or_else(|| Error::TriggerNotFound(trigger.trigger_id.to_string()))
        };
        let fire = find().await?;
        if !first {
            return Ok(Received { fire: views::fire(fire), first });
        }
        // it is durable: what fails from here is tried again without the sender
        if let Err(error) = self.dispatch_now(trigger, new).await {
            tracing::warn!(trigger_id = %trigger.trigger_id, %error, "a fire could not start yet");
        }
        self.hint();
        Ok(Received { fire: views::fire(find().await?), first })
    }

    /// The webhook that a request is signed for. Takes as long for one that there is not.
    async fn verified(&self, trigger: &str, headers: &HeaderMap, body: &Bytes) -> Result<Trigger, Error> {
        let key = self.inner.executions.webhook_key().ok_or(Error::WebhookKeyMissing)?;
        let id = trigger.parse().unwrap_or(TriggerId::from_u128(0));
        let found = self.inner.store.live_triggers().of_url(id).await?.filter(|found| found.kind == "webhook");
        let now = self.inner.ambient.now();
        let (project_id, generation, previous) = match &found {
            Some(found) => {
                let previous = found.previous_until.is_some_and(|until| until > now);
                (found.project_id, found.generation, if previous { found.generation - 1 } else { found.generation })
            }
            None => (ProjectId::from_u128(0), 0, 0),
        };
        let signed = Signed {
            id: text(headers, "webhook-id"),
            timestamp: text(headers, "webhook-timestamp"),
            signatures: text(headers, "webhook-signature"),
        };
        let parts: [&[u8]; 5] = [signed.id.as_bytes(), b".", signed.timestamp.as_bytes(), b".", body];
        let verifies = key.verifies(project_id, id, [generation, previous], &parts, signed.signatures);
        let good = verifies && is_id(signed.id) && is_near(signed.timestamp, now);
        found.filter(|_| good).ok_or(Error::WebhookRefused)
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn is_id(id: &str) -> bool {
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Seconds since the epoch, not too far from now.
fn is_near(timestamp: &str, now: Timestamp) -> bool {
    let seconds = timestamp.parse::<i64>().ok().filter(|_| timestamp.bytes().all(|byte| byte.is_ascii_digit()));
    seconds.is_some_and(|seconds| (now.as_micros() / 1_000_000).saturating_sub(seconds).abs() <= WINDOW)
}

/// A request that one of our executions sent says how deep it is; others begin a chain.
pub(crate) fn depth(headers: &HeaderMap) -> u32 {
    match headers.get(CHAIN_HEADER) {
        None => 0,
        // what is not a number did not come from us, and does not get past the cap
        Some(value) => value.to_str().ok().and_then(|text| text.parse().ok()).unwrap_or(u32::MAX),
    }
}

/// JSON when it says so, else text.
fn parsed(headers: &HeaderMap, body: &Bytes) -> Result<Value, moltforge_http::ApiError> {
    let media_type = text(headers, "content-type").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media_type == "application/json" || media_type.ends_with("+json") {
        return Ok(Json::<Value>::from_bytes(body)?.0);
    }
    match std::str::from_utf8(body) {
        Ok(text) if !text.contains('\0') => Ok(Value::String(text.to_owned())),
        _ => {
            let message = "expected JSON or text (UTF-8 without NUL)".to_owned();
            Err(Error::FieldInvalid { field: "body", message }.into())
        }
    }
}

/// What a mapping may refer to: nothing that could be a credential.
fn passed(headers: &HeaderMap) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, value) in headers {
        let name = name.as_str();
        let wanted = PASSED.contains(&name)
            || name.starts_with("ce-")
            || (name.starts_with("x-") && PASSED_ENDS.iter().any(|end| name.ends_with(end)));
        if let Ok(text) = value.to_str()
            && wanted
            && text.len() <= MAX_HEADER
            && all.len() < MAX_HEADERS
        {
            all.insert(name.to_owned(), Value::String(text.to_owned()));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn times_are_near_or_not() {
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        for near in ["1700000000", "1700000300", "1699999700"] {
            assert!(is_near(near, now), "{near}");
        }
        for far in ["1700000301", "1699999699", "", "-1", "+1700000000", "1.7e9", "99999999999999999999"] {
            assert!(!is_near(far, now), "{far}");
        }
    }

    #[test]
    fn chains_are_counted() {
        assert_eq!(depth(&headers(&[])), 0);
        assert_eq!(depth(&headers(&[(CHAIN_HEADER, "3")])), 3);
        assert_eq!(depth(&headers(&[(CHAIN_HEADER, "-1")])), u32::MAX);
    }

    #[test]
    fn credentials_are_not_passed() {
        let all = headers(&[
            ("content-type", "a/b"),
            ("x-github-event", "push"),
            ("ce-type", "t"),
            ("authorization", "Bearer x"),
            ("cookie", "x"),
            ("webhook-signature", "v1,x"),
            ("x-api-key", "x"),
        ]);
        let names: Vec<String> = passed(&all).keys().cloned().collect();
        assert_eq!(names, ["content-type", "x-github-event", "ce-type"]);
    }

    #[test]
    fn bodies() {
        let json = headers(&[("content-type", "application/json; charset=utf-8")]);
        assert_eq!(parsed(&json, &Bytes::from_static(b"{\"a\":1}")).unwrap()["a"], 1);
        for bad in [&b"{"[..], b"[]", b"{\"a\":\"\\u0000\"}", b"{\"a\":1,\"a\":2}"] {
            assert!(parsed(&json, &Bytes::from_static(bad)).is_err());
        }
        assert_eq!(parsed(&headers(&[]), &Bytes::from_static(b"hi")).unwrap(), "hi");
        assert!(parsed(&headers(&[]), &Bytes::from_static(b"\xff")).is_err());
        assert!(parsed(&headers(&[]), &Bytes::from_static(b"a\0")).is_err());
    }
}
