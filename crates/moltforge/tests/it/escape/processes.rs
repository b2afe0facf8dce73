//! The processes of programs, seen from outside: what the server has must not be in them.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};

use serde_json::json;

use super::sides::Sides;
use super::{Report, Words};

/// This process, in which the server runs.
fn own() -> u32 {
    std::process::id()
}

/// All that it started, and what they started.
pub(crate) fn below(process: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let direct: Vec<u32> =
        children.flat_map(|list| list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>()).collect();
    let further: Vec<u32> = direct.iter().flat_map(|child| below(*child)).collect();
    [direct, further].concat()
}

fn environment(process: u32) -> bool {
    fs::read(format!("/proc/{process}/environ")).is_ok_and(|bytes| bytes.windows(5).any(|word| word == b"PATH="))
}

/// Whether a descriptor leads to what the server keeps.
fn has_open(process: u32, folder: &str) -> bool {
    let links = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    links.filter_map(|link| fs::read_link(link.path()).ok()).any(|place| place.to_string_lossy().starts_with(folder))
}

fn sees(process: u32, file: &str) -> bool {
    fs::metadata(format!("/proc/{process}/root{file}")).is_ok()
}

/// Whether the bytes stand in writable memory.
fn remembers(process: u32, wanted: &[u8]) -> bool {
    let Ok(maps) = fs::read_to_string(format!("/proc/{process}/maps")) else { return false };
    let Ok(mut memory) = fs::File::open(format!("/proc/{process}/mem")) else { return false };
    let ranges = maps.lines().filter_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (from, to) = range.split_once('-')?;
        let (from, to) = (u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?);
        (rest.starts_with("rw") && to - from <= 64 << 20).then_some((from, to))
    });
    ranges.into_iter().any(|(from, to)| {
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        let read = memory.seek(SeekFrom::Start(from)).and_then(|_| memory.read_exact(&mut bytes));
        read.is_ok() && holds(&bytes, wanted)
    })
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    let mut rest = bytes;
    // most bytes are zero
    while let Some(at) = rest.iter().position(|byte| *byte == wanted[0]) {
        if rest[at..].starts_with(wanted) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

pub(super) async fn all(sides: &Sides, report: &mut Report) {
    let waiting = [
        sides.owner.run("echo", json!("here")).await.execution_id,
        sides.stranger.run("echo", json!("here")).await.execution_id,
    ];
    assert_eq!(waiting.len(), 2);
    let workers = below(own());
    assert!(workers.len() >= 4, "two workers with their supervisors: {workers:?}");
    let words = |control| Words { expected: "no process of a program has it", control };
    let any = |check: &dyn Fn(u32) -> bool| workers.iter().any(|process| check(*process));

    let control = "the server's own process has one, seen the same way";
    report.add(
        "an environment in a worker",
        "secrets",
        "variables of the server in a process of a program",
        &words(control),
        any(&environment),
        environment(own()),
    );

    let folder = sides.world.folder().display().to_string();
    let control = "the server's own process has it open, seen the same way";
    let open = |process| has_open(process, &folder);
    report.add(
        "the database in a worker",
        "files",
        "a descriptor of the server's files in a process of a program",
        &words(control),
        any(&open),
        open(own()),
    );

    // what is the same in all memory is no secret: the half that is chance
    let key = sides.key().expose().as_bytes();
    let control = "the server's own memory has it, found the same way";
    let has = |process| remembers(process, key);
    report.add(
        "a key in the memory of a worker",
        "secrets",
        "the key of the project in the memory of a process of a program",
        &words(control),
        any(&has),
        has(own()),
    );

    let control = "the server's own process sees it, seen the same way";
    let confined: Vec<_> =
        workers.iter().filter(|process| !below(**process).is_empty()).flat_map(|one| below(*one)).collect();
    assert!(!confined.is_empty());
    for file in ["/etc/passwd", "/proc/self/environ", "/bin/sh", "/tmp"] {
        let attempt = confined.iter().any(|process| sees(*process, file));
        let tried = format!("{file} in the root of a process of a program");
        report.add(&format!("{file} in a worker"), "files", &tried, &words(control), attempt, sees(own(), file));
    }
    let network = |process: u32| fs::read_link(format!("/proc/{process}/ns/net")).ok();
    let shared = |process: u32| network(process) == network(own());
    let control = "a process that is not confined has the server's";
    let attempt = confined.iter().any(|process| shared(*process));
    let plain = std::process::Command::new("sleep").arg("9").spawn();
    let control_seen = plain.is_ok_and(|mut child| {
        let seen = shared(child.id());
        let _ = child.kill();
        let _ = child.wait();
        seen
    });
    report.add(
        "the network of the server in a worker",
        "network",
        "the namespace of the network of a process of a program",
        &words(control),
        attempt,
        control_seen,
    );

    let texts = sides.owner.tries("try { null.x } catch (e) { return e.stack + Error('x').stack }", json!({})).await;
    let errors = sides.owner.tries("const all = []; for (const u of ['x', 'file:///', 'http://[', 'http://nowhere.invalid/']) { try { await fetch(u) } catch (e) { all.push(String(e), e.stack, e.details) } } return JSON.stringify(all)", json!({})).await;
    let told = |text: String| text.contains(&folder) || text.contains(sides.key().expose());
    let control = told(sides.owner.tries("return i.text", json!({ "text": folder })).await.to_string());
    let words = Words {
        expected: "they name no place of the server and no key",
        control: "a place that a program is told is found in its words",
    };
    report.add(
        "texts of errors",
        "secrets",
        "the texts and stacks of errors, of the language and of calls",
        &words,
        told(format!("{texts}{errors}")),
        control,
    );
}
