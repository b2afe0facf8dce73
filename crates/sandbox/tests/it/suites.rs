//! The agents that test the images: `guests/TESTS.md` says what they expect.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use moltforge_sandbox::{Call, FailureKind, File, GuestRequest, Image, Sandbox};
use serde_json::{Value, json};

use crate::driver::{Answers, End, run_with};
use crate::world::{agent, file, sandbox};

#[tokio::test]
async fn the_agents_of_javascript() {
    run_all(Image::JavaScript, "javascript", "js", "//").await;
}

#[tokio::test]
async fn the_agents_of_python() {
    run_all(Image::Python, "python", "py", "#").await;
}

async fn run_all(image: Image, language: &str, ending: &str, comment: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests").join(language).join("tests");
    let sandbox = sandbox();
    let mut wrong = Vec::new();
    let (good, bad) = (agents(&folder, ending), agents(&folder.join("failing"), ending));
    assert!(good.len() >= 7 && bad.len() >= 10, "{} and {} agents", good.len(), bad.len());
    for (name, program) in good {
        let end = one(&sandbox, &image, program).await;
        if !matches!(end, End::Output(_)) {
            wrong.push(format!("{name}: {end:?}"));
        }
    }
    for (name, program) in bad {
        let expected = Expected::of(&program, comment);
        let end = one(&sandbox, &image, program).await;
        wrong.extend(expected.faults(&end).into_iter().map(|fault| format!("failing/{name}: {fault}: {end:?}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

struct Program {
    entry: String,
    files: Vec<File>,
}

/// The agents of a folder, by name: its files, and its folders with all that is in them.
fn agents(folder: &Path, ending: &str) -> BTreeMap<String, Program> {
    let mut agents = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && name != "failing" && name != "__pycache__" {
            let mut files = Vec::new();
            collect(&path, &path, &mut files);
            agents.insert(name, Program { entry: format!("main.{ending}"), files });
        } else if path.is_file() {
            let files = vec![file(&name, &std::fs::read_to_string(&path).unwrap())];
            agents.insert(name.clone(), Program { entry: name, files });
        }
    }
    agents
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<File>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            files.push(file(name, &std::fs::read_to_string(&path).unwrap()));
        }
    }
}

async fn one(sandbox: &Sandbox, image: &Image, program: Program) -> End {
    let request = GuestRequest {
        image: image.clone(),
        files: program.files,
        entry: program.entry,
        input: r#"{"n": 4}"#.into(),
        ..agent("")
    };
    run_with(sandbox, request, &mut Tools::default()).await.0
}

/// How an agent must fail: comments at the top of its entry say so.
#[derive(Default)]
struct Expected {
    kind: String,
    message: Vec<String>,
    stack: Vec<String>,
    no_stack: Vec<String>,
}

impl Expected {
    fn of(program: &Program, comment: &str) -> Self {
        let entry = program.files.iter().find(|file| *file.name == *program.entry).unwrap();
        let mut expected = Self::default();
        for line in entry.text.lines().map_while(|line| line.strip_prefix(comment)) {
            let Some((what, text)) = line.trim().split_once(": ") else { continue };
            match what {
                "fails" => text.clone_into(&mut expected.kind),
                "message" => expected.message.push(text.to_owned()),
                "stack" => expected.stack.push(text.to_owned()),
                "no stack" => expected.no_stack.push(text.to_owned()),
                other => panic!("{}: {other:?} is nothing that is expected", program.entry),
            }
        }
        assert!(!expected.kind.is_empty() && !expected.message.is_empty(), "{} says how it fails", program.entry);
        expected
    }

    fn faults(&self, end: &End) -> Vec<String> {
        let End::Failed(failure) = end else { return vec!["it must fail".to_owned()] };
        let kind = match failure.kind {
            FailureKind::Syntax => "syntax",
            FailureKind::Exception => "exception",
            FailureKind::Deadlock => "deadlock",
            FailureKind::NoRun => "no-run",
            _ => "something else",
        };
        let mut faults = Vec::new();
        if kind != self.kind {
            faults.push(format!("it fails as {kind}"));
        }
        let missing = |texts: &[String], within: &str| -> Vec<String> {
            texts.iter().filter(|text| !within.contains(*text)).map(|text| format!("{text:?} is not there")).collect()
        };
        faults.extend(missing(&self.message, &failure.message));
        faults.extend(missing(&self.stack, &failure.stack));
        faults
            .extend(self.no_stack.iter().filter(|text| failure.stack.contains(*text)).map(|text| format!("{text:?}")));
        faults
    }
}

/// The capabilities of `guests/TESTS.md`.
#[derive(Default)]
struct Tools {
    state: BTreeMap<String, Value>,
    /// Calls of `llm.complete` that failed.
    failed: BTreeSet<u32>,
}

impl Answers for Tools {
    fn after(&self, call: &Call) -> Option<u64> {
        let args: Value = serde_json::from_str(&call.args).unwrap();
        match call.name.as_str() {
            "never" => None,
            "timer" => Some(args["ms"].as_u64().unwrap_or(0)),
            "llm.complete" if args["model"] == "none" => Some(0),
            "llm.complete" => Some(5),
            _ => Some(args["ms"].as_u64().unwrap_or(1)),
        }
    }

    fn answer(&mut self, call: &Call, _: u64) -> Result<Value, Value> {
        let args: Value = serde_json::from_str(&call.args).unwrap();
        match call.name.as_str() {
            "timer" => Ok(Value::Null),
            "echo" => Ok(args),
            "fail" => Err(json!({ "code": "tool_failed", "message": "the tool said no", "status": 418 })),
            "http.fetch" => fetch(&args),
            "state.get" => Ok(self.state.get(args["key"].as_str().unwrap()).cloned().unwrap_or(Value::Null)),
            "state.set" => {
                self.state.insert(args["key"].as_str().unwrap().to_owned(), args["value"].clone());
                Ok(json!({ "key": args["key"], "stored": true }))
            }
            "llm.complete" if args["model"] == "none" => {
                self.failed.insert(call.id);
                Err(json!({ "code": "model_unknown", "message": "there is none" }))
            }
            "llm.chunk"
                if args["call"].as_u64().is_some_and(|id| self.failed.iter().any(|own| u64::from(*own) == id)) =>
            {
                Ok(json!({ "attempt": 0, "from": 0, "to": 0, "text": "", "done": true }))
            }
            "llm.chunk" => Ok(chunk(&args)),
            name => Ok(json!({ "name": name, "args": args })),
        }
    }
}

fn fetch(args: &Value) -> Result<Value, Value> {
    let url = args["url"].as_str().unwrap();
    let (host, path) = url.split_once("://").unwrap().1.split_once('/').unwrap_or((url, ""));
    if host == "refused.test" {
        return Err(json!({ "code": "egress_not_granted", "message": "the host is not granted" }));
    }
    let digits = path.get(path.len().saturating_sub(3)..).and_then(|digits| digits.parse::<u16>().ok());
    let status = digits.unwrap_or(200);
    Ok(if path.contains("text") {
        json!({ "status": status, "headers": { "content-type": "text/plain" }, "body": "plain text" })
    } else {
        json!({ "status": status, "headers": { "content-type": "application/json" }, "body": args })
    })
}

fn chunk(args: &Value) -> Value {
    let (attempt, from) = (args["attempt"].as_u64().unwrap(), args["from"].as_u64().unwrap());
    match (attempt, from) {
        (0, 0) => json!({ "attempt": 7, "from": 0, "to": 3, "text": "hé", "done": false }),
        (7, 3) => json!({ "attempt": 8, "from": 0, "to": 2, "text": "by", "done": false }),
        (8, 2) => json!({ "attempt": 8, "from": 2, "to": 3, "text": "e", "done": true }),
        other => panic!("nobody was told to ask for {other:?}"),
    }
}
