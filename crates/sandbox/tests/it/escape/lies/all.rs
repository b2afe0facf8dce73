//! The lies.

use super::words::{ASKED, Asked, ENDED, USED, call, ended, failed, frame, log, nothing, number, text, usage, used};
use super::{Lie, Said};

/// The server starts a guest, and stops one.
const START: u8 = 1;
const STOP: u8 = 3;

/// Said when the guest is there.
fn said(bytes: Vec<u8>) -> Said {
    Said { cue: vec![START], bytes, guests: 1, ..Said::default() }
}

/// Said when two guests are there; the second one is asked about.
fn of_two(bytes: Vec<u8>) -> Said {
    Said { cue: vec![START, START], bytes, guests: 2, ..Said::default() }
}

fn asked(change: impl FnOnce(&mut Asked)) -> Said {
    let mut asked = Asked::default();
    change(&mut asked);
    said(asked.frame())
}

fn lie(name: &'static str, tried: &'static str, said: Said, truth: Said, truth_is: &'static str) -> Lie {
    Lie { name, tried, said, truth, truth_is }
}

const WAITS: &str = "the same worker says that its guest waits: that is heard";
const CALLS: &str = "a call that keeps the rules is heard";
const ENDS: &str = "a guest that returns as it should is heard";

/// A guest that waits.
fn waits() -> Said {
    said(Asked::default().frame())
}

/// One good call.
fn calls() -> Said {
    asked(|asked| asked.calls = vec![call(1, "a", "{}", 0)])
}

pub(super) fn all() -> Vec<Lie> {
    [frames(), guests(), asks(), words(), ends(), uses()].into_iter().flatten().collect()
}

fn frames() -> Vec<Lie> {
    let half = Asked::default().frame();
    let half = half[..half.len() - 2].to_vec();
    let mut behind = Asked::default().frame();
    behind.push(0);
    behind[0] += 1;
    let ready = frame(&[0; 34]);
    let announced = |length: u32| [&length.to_le_bytes(), [ASKED; 64].as_slice()].concat();
    let promised = frame(&[vec![ASKED, 1], number(0xffff_ffff), vec![1; 30]].concat());
    vec![
        lie("a message of 4 GiB", "a frame announces 4294967295 bytes", said(announced(u32::MAX)), waits(), WAITS),
        lie(
            "a message over the limit",
            "a frame announces 48 MiB and one byte",
            said(announced((48 << 20) + 1)),
            waits(),
            WAITS,
        ),
        lie("garbage", "bytes that are no message", said(frame(b"\xff\xff\xff\xff")), waits(), WAITS),
        lie("an empty message", "a frame of no bytes", said(frame(b"")), waits(), WAITS),
        lie("bytes behind a message", "a frame that is longer than its message", said(behind), waits(), WAITS),
        lie("half a message", "a frame without its last bytes, and then silence", said(half), waits(), WAITS),
        lie("half a length", "two bytes, and then silence", said(vec![9, 0]), waits(), WAITS),
        lie("silence", "a worker is ready, is handed a guest, and never speaks of it", said(vec![]), waits(), WAITS),
        lie("more than follows", "a message announces four billion calls", said(promised), calls(), CALLS),
        lie("ready twice", "a worker is ready again", said(ready), waits(), WAITS),
    ]
}

fn guests() -> Vec<Lie> {
    let of = |guest| asked(|asked| asked.guest = guest);
    let both = |first: Vec<u8>, then: u64| of_two([first, Asked { guest: then, ..Asked::default() }.frame()].concat());
    let second = "what it says about the guest that it has is heard";
    let other = "what it says about the other guest is heard";
    let stopped = |flood: Vec<u8>, count: usize| Said {
        cue: vec![START, START, STOP],
        bytes: [used(1, &usage(0, 300)).repeat(count), Asked { guest: 2, ..Asked::default() }.frame()].concat(),
        flood,
        guests: 2,
        stops: true,
    };
    let late = used(1, &usage(0, 300)).repeat(1000);
    vec![
        lie("a guest that does not exist", "a word about guest 77 of one", of(77), waits(), second),
        lie("a guest of another worker", "a word about guest 2, which another worker has", of(2), waits(), second),
        lie("guest zero", "a word about guest 0", of(0), waits(), second),
        lie("the largest guest", "a word about guest 18446744073709551615", of(u64::MAX), waits(), second),
        lie(
            "a word after the end",
            "a guest returns and then asks",
            both(ended(1, "1"), 1),
            both(ended(1, "1"), 2),
            other,
        ),
        lie("two ends", "a guest returns twice", of_two(ended(1, "1").repeat(2)), both(ended(1, "1"), 2), other),
        lie(
            "words about the stopped without end",
            "a guest has been stopped; the worker goes on to speak of it, without end",
            stopped(late, 0),
            stopped(vec![], 10),
            "a few words that were on their way when it was stopped are passed over",
        ),
    ]
}

