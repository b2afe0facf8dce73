//! Connections and bytes that the requests of a project share.

use std::time::{Duration, Instant};

use http::Method;
use moltforge_egress::{Egress, EgressConfig, Grant, Request, Waits};
use moltforge_types::{Fault as _, Id as _, ProjectId};

use crate::server::{Answer, Server, ok};
use crate::world::{config, grant};

#[tokio::test]
async fn who_finds_no_connection_in_time_says_what_it_waited_for() {
    let server = Server::start(|request| match request.path.as_str() {
        "/slow" => Answer::Silence,
        _ => Answer::Bytes(ok(b"hello")),
    })
    .await;
    let host = server.address.to_string();
    let egress = Egress::new(EgressConfig { connections_per_project: 2, ..config(&[], &[&host]) });
    let (mine, theirs) = (grant(&[&host]), Grant::new(ProjectId::from_u128(2), [host.parse().unwrap()]));
    let request = |path: &str, seconds| Request {
        timeout: Duration::from_secs(seconds),
        ..Request::new(Method::POST, server.url(path))
    };
    let slow: Vec<_> = (0..2)
        .map(|_| {
            let (egress, mine, request) = (egress.clone(), mine.clone(), request("/slow", 60));
            tokio::spawn(async move { egress.send(request, &mine).await })
        })
        .collect();
    while server.received().len() < 2 {
        // a real wait: they are on their way
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let waits = Waits::default();
    let third = Request { waits: waits.clone(), ..request("/", 1) };
    let sending = tokio::spawn({
        let (egress, mine) = (egress.clone(), mine.clone());
        async move { egress.send(third, &mine).await }
    });
    while waits.words().is_none() {
        // a real wait: it comes to its place in the line
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // another project goes by
    assert_eq!(egress.send(request("/", 10), &theirs).await.unwrap().status, 200);
    let error = sending.await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.outcome_unknown(), error.is_transient()), ("egress_busy", false, true));
    assert!(error.to_string().contains("its project has 2"), "{error}");
    // a place comes back with its request, also when that is given up
    slow[0].abort();
    assert_eq!(egress.send(request("/", 10), &mine).await.unwrap().status, 200);
}

#[tokio::test]
async fn bytes_pass_at_the_rate_of_the_project() {
    let server = Server::start(|_| Answer::Bytes(ok(&vec![b'x'; 50_000]))).await;
    let host = server.address.to_string();
    let rate = Some(100_000);
    let egress = Egress::new(EgressConfig { bytes_per_second_per_project: rate, ..config(&[], &[&host]) });
    let began = Instant::now();
    for _ in 0..4 {
        egress.send(Request::new(Method::GET, server.url("/")), &grant(&[&host])).await.unwrap();
    }
    // a second's worth at once, then the rest at the rate
    assert!(began.elapsed() >= Duration::from_millis(950), "{:?}", began.elapsed());
    let short = Request { timeout: Duration::from_millis(100), ..Request::new(Method::GET, server.url("/")) };
    let error = egress.send(short, &grant(&[&host])).await.unwrap_err();
    assert_eq!((error.code(), error.outcome_unknown()), ("egress_busy", true), "{error}");
}
