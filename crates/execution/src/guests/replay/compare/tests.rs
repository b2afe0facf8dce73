//! Every way in which a program can do something else.

use moltforge_types::journal::GuestLogLevel;

use super::*;

fn call(id: u32, name: &str, after: u32) -> GuestCall {
    GuestCall { id, name: name.to_owned(), arguments: "{}".to_owned(), after }
}

fn log(message: &str) -> GuestLog {
    GuestLog { level: GuestLogLevel::Info, message: message.to_owned(), after: 0 }
}

/// It logged, made the call 1, heard its answer, made the call 2, and came to this end.
fn compare(end: End) -> Compare {
    Compare {
        calls: [(3, call(1, "look", 0)), (5, call(2, "book", 1))].into(),
        cancelled: VecDeque::new(),
        logs: [(2, log("begins"))].into(),
        end,
        heard: 1,
        last: 5,
    }
}

fn run(end: End, calls: Vec<GuestCall>, last: GuestEvent) -> Result<(), Box<Differs>> {
    let mut compare = compare(end);
    compare.logged(vec![log("begins")])?;
    compare.asked(calls, Vec::new())?;
    compare.ended(last)
}

fn both() -> Vec<GuestCall> {
    vec![call(1, "look", 0), call(2, "book", 1)]
}

#[test]
fn the_same_again_is_no_difference() {
    let failure = |message: &str| ErrorInfo::new("guest_exception", message);
    for (end, last) in [
        (End::Waits, GuestEvent::Parked),
        (End::Open, GuestEvent::Parked),
        (End::Open, GuestEvent::Ended(json!(1))),
        (End::Output(json!(1)), GuestEvent::Ended(json!(1))),
        (End::Failed(failure("no\n  at a:1")), GuestEvent::Failed(failure("no\nat a:1"))),
        (End::Failed(ErrorInfo::new("guest_deadlock", "it waits")), GuestEvent::Parked),
    ] {
        assert_eq!(run(end, both(), last), Ok(()));
    }
    // the journal was read before this was written
    let more = [both(), vec![call(3, "pay", 1)]].concat();
    assert_eq!(run(End::Open, more, GuestEvent::Parked), Ok(()));
}

#[test]
fn both_sides_are_named() {
    let differs = |end, calls, last| *run(end, calls, last).unwrap_err();
    let other = differs(End::Waits, vec![call(1, "look", 0), call(2, "pay", 1)], GuestEvent::Parked);
    assert_eq!((other.seq, other.message.as_str()), (5, "the program asks for something else"));
    assert_eq!(other.recorded.unwrap()["name"], "book");
    assert_eq!(other.produced.unwrap()["name"], "pay");

    let more = differs(End::Waits, [both(), vec![call(3, "pay", 1)]].concat(), GuestEvent::Parked);
    assert!(more.recorded.is_none() && more.produced.is_some(), "{more:?}");
    let less = differs(End::Waits, vec![call(1, "look", 0)], GuestEvent::Parked);
    assert!(less.seq == 5 && less.produced.is_none(), "{less:?}");
    let output = differs(End::Output(json!(1)), both(), GuestEvent::Ended(json!(2)));
    assert_eq!((output.recorded, output.produced), (Some(json!({ "output": 1 })), Some(json!({ "output": 2 }))));
    let waits = differs(End::Waits, both(), GuestEvent::Ended(json!(2)));
    assert_eq!(waits.recorded, Some(json!("it waits")));
    let gone = differs(End::Waits, Vec::new(), GuestEvent::Missing(ErrorInfo::new("bundle_damaged", "no")));
    assert_eq!(gone.seq, 3, "{gone:?}");

    let mut logs = compare(End::Waits);
    assert_eq!(logs.logged(vec![log("starts")]).unwrap_err().seq, 2);
    let mut given_up = compare(End::Waits);
    assert!(given_up.asked(Vec::new(), vec![GuestCancel { id: 1, after: 0 }]).is_err());
}
