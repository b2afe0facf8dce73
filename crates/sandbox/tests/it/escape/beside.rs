//! Two guests that wait while an attempt is made: one in the same worker, one of another project.

use std::time::Duration;

use moltforge_sandbox::{Completion, Event, Guest, GuestRequest, Sandbox};

use crate::world::agent;

const WAITS: &str = "export default async (i, { tools }) => (await tools.call('a', {})).n";

pub(crate) struct Beside(Vec<(Guest, Option<u32>)>);

impl Beside {
    pub(crate) async fn start(sandbox: &Sandbox) -> Self {
        let mut guests = Vec::new();
        for project in ["proj_1", "proj_2"] {
            let mut guest = sandbox.run(GuestRequest { project: project.into(), ..agent(WAITS) }).await.unwrap();
            let Event::Asked(asked) = guest.next().await else { panic!("the neighbour does not ask") };
            assert_eq!(asked.calls.len(), 1);
            let process = guest.process_id();
            guests.push((guest, process));
        }
        Self(guests)
    }

    /// Lets them end. What is wrong with one of them.
    pub(crate) async fn harm(self) -> Option<String> {
        for (mut guest, process) in self.0 {
            let completion = Completion { id: 1, at: 0, value: Ok(r#"{"n": 42}"#.into()) };
            guest.deliver(completion).unwrap();
            // generous: it takes milliseconds, unless the machine is busy
            let event = tokio::time::timeout(Duration::from_secs(20), guest.next()).await;
            let unharmed = matches!(&event, Ok(Event::Ended(end)) if end.output == "42");
            if !unharmed || guest.process_id() != process {
                return Some(format!("a neighbour was harmed: {event:?}"));
            }
        }
        None
    }
}
