//! A process that is really killed in the middle of its commits: what it had acknowledged is there, every batch is
//! whole, and the next owner goes on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;

use moltforge_store::journal::{Batch, Fold, LaneToken, NewEntry, NewExecution, StateRow};
use moltforge_store::{Location, Store};
use moltforge_testing::World;
use moltforge_types::execution::{State, shard_of};
use moltforge_types::{AgentId, Ambient, ExecutionId, Id as _, NodeId, ProjectId, Secret};

use crate::fixture::{TTL, columns};

const CHILD: &str = "journal::kill::the_child";
const WHERE: &str = "MOLTFORGE_TEST_KILL";
const EXECUTIONS: u128 = 8;

const PROJECT: u128 = 1;
const AGENT: u128 = 2;

fn execution(number: u128) -> ExecutionId {
    ExecutionId::from_u128(number + 10)
}

/// A batch that touches every execution and one state row: it is whole or it is not.
pub(super) fn batch(token: LaneToken, round: u64, ambient: &Ambient) -> Batch {
    let (project_id, agent_id) = (ProjectId::from_u128(PROJECT), AgentId::from_u128(AGENT));
    let at = ambient.now();
    let mut batch = Batch::new(token, at);
    for number in 0..EXECUTIONS {
        let execution_id = execution(number);
        let shard = shard_of(execution_id.to_string().as_bytes());
        if round == 1 {
            batch.starts.push(NewExecution {
                project_id,
                execution_id,
                shard,
                agent_id,
                agent_name: "hello".to_owned(),
                version_id: ambient.id(),
                version: 1,
                environment: None,
                idempotency_key: None,
                request_hash: None,
                input: "null".to_owned(),
                deadline: None,
                created_at: at,
                trigger: "api".to_owned(),
                origin: moltforge_types::Origin::default(),
                last_seq: round,
                columns: columns(State::Running),
            });
        } else {
            let columns = columns(State::Running);
            batch.folds.push(Fold { project_id, execution_id, prev_seq: round - 1, last_seq: round, columns });
        }
        let payload = vec![b'x'; 2000];
        batch.entries.push(NewEntry { shard, execution_id, seq: round, kind: 1, at, payload });
    }
    let (key, value) = ("round".to_owned(), Some(round.to_string()));
    batch.writes.push(StateRow { project_id, agent_id, key, value, execution_id: execution(0), at });
    batch
}

/// Not a test: what the killed process does. Prints the number of each round that was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the tests below, in a process of its own"]
async fn the_child() {
    let Ok(place) = std::env::var(WHERE) else { return };
    let location = match place.strip_prefix("folder:") {
        Some(folder) => Location::Sqlite(folder.into()),
        None => Location::Postgres(Secret::new(place)),
    };
    let ambient = Ambient::system();
    let store = Store::open(location, ambient.clone()).await.unwrap();
    let (token, stored) = own(&store, &ambient).await;
    let journal = store.journal().unwrap();
    for round in stored + 1.. {
        journal.commit(Arc::new(batch(token, round, &ambient))).await.unwrap();
        // straight to the pipe: nothing may be lost in a buffer of ours
        writeln!(std::io::stdout(), "\nacknowledged {round}").unwrap();
    }
}

/// Takes everything over; the round that is stored, after a look at every part of it.
pub(super) async fn own(store: &Store, ambient: &Ambient) -> (LaneToken, u64) {
    let node_id: NodeId = ambient.id();
    let mut tx = store.begin().await.unwrap();
    let tokens = tx.nodes().register(node_id, 1, TTL).await.unwrap();
    tx.nodes().take_over(node_id, 1, true).await.unwrap();
    tx.commit().await.unwrap();
    let (project_id, agent_id) = (ProjectId::from_u128(PROJECT), AgentId::from_u128(AGENT));
    let value = store.state(project_id, agent_id).find("round").await.unwrap();
    let round: u64 = value.map_or(0, |value| value.value.parse().unwrap());
    for number in 0..EXECUTIONS {
        let row = store.executions(project_id).find(execution(number)).await.unwrap();
        assert_eq!(row.map_or(0, |row| row.last_seq), round, "a batch landed in part");
        let last = store.entries(execution(number), round.saturating_sub(1), 10).await.unwrap();
        assert_eq!(last.iter().map(|row| row.seq).collect::<Vec<_>>(), (round.max(1)..=round).collect::<Vec<_>>());
    }
    let sum = "SELECT count(*) AS n FROM journal";
    let entries = store.query(sum).one(|row| row.get::<u64>("n")).await.unwrap();
    assert_eq!(entries, round * u64::try_from(EXECUTIONS).unwrap());
    (tokens[0], round)
}

/// Runs the child, kills it after some acknowledgements, and looks at what is left. Several lives on one database.
async fn killed_in_the_middle(place: &str, open: impl AsyncFn() -> Store) {
    let mut before = 0;
    for life in 0..5_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([CHILD, "--exact", "--ignored", "--nocapture"])
            .env(WHERE, place)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut acknowledged = 0;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut rounds = 0;
        while rounds < 10 + life * 7 {
            let Some(line) = lines.next() else {
                let mut said = String::new();
                std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
                panic!("the child ended by itself: {said}");
            };
            if let Some(round) = line.unwrap().strip_prefix("acknowledged ") {
                acknowledged = round.parse().unwrap();
                rounds += 1;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            if let Some(round) = line.strip_prefix("acknowledged ") {
                // a line may be cut by the death
                acknowledged = round.parse().unwrap_or(acknowledged);
            }
        }
        let store = open().await;
        let (_, stored) = own(&store, &Ambient::system()).await;
        assert!(stored >= acknowledged, "acknowledged {acknowledged}, stored {stored}");
        assert!(stored <= acknowledged + 1, "acknowledged {acknowledged}, stored {stored}");
        assert!(stored > before);
        before = stored;
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let open = async || {
        let store = Store::open(Location::Sqlite(data.clone()), Ambient::system()).await.unwrap();
        let check = "SELECT integrity_check AS text FROM pragma_integrity_check LIMIT 1";
        assert_eq!(store.query(check).one(|row| row.get::<String>("text")).await.unwrap(), "ok");
        store
    };
    killed_in_the_middle(&format!("folder:{}", data.display()), open).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_what_it_acknowledged() {
    let Some(world) = World::postgres().await else { return };
    let url = world.url().unwrap();
    let open = async || Store::open(Location::Postgres(url.clone()), Ambient::system()).await.unwrap();
    killed_in_the_middle(url.expose(), open).await;
}
