//! Compiled code that is not what its author deployed. Whoever could put some into the cache's folder would own a worker.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use moltforge_sandbox::{Config, Error, Refusal, Sandbox};

use super::wat::Parts;
use super::{mine, request};
use crate::driver::{End, Journal, run};
use crate::escape::attempt::{Attempt, Ends};
use crate::escape::outcome::{Program, Run};
use crate::world::config;

/// What a program returns that was not exchanged.
const THEIRS: &str = "(i32.store8 (i32.const 90) (i32.const 49)) (call $result (i32.const 90) (i32.const 1))";

fn theirs() -> Vec<u8> {
    Parts::run(THEIRS).component()
}

fn ours() -> Vec<u8> {
    Parts::default().component()
}

/// What is done with the files of a cache: those of the program that is attacked, and those of the attacker.
type Change = fn(&Files, &Files);

struct Files {
    image: PathBuf,
    tag: PathBuf,
}

const ALL: [(&str, &str, &str, Change); 4] = [
    ("compiled code of another program", "in one project", "proj_1", |theirs, ours| {
        fs::copy(&ours.image, &theirs.image).unwrap();
    }),
    ("compiled code of another program with its code of authentication", "in one project", "proj_1", |theirs, ours| {
        fs::copy(&ours.image, &theirs.image).unwrap();
        fs::copy(&ours.tag, &theirs.tag).unwrap();
    }),
    ("compiled code of another project", "from another project", "proj_2", |theirs, ours| {
        fs::copy(&ours.image, &theirs.image).unwrap();
        fs::copy(&ours.tag, &theirs.tag).unwrap();
    }),
    ("a link to compiled code of another project", "from another project", "proj_2", |theirs, ours| {
        for (from, to) in [(&ours.image, &theirs.image), (&ours.tag, &theirs.tag)] {
            fs::remove_file(to).unwrap();
            std::os::unix::fs::symlink(from, to).unwrap();
        }
    }),
];

pub(super) fn all() -> Vec<Attempt> {
    let all = ALL.map(|(name, place, project, change)| Attempt {
        name: format!("{name} in the cache"),
        category: "neighbours",
        tried: format!("the file of a compiled component is exchanged for one {place}; the server starts again"),
        ends: Ends::Returns,
        check: mine,
        program: Program::Own(Box::new(move || exchanged(project, change))),
        control: Program::Own(Box::new(move || own(project))),
        control_is: "the other program itself".to_owned(),
    });
    let brought = Attempt {
        name: "compiled code in place of a component".to_owned(),
        category: "engine",
        tried: "the compiled image of the component, as this very server made it, is brought as one".to_owned(),
        ends: Ends::Refused(Refusal::Invalid),
        check: mine,
        program: Program::Own(Box::new(compiled)),
        control: Program::Own(Box::new(|| own("proj_1"))),
        control_is: "the component that it was compiled from".to_owned(),
    };
    all.into_iter().chain([brought]).collect()
}

/// Machine code that a worker would run, from outside.
fn compiled() -> Run {
    Box::pin(async {
        let cache = tempfile::tempdir().unwrap();
        let sandbox = sandbox(cache.path());
        let component = request(ours());
        sandbox.prepare(&component.project, &component.image).await.unwrap();
        let brought = request(fs::read(newest(cache.path()).image).unwrap());
        match sandbox.prepare(&brought.project, &brought.image).await {
            Err(Error::Refused { refusal, reason }) => (End::Refused(refusal, reason), Journal::default()),
            prepared => {
                prepared.unwrap();
                run(&sandbox, brought).await
            }
        }
    })
}

/// A sandbox with this cache.
fn sandbox(cache: &Path) -> Sandbox {
    Sandbox::new(Config { cache: cache.to_owned(), ..config() }).unwrap()
}

fn own(project: &'static str) -> Run {
    Box::pin(async move {
        let cache = tempfile::tempdir().unwrap();
        let mut request = request(ours());
        request.project = project.to_owned();
        run(&sandbox(cache.path()), request).await
    })
}

fn exchanged(project: &'static str, change: Change) -> Run {
    Box::pin(async move {
        let cache = tempfile::tempdir().unwrap();
        let before = sandbox(cache.path());
        let theirs = request(theirs());
        before.prepare(&theirs.project, &theirs.image).await.unwrap();
        let victim = newest(cache.path());
        before.prepare(project, &request(ours()).image).await.unwrap();
        change(&victim, &newest(cache.path()));
        drop(before);
        run(&sandbox(cache.path()), theirs).await
    })
}

/// What was compiled last.
fn newest(cache: &Path) -> Files {
    let folders = fs::read_dir(cache.join("projects")).unwrap().map(|folder| folder.unwrap().path());
    let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()));
    let images = files.filter(|file| file.extension().is_some_and(|ending| ending == "image"));
    let changed =
        |file: &PathBuf| fs::metadata(file).and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let image = images.max_by_key(changed).unwrap();
    Files { tag: image.with_extension("tag"), image }
}
