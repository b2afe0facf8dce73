//! Capabilities as the calls that they are: names and arguments of tools.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json as object};
use wasmtime::Result;
use wasmtime::component::Resource;

use super::{Pending, json, text};
use crate::protocol::FailureKind;
use crate::worker::host::{Host, ended};
use crate::world::agent::moltforge::agent::{agents, approvals, events, http, llm, signals, state, timers, tools};

/// A length of time, as tools read it.
fn duration(milliseconds: u64) -> String {
    format!("{milliseconds}ms")
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct Complete<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    messages: Vec<Message<'a>>,
}

impl llm::Host for Host {
    fn complete(&mut self, request: llm::Request) -> Result<Resource<Pending>> {
        if request.temperature.is_some_and(|temperature| !temperature.is_finite()) {
            return Err(ended(FailureKind::Misuse, "the temperature is not a number"));
        }
        let message = |message: &'_ llm::Message| match message.role {
            llm::Role::System => "system",
            llm::Role::User => "user",
            llm::Role::Assistant => "assistant",
        };
        let messages = request.messages.iter().map(|one| Message { role: message(one), content: &one.content });
        let args = Complete {
            system: request.system.as_deref(),
            model: request.model.as_deref(),
            temperature: request.temperature,
            max_output_tokens: request.max_output_tokens,
            messages: messages.collect(),
        };
        self.ask("llm.complete", text(&args)?)
    }

    fn stream(&mut self, call: Resource<Pending>, attempt: u64, offset: u64) -> Result<Resource<Pending>> {
        let id = self.pending.table.get(&call)?.id;
        self.ask("llm.chunk", object!({ "call": id, "attempt": attempt, "from": offset }).to_string())
    }
}

impl tools::Host for Host {
    fn call(&mut self, name: String, arguments: String) -> Result<Resource<Pending>> {
        self.ask(&name, arguments)
    }
}

impl http::Host for Host {
    fn fetch(&mut self, request: http::Request) -> Result<Resource<Pending>> {
        let mut args = Map::new();
        args.insert("url".to_owned(), request.url.into());
        if let Some(method) = request.method {
            args.insert("method".to_owned(), method.into());
        }
        if !request.headers.is_empty() {
            let headers: Map<_, _> = request.headers.into_iter().map(|(name, value)| (name, value.into())).collect();
            args.insert("headers".to_owned(), Value::Object(headers));
        }
        if let Some(body) = request.body {
            args.insert("body".to_owned(), body.into());
        }
        self.ask("http.fetch", Value::Object(args).to_string())
    }
}

#[derive(Serialize)]
struct Set<'a> {
    key: &'a str,
    value: &'a RawValue,
}

impl state::Host for Host {
    fn get(&mut self, key: String) -> Result<Resource<Pending>> {
        self.ask("state.get", object!({ "key": key }).to_string())
    }

    fn set(&mut self, key: String, value: String) -> Result<Resource<Pending>> {
        let value = json("the value", value)?;
        self.ask("state.set", text(&Set { key: &key, value: &value })?)
    }

    fn delete(&mut self, key: String) -> Result<Resource<Pending>> {
        self.ask("state.delete", object!({ "key": key }).to_string())
    }
}

#[derive(Serialize)]
struct Emit<'a> {
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
}

impl events::Host for Host {
    fn emit(&mut self, type_: String, topic: Option<String>, data: Option<String>) -> Result<Resource<Pending>> {
        let data = data.map(|data| json("the data", data)).transpose()?;
        self.ask("events.emit", text(&Emit { r#type: &type_, topic: topic.as_deref(), data })?)
    }
}

#[derive(Serialize)]
struct Child<'a> {
    agent: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<String>,
}

fn child(agent: &str, input: Option<String>, timeout: Option<u64>) -> Result<String> {
    let input = input.map(|input| json("the input", input)).transpose()?;
    text(&Child { agent, input, timeout: timeout.map(duration) })
}

impl agents::Host for Host {
    fn call(&mut self, agent: String, input: Option<String>, timeout: Option<u64>) -> Result<Resource<Pending>> {
        self.ask("agents.call", child(&agent, input, timeout)?)
    }

    fn start(&mut self, agent: String, input: Option<String>) -> Result<Resource<Pending>> {
        self.ask("agents.start", child(&agent, input, None)?)
    }

    fn wait(&mut self, executions: Vec<String>, mode: agents::Mode, timeout: Option<u64>) -> Result<Resource<Pending>> {
        let mut args = Map::new();
        args.insert("executions".to_owned(), executions.into());
        if let agents::Mode::Any = mode {
            args.insert("mode".to_owned(), "any".into());
        }
        if let Some(timeout) = timeout {
            args.insert("timeout".to_owned(), duration(timeout).into());
        }
        self.ask("agents.wait", Value::Object(args).to_string())
    }
}

#[derive(Serialize)]
struct Ask<'a> {
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    form: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

impl approvals::Host for Host {
    fn request(&mut self, question: approvals::Question) -> Result<Resource<Pending>> {
        let form = question.form.map(|form| json("the form", form)).transpose()?;
        let (details, expires) = (question.details.as_deref(), question.expires.map(duration));
        self.ask("approvals.request", text(&Ask { title: &question.title, details, form, expires })?)
    }
}

impl signals::Host for Host {
    fn wait(&mut self, name: String, timeout: Option<u64>) -> Result<Resource<Pending>> {
        let mut args = Map::new();
        args.insert("name".to_owned(), name.into());
        if let Some(timeout) = timeout {
            args.insert("timeout".to_owned(), duration(timeout).into());
        }
        self.ask("signals.wait", Value::Object(args).to_string())
    }
}

impl timers::Host for Host {
    fn after(&mut self, milliseconds: u64) -> Result<Resource<Pending>> {
        self.ask("timer", object!({ "ms": milliseconds }).to_string())
    }
}
