//! The world `moltforge:agent`: what components ask for becomes the calls that every guest makes, under the names of tools.
//!
//! A component has its calls as resources. Their answers are handed over one by one, as to every guest, and kept here until
//! they are taken; what is kept counts as memory of the guest.

mod capabilities;
mod services;

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use wasmtime::Result;
use wasmtime::component::{Resource, ResourceTable};

use super::host::{Host, ended};
use crate::limits::Limit;
use crate::protocol::FailureKind;
use crate::world::EngineImports as _;
use crate::world::agent::moltforge::agent::calls::{self, Error};

/// A call, as the component holds it.
#[derive(Debug)]
pub struct Pending {
    id: u32,
}

/// The calls of a component that it has not dropped or taken.
#[derive(Default)]
pub(crate) struct Calls {
    table: ResourceTable,
    held: u32,
    answers: HashMap<u32, Answer>,
    answered: u64,
    bytes: usize,
    /// The most that `bytes` has been.
    reserved: usize,
}

struct Answer {
    /// They came in this order.
    order: u64,
    value: std::result::Result<String, String>,
}

impl Answer {
    fn bytes(&self) -> usize {
        self.value.as_ref().map_or_else(String::len, String::len)
    }
}

impl Calls {
    fn keep(&mut self, id: u32, value: std::result::Result<String, String>) {
        let answer = Answer { order: self.answered, value };
        self.answered += 1;
        self.bytes += answer.bytes();
        self.answers.insert(id, answer);
    }

    fn give(&mut self, id: u32) -> Option<Answer> {
        let answer = self.answers.remove(&id)?;
        self.bytes -= answer.bytes();
        Some(answer)
    }

    /// Of these the one whose answer came first, by its place.
    fn first(&self, ids: &[u32]) -> Option<usize> {
        let answered = ids.iter().enumerate().filter_map(|(at, id)| Some((self.answers.get(id)?.order, at)));
        answered.min().map(|(_, at)| at)
    }

    fn drop(&mut self, call: Resource<Pending>) -> Result<u32> {
        let Pending { id } = self.table.delete(call)?;
        self.held -= 1;
        Ok(id)
    }
}

impl Host {
    /// Makes a call that the component holds.
    fn ask(&mut self, name: &str, args: String) -> Result<Resource<Pending>> {
        if self.pending.held >= self.limits.calls {
            let message = format!("{} calls that were neither taken nor dropped", self.pending.held);
            return Err(ended(FailureKind::Limit(Limit::Calls), message));
        }
        let id = self.call(name, args)?;
        self.pending.held += 1;
        Ok(self.pending.table.push(Pending { id })?)
    }

    /// Waits for the next answer to any call.
    async fn hear(&mut self) -> Result<()> {
        let completion = self.next().await?;
        let answer = completion.value.as_ref().map_or_else(String::len, String::len);
        // what is kept here is its memory; what it has taken makes room for what comes
        let needed = self.pending.bytes + answer;
        if let Some(more) = needed.checked_sub(self.pending.reserved).filter(|more| *more > 0) {
            self.reserve(more).await?;
            self.pending.reserved = needed;
        }
        self.pending.keep(completion.id, completion.value);
        Ok(())
    }
}

/// A JSON text of the component, as a part of arguments.
fn json(what: &str, text: String) -> Result<Box<RawValue>> {
    RawValue::from_string(text).map_err(|error| ended(FailureKind::Misuse, format!("{what} is not JSON: {error}")))
}

/// Arguments as text. It is compared with what is in journals: the same arguments have always had the same text.
fn text(args: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(args).map_err(|error| ended(FailureKind::Misuse, error.to_string()))
}

/// The error of a call. What it says beside `code` and `message` is its details.
fn error(text: String) -> Error {
    let Ok(mut fields) = serde_json::from_str::<Map<String, Value>>(&text) else {
        let code = "unknown".to_owned();
        return Error { code, message: text, details: None };
    };
    let mut field = |name: &str| match fields.shift_remove(name) {
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let (code, message) = (field("code"), field("message"));
    let details = (!fields.is_empty()).then(|| Value::Object(fields).to_string());
    Error { code, message, details }
}

impl calls::Host for Host {
    async fn wait(&mut self, calls: Vec<Resource<Pending>>) -> Result<u32> {
        let mut ids = Vec::with_capacity(calls.len());
        for call in &calls {
            ids.push(self.pending.table.get(call)?.id);
        }
        if ids.is_empty() {
            return Err(ended(FailureKind::Deadlock, "it waits for one of no calls"));
        }
        loop {
            if let Some(at) = self.pending.first(&ids) {
                return Ok(u32::try_from(at)?);
            }
            self.hear().await?;
        }
    }
}

impl calls::HostPending for Host {
    async fn take(&mut self, call: Resource<Pending>) -> Result<std::result::Result<String, Error>> {
        let id = self.pending.drop(call)?;
        loop {
            if let Some(answer) = self.pending.give(id) {
                return Ok(answer.value.map_err(error));
            }
            self.hear().await?;
        }
    }

    fn drop(&mut self, call: Resource<Pending>) -> Result<()> {
        let id = self.pending.drop(call)?;
        if self.pending.give(id).is_none() {
            self.cancel(id)?;
        }
        Ok(())
    }
}
