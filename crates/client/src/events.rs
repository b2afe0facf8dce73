//! An execution's events as they happen (`text/event-stream`), without gaps over broken connections.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use eventsource_stream::Eventsource as _;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};
use http::header::{ACCEPT, HeaderName};
use moltforge_api::executions::StepChunk;
use moltforge_types::event::CloudEvent;

use crate::request::Request;
use crate::{Client, Error};

/// The server sends a sign of life every 15 s; a connection that is silent this long is dead.
const SILENCE_LIMIT: Duration = Duration::from_mins(1);
/// Pauses between connections that brought nothing new; the last one repeats.
const PAUSES_MS: [u64; 6] = [50, 200, 500, 1000, 2000, 5000];
/// Connections in a row that bring nothing new before it gives up: about five minutes.
const MOST_FAILURES: usize = 60;
const TERMINAL: [&str; 3] =
    ["io.moltforge.execution.completed", "io.moltforge.execution.failed", "io.moltforge.execution.cancelled"];

/// What an execution's stream brings.
#[derive(Debug, Clone)]
pub enum ExecutionEvent {
    /// Something that happened, durable; its `id` is its number within the execution.
    Event(CloudEvent),
    /// A piece of a model's text while it is being written: provisional until `model.completed` brings the whole.
    Chunk(StepChunk),
    /// Pieces of text may have been missed: forget the provisional ones.
    Reset,
}

/// A stream of [`ExecutionEvent`]s. An error is its last item.
pub struct EventStream(BoxStream<'static, Result<ExecutionEvent, Error>>);

impl Stream for EventStream {
    type Item = Result<ExecutionEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl std::fmt::Debug for EventStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventStream")
    }
}

pub(crate) fn stream(client: Client, execution: String, after: u64) -> EventStream {
    let follower = Follower { client, execution, last: after, connection: None, failures: 0, state: Stage::Before };
    EventStream(futures::stream::unfold(follower, |mut f| async { f.next().await.map(|item| (item, f)) }).boxed())
}

type Connection = BoxStream<'static, Result<eventsource_stream::Event, Error>>;

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    /// Not connected yet.
    Before,
    /// Connected at least once.
    Following,
    /// Nothing comes any more.
    Over,
}

struct Follower {
    client: Client,
    execution: String,
    /// The number of the latest event that was handed out.
    last: u64,
    connection: Option<Connection>,
    /// Connections in a row that brought nothing new.
    failures: usize,
    state: Stage,
}

impl Follower {
    async fn next(&mut self) -> Option<Result<ExecutionEvent, Error>> {
        while self.state != Stage::Over {
            let Some(connection) = &mut self.connection else {
                match self.connect().await {
                    Ok(reset) if reset => return Some(Ok(ExecutionEvent::Reset)),
                    Ok(_) => continue,
                    Err(error) => return Some(self.give_up(error)),
                }
            };
            match connection.next().await {
                Some(Ok(message)) => match self.read(&message) {
                    Ok(Some(item)) => return Some(Ok(item)),
                    Ok(None) => {}
                    Err(error) => return Some(self.give_up(error)),
                },
                Some(Err(error)) => {
                    self.connection = None;
                    if !self.client.reconnects() || self.failures >= MOST_FAILURES {
                        return Some(self.give_up(error));
                    }
                }
                None => {
                    self.connection = None;
                    match self.is_over().await {
                        Ok(true) => self.state = Stage::Over,
                        Ok(false) => {}
                        Err(error) => return Some(self.give_up(error)),
                    }
                }
            }
        }
        None
    }

    fn give_up(&mut self, error: Error) -> Result<ExecutionEvent, Error> {
        self.state = Stage::Over;
        self.connection = None;
        Err(error)
    }

    /// Connects after the latest known event. Says whether that was a reconnection.
    async fn connect(&mut self) -> Result<bool, Error> {
        if self.state == Stage::Following {
            let pause = PAUSES_MS[self.failures.min(PAUSES_MS.len() - 1)];
            tokio::time::sleep(Duration::from_millis(pause)).await;
            self.failures += 1;
        }
        let mut request = Request::get(&["v1", "executions", &self.execution, "events"])?
            .header(ACCEPT, "text/event-stream")?
            .header(HeaderName::from_static("last-event-id"), &self.last.to_string())?;
        request.limit = None;
        let attempt = request.attempt();
        let response = match self.client.send(request).await {
            Ok(response) => response.success(&attempt).await?,
            Err(Error::Unreachable { .. }) if self.state == Stage::Following && self.failures < MOST_FAILURES => {
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        self.connection = Some(messages(response.body, attempt, self.client.reconnects()));
        let again = self.state == Stage::Following;
        self.state = Stage::Following;
        Ok(again)
    }

    /// What a message means, if it means something here. A gap ends the connection: the next one starts after `last`.
    fn read(&mut self, message: &eventsource_stream::Event) -> Result<Option<ExecutionEvent>, Error> {
        match message.event.as_str() {
            "step.chunk" => Ok(Some(ExecutionEvent::Chunk(parse(&self.execution, &message.data)?))),
            "reset" => Ok(Some(ExecutionEvent::Reset)),
            _ => {
                let event: CloudEvent = parse(&self.execution, &message.data)?;
                let number: u64 =
                    event.id.parse().map_err(|_| foreign(&self.execution, "an event without a number"))?;
                if number <= self.last {
                    return Ok(None);
                }
                if number != self.last + 1 {
                    self.connection = None;
                    if !self.client.reconnects() || self.failures >= 3 {
                        let found = format!("event {number} after event {}", self.last);
                        return Err(foreign(&self.execution, &found));
                    }
                    return Ok(None);
                }
                (self.last, self.failures) = (number, 0);
                if TERMINAL.contains(&event.event_type.as_str()) {
                    (self.state, self.connection) = (Stage::Over, None);
                }
                Ok(Some(ExecutionEvent::Event(event)))
            }
        }
    }

    /// After a stream's regular end without a terminal event: the execution may have ended before, or the server goes down.
    async fn is_over(&mut self) -> Result<bool, Error> {
        if !self.client.reconnects() {
            return Ok(true);
        }
        match self.client.executions().get(&self.execution).await {
            Ok(execution) => {
                let ended = matches!(execution.state.as_str(), "completed" | "failed" | "cancelled");
                Ok(ended && execution.seq <= self.last)
            }
            Err(Error::Unreachable { .. } | Error::TimedOut { .. }) if self.failures < MOST_FAILURES => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn messages(body: BoxStream<'static, Result<bytes::Bytes, Error>>, attempt: String, watch_silence: bool) -> Connection {
    let body = if watch_silence {
        tokio_stream::StreamExt::timeout(body, SILENCE_LIMIT)
            .map(move |part| match part {
                Ok(part) => part,
                Err(_) => Err(Error::TimedOut { attempt: attempt.clone(), limit: SILENCE_LIMIT }),
            })
            .boxed()
    } else {
        body
    };
    body.eventsource()
        .map(|message| {
            message.map_err(|error| match error {
                eventsource_stream::EventStreamError::Transport(error) => error,
                other => foreign("", &other.to_string()),
            })
        })
        .boxed()
}

fn parse<T: serde::de::DeserializeOwned>(execution: &str, data: &str) -> Result<T, Error> {
    serde_json::from_str(data).map_err(|e| foreign(execution, &e.to_string()))
}

fn foreign(execution: &str, found: &str) -> Error {
    Error::Unexpected {
        attempt: format!("GET /v1/executions/{execution}/events"),
        status: 200,
        found: found.to_owned(),
    }
}
