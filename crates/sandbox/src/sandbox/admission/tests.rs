use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;

/// Whether somebody gets in without waiting.
fn now(admission: &Arc<Admission>, project: &str, memory: u64) -> Option<Permit> {
    match poll(pin!(admission.enter(project, 0, memory))) {
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
    assert_eq!([node.guests_of("a"), node.guests_of("b")], [(2, 2), (0, 2)]);
    let third = now(&node, "b", 10).unwrap();
    assert!(now(&node, "c", 1).is_none(), "the node is full");
    drop(first);
    assert!(now(&node, "c", 80).is_some());
    drop((second, third));
    assert!(now(&node, "a", 100).is_some());
    let load = node.load();
    assert_eq!((load.memory, load.guests, load.waiting), (0, 0, 0), "who stopped waiting is forgotten");
}

#[test]
fn what_can_never_start_does_not_wait() {
    let node = Admission::new(100, 3, 2);
    let Poll::Ready(Err(error)) = poll(pin!(node.enter("a", 0, 101))) else { panic!("it waits") };
    assert!(matches!(error, Error::TooLarge { asked: 101, total: 100 }), "{error}");
}

#[test]
fn who_waits_enters_in_order() {
    let node = Admission::new(100, 1, 1);
    let inside = now(&node, "a", 1).unwrap();
    let (mut first, mut second) = (Box::pin(node.enter("b", 0, 1)), Box::pin(node.enter("c", 0, 1)));
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
    let mut blocked = Box::pin(node.enter("a", 0, 1));
    assert!(poll(blocked.as_mut()).is_pending());
    for _ in 0..1000 {
        assert!(now(&node, "b", 1).is_some());
    }
}

#[test]
fn small_guests_do_not_starve_a_large_one() {
    let node = Admission::new(100, 100, 100);
    let inside = now(&node, "a", 50).unwrap();
    let mut large = Box::pin(node.enter("b", 0, 60));
    assert!(poll(large.as_mut()).is_pending());
    // with three projects this one would have more than its share otherwise
    let small = (0..1000).take_while(|_| now(&node, "b", 1).is_some()).count();
    assert_eq!(small, ledger::PATIENCE as usize);
    drop(inside);
    assert!(poll(large.as_mut()).is_ready());
}

#[test]
fn who_grows_gets_it_at_once_or_later_or_never() {
    let node = Admission::new(100, 10, 10);
    let (mut first, second) = (now(&node, "a", 40).unwrap(), now(&node, "a", 40).unwrap());
    assert!(matches!(first.account().grow(20), Growth::Now));
    assert_eq!(first.account().memory(), 60);
    assert!(matches!(first.account().grow(41), Growth::Never));
    let Growth::Later(mut granted) = second.account().grow(10) else { panic!("there is room") };
    assert!(granted.try_recv().is_err() && poll(pin!(first.evicted())).is_pending());
    first.account().is_idle(true);
    assert!(poll(pin!(first.evicted())).is_ready(), "it waits for an answer, its room is wanted");
    drop(first);
    assert!(granted.try_recv().is_ok());
    assert_eq!(second.account().memory(), 50);
}

#[test]
fn who_wants_to_grow_may_have_to_leave_for_that() {
    let node = Admission::new(100, 10, 10);
    let (old, mut young) = (now(&node, "a", 50).unwrap(), now(&node, "a", 50).unwrap());
    let Growth::Later(mut granted) = old.account().grow(10) else { panic!("there is room") };
    // now they wait for each other, and it is the younger one
    assert!(matches!(young.account().grow(10), Growth::Leaves));
    assert!(poll(pin!(young.evicted())).is_ready());
    drop(young);
    assert!(granted.try_recv().is_ok());
}

#[test]
fn who_stops_waiting_lets_the_next_one_in() {
    let node = Admission::new(100, 1, 1);
    let inside = now(&node, "a", 1).unwrap();
    let (mut first, mut second) = (Box::pin(node.enter("b", 0, 1)), Box::pin(node.enter("c", 0, 1)));
    assert!(poll(first.as_mut()).is_pending());
    assert!(poll(second.as_mut()).is_pending());
    drop(inside);
    // it was let in and never knew
    drop(first);
    assert!(poll(second.as_mut()).is_ready());
}
