use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;

/// Whether somebody gets in without waiting.
fn now(admission: &Arc<Admission>, project: &str, memory: u64) -> Option<Permit> {
    match poll(pin!(admission.enter(project, memory))) {
        Poll::Ready(entered) => Some(entered.unwrap()),
        Poll::Pending => None,
    }
}

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn room_is_reserved_and_given_back() {
    let node = Admission::new(100, 3, 2);
    let first = now(&node, "a", 60).unwrap();
    assert!(now(&node, "b", 60).is_none(), "memory");
    let second = now(&node, "a", 10).unwrap();
    assert!(now(&node, "a", 10).is_none(), "the project is full");
    let third = now(&node, "b", 10).unwrap();
    assert!(now(&node, "c", 1).is_none(), "the node is full");
    drop(first);
    assert!(now(&node, "c", 80).is_some());
    drop((second, third));
    assert!(now(&node, "a", 100).is_some());
    assert_eq!(node.lock().projects.len(), 0);
    assert_eq!(node.load(), Load { memory: 0, guests: 0, waiting: 0 }, "who stopped waiting is forgotten");
}

#[test]
fn what_can_never_start_does_not_wait() {
    let node = Admission::new(100, 3, 2);
    let Poll::Ready(Err(error)) = poll(pin!(node.enter("a", 101))) else { panic!("it waits") };
    assert!(matches!(error, Error::TooLarge { asked: 101, total: 100 }), "{error}");
}

#[test]
fn who_waits_enters_in_order() {
    let node = Admission::new(100, 1, 1);
    let inside = now(&node, "a", 1).unwrap();
    let (mut first, mut second) = (Box::pin(node.enter("b", 1)), Box::pin(node.enter("c", 1)));
    assert!(poll(first.as_mut()).is_pending());
    assert!(poll(second.as_mut()).is_pending());
    drop(inside);
    assert!(poll(second.as_mut()).is_pending());
    let Poll::Ready(Ok(permit)) = poll(first.as_mut()) else { panic!("the first waits") };
    drop(permit);
    assert!(poll(second.as_mut()).is_ready());
}

#[test]
fn a_full_project_is_passed_for_ever() {
    let node = Admission::new(100, 10, 1);
    let _inside = now(&node, "a", 1).unwrap();
    let mut blocked = Box::pin(node.enter("a", 1));
    assert!(poll(blocked.as_mut()).is_pending());
    for _ in 0..10 * PATIENCE {
        assert!(now(&node, "b", 1).is_some());
    }
}

#[test]
fn small_guests_do_not_starve_a_large_one() {
    let node = Admission::new(100, 10, 10);
    let inside = now(&node, "a", 50).unwrap();
    let mut large = Box::pin(node.enter("b", 80));
    assert!(poll(large.as_mut()).is_pending());
    let small = (0..1000).take_while(|_| now(&node, "c", 10).is_some()).count();
    assert_eq!(small, PATIENCE as usize);
    drop(inside);
    assert!(poll(large.as_mut()).is_ready());
}

#[test]
fn who_stops_waiting_lets_the_next_one_in() {
    let node = Admission::new(100, 1, 1);
    let inside = now(&node, "a", 1).unwrap();
    let (mut first, mut second) = (Box::pin(node.enter("b", 1)), Box::pin(node.enter("c", 1)));
    assert!(poll(first.as_mut()).is_pending());
    assert!(poll(second.as_mut()).is_pending());
    drop(inside);
    // it was let in and never knew
    drop(first);
    assert!(poll(second.as_mut()).is_ready());
}
