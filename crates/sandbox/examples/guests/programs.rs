//! The programs of the guests that are measured.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use moltforge_sandbox::{Component, File, GuestRequest, Image, Limits};

/// A language, and what is written in it. A component has no files: its input says how often it calls.
#[derive(Clone)]
pub(crate) struct Language {
    pub(crate) name: &'static str,
    pub(crate) image: Image,
    pub(crate) entry: &'static str,
    /// Calls once, and waits for an answer.
    pub(crate) once: &'static str,
    /// Calls as often as its input says, one call after another.
    pub(crate) often: &'static str,
}

/// JavaScript.
pub(crate) fn javascript() -> Language {
    Language {
        name: "JavaScript",
        image: Image::JavaScript,
        entry: "agent.js",
        once: "import { tools } from 'moltforge';\nexport default (input) => tools.call('never', { input });\n",
        often: "import { tools } from 'moltforge';
export default async function run(times) {
  for (let k = 0; k < times; k++) await tools.call('echo', { k });
  return times;
}
",
    }
}

/// Python.
pub(crate) fn python() -> Language {
    Language {
        name: "Python",
        image: Image::Python,
        entry: "agent.py",
        once: "from moltforge import tools\n\nasync def run(input):\n    return await tools.call('never', input=input)\n",
        often: "from moltforge import tools

async def run(times):
    for k in range(times):
        await tools.call('echo', k=k)
    return times
",
    }
}

/// A component that is in the tree, written in Rust.
pub(crate) fn component(path: &Path) -> std::io::Result<Language> {
    let component = Component::new(std::fs::read(path)?);
    Ok(Language {
        name: "Rust (component)",
        image: Image::Component(Arc::new(component)),
        entry: "",
        once: "",
        often: "",
    })
}

/// Computes for as long as its input says: `fib(25)` is 250,000 calls of a function.
pub(crate) const COMPUTES: &str = "const fib = (n) => n < 2 ? n : fib(n - 1) + fib(n - 2);
export default (n) => fib(n);
";

/// A program of about ten kilobytes, of which one line runs.
pub(crate) fn long() -> String {
    let unused =
        "export function unused_NUMBER(a, b) {\n  if (a > b) return { a, b, sum: a + b };\n  return [a, b];\n}\n";
    let unused: String = (0..120).map(|number| unused.replace("NUMBER", &number.to_string())).collect();
    format!("{}{unused}", javascript().once)
}

/// A guest of a project that runs `source`.
pub(crate) fn guest(project: &str, language: &Language, source: &str, input: &str) -> GuestRequest {
    let files = match language.image {
        Image::Component(_) => Vec::new(),
        _ => vec![File { name: language.entry.into(), text: source.into() }],
    };
    GuestRequest {
        project: project.to_owned(),
        image: language.image.clone(),
        files,
        entry: language.entry.to_owned(),
        input: input.to_owned(),
        seed: [7; 32],
        now: 1_700_000_000_000_000,
        limits: Limits { cpu: Duration::from_mins(5), ..Limits::default() },
        reserve: 1 << 20,
        alone: false,
        completions: Vec::new(),
    }
}