fn asks() -> Vec<Lie> {
    let made = |calls: Vec<Vec<u8>>| asked(|asked| asked.calls = calls);
    let one = |id, name: &[u8], args: &[u8]| made(vec![call(id, name, args, 0)]);
    let deep = [b"[".repeat(30), b"]".repeat(30)].concat();
    let cancels = |list: &[(u64, u64)]| {
        asked(|asked| {
            asked.calls = vec![call(1, "a", "{}", 0)];
            asked.cancelled = list.to_vec();
        })
    };
    let cancel = "a call that is open is cancelled: that is heard";
    let three = (1..=3).map(|id| call(id, "a", "{}", 0)).collect();
    let again = [Asked::default().frame(), Asked::default().frame()].concat();
    let after_waiting = Said { flood: Asked::default().frame(), ..waits() };
    vec![
        lie("a call that skips a number", "the first call is number 2", one(2, b"a", b"{}"), calls(), CALLS),
        lie("call number zero", "the first call is number 0", one(0, b"a", b"{}"), calls(), CALLS),
        lie("a number twice", "two calls are number 1", made(vec![call(1, "a", "{}", 0); 2]), calls(), CALLS),
        lie("a path as the name of a call", "a call named `../a`", one(1, b"../a", b"{}"), calls(), CALLS),
        lie("NUL in the name of a call", "a call named `a`, NUL, `b`", one(1, b"a\0b", b"{}"), calls(), CALLS),
        lie("a call without a name", "a call named by nothing", one(1, b"", b"{}"), calls(), CALLS),
        lie("a name that is not UTF-8", "a call named by the byte ff", one(1, b"\xff", b"{}"), calls(), CALLS),
        lie("arguments that are no JSON", "the arguments `{`", one(1, b"a", b"{"), calls(), CALLS),
        lie(
            "arguments that are not UTF-8",
            "a text with the byte ff as arguments",
            one(1, b"a", b"\"\xff\""),
            calls(),
            CALLS,
        ),
        lie("half of a surrogate pair", "the arguments `\"\\ud800\"`", one(1, b"a", b"\"\\ud800\""), calls(), CALLS),
        lie("a number that nobody can read", "the arguments `1e999`", one(1, b"a", b"1e999"), calls(), CALLS),
        lie(
            "a large call",
            "65 bytes where 64 are allowed",
            one(1, b"a", &b" ".repeat(64)),
            one(1, b"a", &deep),
            "61 bytes are heard",
        ),
        lie("too many open calls", "three calls where two may be open", made(three), calls(), CALLS),
        lie(
            "a call from the future",
            "a call after a completion that was never sent",
            made(vec![call(1, "a", "{}", 1)]),
            calls(),
            CALLS,
        ),
        lie(
            "a completion that was never sent",
            "a guest has consumed one",
            asked(|asked| asked.consumed = 1),
            waits(),
            WAITS,
        ),
        lie(
            "four billion completions",
            "a guest has consumed them",
            asked(|asked| asked.consumed = u64::from(u32::MAX)),
            waits(),
            WAITS,
        ),
        lie(
            "a cancelled call that was not made",
            "call 7 is cancelled",
            cancels(&[(7, 0)]),
            cancels(&[(1, 0)]),
            cancel,
        ),
        lie(
            "a call cancelled twice",
            "call 1 is cancelled twice",
            cancels(&[(1, 0), (1, 0)]),
            cancels(&[(1, 0)]),
            cancel,
        ),
        lie(
            "a part that says nothing",
            "a guest that computes is reported without a call",
            asked(|asked| asked.blocked = false),
            waits(),
            WAITS,
        ),
        lie(
            "a guest that waits twice",
            "a guest waits, and waits again without a completion",
            Said { flood: Asked::default().frame(), ..said(again) },
            waits(),
            WAITS,
        ),
        lie("waiting without end", "a guest waits, a thousand times a second", after_waiting, waits(), WAITS),
    ]
}

