//! Workers that lie: what they say, how the server takes it, and the same said as it should be.

mod all;
mod descriptors;
mod words;

use std::time::Duration;

use moltforge_attempts::Row;
use moltforge_sandbox::{Config, Event, GuestRequest, Limits, Sandbox};

use super::beside::Beside;
use crate::world::{agent, config};

/// What a worker says.
#[derive(Default, Clone)]
struct Said {
    /// The messages of the server that it waits for.
    cue: Vec<u8>,
    /// Its bytes then.
    bytes: Vec<u8>,
    /// Its bytes after that, for ever.
    flood: Vec<u8>,
    /// How many guests it has; who is asked about it is the last one.
    guests: usize,
    /// Whether the first of them is stopped.
    stops: bool,
}

/// A lie, and the truth that differs from it as little as possible.
struct Lie {
    name: &'static str,
    tried: &'static str,
    said: Said,
    truth: Said,
    truth_is: &'static str,
}

/// What a lie could exceed.
fn limits() -> Limits {
    Limits {
        memory: 16 << 20,
        cpu: Duration::from_secs(1),
        output: 64,
        logs: 64,
        calls: 2,
        call: 64,
        ..Limits::default()
    }
}

/// A worker that owes a word and says none is ended after this.
const SILENCE: Duration = Duration::from_secs(2);

impl Said {
    /// What becomes of the guest that is asked about.
    async fn heard(&self) -> Option<Event> {
        let hex = |bytes: &[u8]| hex::encode(bytes).into();
        let worker = vec!["hostile".into(), hex(&self.bytes), hex(&self.cue), hex(&self.flood)];
        let sandbox = Sandbox::new(Config { worker, silence: SILENCE, ..config() }).unwrap();
        let mut guests = Vec::new();
        for _ in 0..self.guests {
            let request = GuestRequest { limits: limits(), ..agent("export default () => 1") };
            guests.push(sandbox.run(request).await.unwrap());
        }
        let mut last = guests.pop().unwrap();
        if self.stops {
            guests.clear();
        }
        loop {
            // far more than the silence: what is not heard by then is not heard at all
            let event = tokio::time::timeout(Duration::from_secs(20), last.next()).await.ok();
            if self.flood.is_empty() || matches!(event, None | Some(Event::Lost(_))) {
                return event;
            }
        }
    }
}

/// The check of lies and truths alike: the server did not end the worker.
fn believed(event: Option<&Event>) -> bool {
    !matches!(event, Some(Event::Lost(_)))
}

impl Lie {
    fn row(&self) -> Row {
        let expected = "the worker is ended, its guests are lost with the reason";
        Row::new(self.name, "protocol", self.tried, expected, self.truth_is)
    }

    async fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let ours = crate::world::sandbox();
        let beside = Beside::start(&ours).await;
        let event = self.said.heard().await;
        if believed(event.as_ref()) {
            faults.push(format!("it is believed: {event:?}"));
        }
        faults.extend(beside.harm().await);
        let event = self.truth.heard().await;
        if !believed(event.as_ref()) {
            faults.push(format!("the truth is not believed: {event:?}"));
        }
        faults.into_iter().map(|fault| format!("{}: {fault}", self.name)).collect()
    }
}

#[tokio::test]
async fn no_lie_of_a_worker_is_believed() {
    crate::world::prepared(&agent("").image).await;
    let all = all::all();
    let mut faults = Vec::new();
    for lie in &all {
        let began = std::time::Instant::now();
        faults.extend(lie.faults().await);
        println!("{:>6} ms  {}", began.elapsed().as_millis(), lie.name);
    }
    let (row, fault) = descriptors::are_not_taken().await;
    faults.extend(fault);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    moltforge_attempts::check_page("lies", &all.iter().map(Lie::row).chain([row]).collect::<Vec<_>>());
}
