//! PostgreSQL behind a wire that breaks at the worst moments.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use moltforge_store::journal::{Batch, CommitError};
use moltforge_store::{Location, Store};
use moltforge_testing::World;
use moltforge_types::Secret;
use moltforge_types::execution::State;
use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use crate::fixture::{Execution, Owner, columns, seqs};

/// What the wire does to the next request, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The server gets it and answers; the answer is lost and the connection breaks.
    LoseAnswer,
    /// The connection breaks before the server gets anything.
    LoseRequest,
    /// The connection breaks, and the server gets the request all the same, but only when [`Wire::deliver`] is called.
    Delay,
}

#[derive(Clone, Default)]
struct Wire {
    trouble: Arc<Mutex<Option<Trouble>>>,
    delayed: Arc<Mutex<Option<oneshot::Sender<mpsc::Sender<()>>>>>,
}

impl Wire {
    /// A port that leads to the server.
    async fn lay(&self, server: (String, u16)) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let wire = self.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect((server.0.as_str(), server.1)).await.unwrap();
                tokio::spawn(wire.clone().carry(client, server));
            }
        });
        port
    }

    fn make(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = Some(trouble);
    }

    fn take(&self) -> Option<Trouble> {
        self.trouble.lock().unwrap().take()
    }

    /// Hands over the delayed request and waits until the server has answered it and closed.
    async fn deliver(&self) {
        let send = self.delayed.lock().unwrap().take().expect("a request was delayed");
        let (done, mut is_done) = mpsc::channel(1);
        send.send(done).unwrap();
        assert!(is_done.recv().await.is_none());
    }

    async fn carry(self, client: TcpStream, server: TcpStream) {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let (mut request, mut answer) = (vec![0; 1 << 20], vec![0; 1 << 20]);
        loop {
            tokio::select! {
                read = from_client.read(&mut request) => {
                    let Ok(length @ 1..) = read else { return };
                    match self.take() {
                        None => if to_server.write_all(&request[..length]).await.is_err() { return },
                        Some(Trouble::LoseRequest) => return,
                        Some(Trouble::LoseAnswer) => {
                            to_server.write_all(&request[..length]).await.unwrap();
                            let _ = from_server.read(&mut answer).await;
                            return;
                        }
                        Some(Trouble::Delay) => {
                            let (send, when) = oneshot::channel();
                            *self.delayed.lock().unwrap() = Some(send);
                            drop((from_client, to_client));
                            let _done = when.await.unwrap();
                            to_server.write_all(&request[..length]).await.unwrap();
                            let _ = from_server.read(&mut answer).await;
                            return;
                        }
                    }
                }
                read = from_server.read(&mut answer) => {
                    let Ok(length @ 1..) = read else { return };
                    if to_client.write_all(&answer[..length]).await.is_err() { return }
                }
            }
        }
    }
}

/// An owner whose journal goes over the wire.
async fn wired(world: &World) -> (Owner, Wire, Execution) {
    let owner = Owner::new(world).await;
    let url = world.url().unwrap();
    let server: PgConnectOptions = url.expose().parse().unwrap();
    let wire = Wire::default();
    let port = wire.lay((server.get_host().to_owned(), server.get_port())).await;
    let through = url.expose().replacen(&format!(":{}/", server.get_port()), &format!(":{port}/"), 1);
    assert_ne!(&through, url.expose(), "the url names no port");
    let store = Store::open(Location::Postgres(Secret::new(through)), world.ambient()).await.unwrap();
    let owner = Owner { journal: store.journal().unwrap(), ..owner };
    // the connection is there and has prepared the statement of a step
    let execution = owner.started(world, columns(State::Running)).await;
    let execution = owner.stepped(execution, columns(State::Running)).await;
    let execution = owner.stepped(execution, columns(State::Running)).await;
    (owner, wire, execution)
}

fn step(owner: &Owner, execution: Execution) -> (Arc<Batch>, Execution) {
    let mut batch = owner.batch();
    let execution = owner.step(&mut batch, execution, 1, columns(State::Running));
    (Arc::new(batch), execution)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_found_to_have_landed() {
    let Some(world) = World::postgres().await else { return };
    let (owner, wire, execution) = wired(&world).await;
    let (batch, execution) = step(&owner, execution);
    wire.make(Trouble::LoseAnswer);
    owner.journal.commit(batch).await.unwrap();
    assert_eq!(seqs(&world, execution).await, [1, 2, 3, 4]);
    assert_eq!(wire.take(), None, "the wire did nothing");
    owner.stepped(execution, columns(State::Running)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_request_is_found_not_to_have_landed() {
    let Some(world) = World::postgres().await else { return };
    let (owner, wire, execution) = wired(&world).await;
    let (batch, execution) = step(&owner, execution);
    wire.make(Trouble::LoseRequest);
    let error = owner.journal.commit(batch.clone()).await.unwrap_err();
    assert!(matches!(&error, CommitError::Unavailable(error) if error.is_retryable()), "{error:?}");
    assert_eq!(seqs(&world, execution).await, [1, 2, 3]);
    owner.journal.commit(batch).await.unwrap();
    assert_eq!(seqs(&world, execution).await, [1, 2, 3, 4]);
}

/// The case that a look at the tail alone gets wrong: nothing there yet, but on its way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delayed_request_lands_no_more() {
    let Some(world) = World::postgres().await else { return };
    let (owner, wire, execution) = wired(&world).await;
    let (batch, execution) = step(&owner, execution);
    wire.make(Trouble::Delay);
    let error = owner.journal.commit(batch.clone()).await.unwrap_err();
    assert!(matches!(error, CommitError::Unavailable(_)), "{error:?}");
    tokio::time::timeout(Duration::from_secs(20), wire.deliver()).await.unwrap();
    assert_eq!(seqs(&world, execution).await, [1, 2, 3]);
    owner.journal.commit(batch).await.unwrap();
    assert_eq!(seqs(&world, execution).await, [1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_takeover_during_the_outage_is_seen() {
    let Some(world) = World::postgres().await else { return };
    let (owner, wire, execution) = wired(&world).await;
    let (batch, execution) = step(&owner, execution);
    Owner::new(&world).await;
    wire.make(Trouble::LoseRequest);
    assert!(matches!(owner.journal.commit(batch).await, Err(CommitError::Fenced)));
    assert_eq!(seqs(&world, execution).await, [1, 2, 3]);
}