fn words() -> Vec<Lie> {
    let logged = |logs: Vec<Vec<u8>>| asked(|asked| asked.logs = logs);
    let good = || logged(vec![log(3, "x", 0)]);
    let logs = "a log that keeps the rules is heard";
    vec![
        lie("a level that does not exist", "a log of level 9", logged(vec![log(9, "x", 0)]), good(), logs),
        lie(
            "a log from the future",
            "a log after a completion that was never sent",
            logged(vec![log(1, "x", 1)]),
            good(),
            logs,
        ),
        lie("a large log", "65 bytes where 64 are allowed", logged(vec![log(1, "x".repeat(65), 0)]), good(), logs),
        lie(
            "many empty logs",
            "100 logs of no bytes where 64 bytes are allowed",
            logged(vec![log(1, "", 0); 100]),
            good(),
            logs,
        ),
        lie("a log that is not UTF-8", "a log with the byte ff", logged(vec![log(1, b"\xff", 0)]), good(), logs),
    ]
}

fn ends() -> Vec<Lie> {
    let good = || said(ended(1, "1"));
    let long = |count| "x".repeat(count);
    let fails = "a failure that says less is heard";
    let last =
        frame(&[vec![ENDED, 1], text("1"), Asked { consumed: 3, ..Asked::default() }.inner(), usage(0, 0)].concat());
    let kind = frame(&[vec![super::words::FAILED, 1, 99], text("x"), text(""), nothing(), usage(0, 0)].concat());
    vec![
        lie("an output that is no JSON", "the output `undefined`", said(ended(1, "undefined")), good(), ENDS),
        lie("an empty output", "the output of no bytes", said(ended(1, "")), good(), ENDS),
        lie("an output that is not UTF-8", "the output of the byte ff", said(ended(1, b"\"\xff\"")), good(), ENDS),
        lie("an output with half a character", "the output `\"\\udfff\"`", said(ended(1, "\"\\udfff\"")), good(), ENDS),
        lie(
            "a large output",
            "66 bytes where 64 are allowed",
            said(ended(1, format!("\"{}\"", long(64)))),
            good(),
            ENDS,
        ),
        lie(
            "last words from the future",
            "a guest returns after completions that were never sent",
            said(last),
            good(),
            ENDS,
        ),
        lie(
            "a long failure",
            "a message of 10,000 bytes",
            said(failed(&long(10_000), "")),
            said(failed("no", "")),
            fails,
        ),
        lie(
            "a long stack",
            "a stack of 34,000 bytes",
            said(failed("", &long(34_000))),
            said(failed("", "at x")),
            fails,
        ),
        lie("a failure of no kind", "a failure of kind 99", said(kind), said(failed("no", "")), fails),
    ]
}

fn uses() -> Vec<Lie> {
    let uses = |usage: Vec<u8>| asked(|asked| asked.usage = usage);
    let then = |list: &[Vec<u8>]| {
        let words: Vec<_> = list.iter().map(|usage| used(1, usage)).collect();
        said([words.concat(), Asked { usage: usage(0, 900), ..Asked::default() }.frame()].concat())
    };
    let honest = "a usage that grows is heard";
    let growing: Vec<_> = (1..2000_u64).map(|n| usage(0, n * 300)).collect();
    let nonsense = frame(&[vec![USED, 1], number(1), number(u64::MAX), number(4_000_000_000)].concat());
    vec![
        lie(
            "memory over the limit",
            "a guest of 16 MiB uses 17",
            uses(usage(17 << 20, 0)),
            uses(usage(15 << 20, 0)),
            "15 MiB are heard",
        ),
        lie("all memory there is", "a guest uses 2^64 - 1 bytes", uses(usage(u64::MAX, 0)), waits(), WAITS),
        lie(
            "time that runs back",
            "a guest used 900 ms, and then 600",
            then(&[usage(0, 1500), usage(0, 900)]),
            then(&[usage(0, 300)]),
            honest,
        ),
        lie(
            "time over the limit",
            "a guest that may use a second used an hour",
            uses(usage(0, 3_600_000)),
            uses(usage(0, 1000)),
            "a second is heard",
        ),
        lie(
            "a usage without news",
            "a guest used 1 ms, which nobody wants to know",
            then(&[usage(0, 1)]),
            then(&[usage(0, 300)]),
            honest,
        ),
        lie(
            "a usage that never ends",
            "the usage of one guest grows for ever",
            then(&growing),
            then(&growing[..3]),
            honest,
        ),
        lie("a time that is none", "a usage of 2^64 seconds and more", said(nonsense), then(&[usage(0, 300)]), honest),
    ]
}
