//! `moltforge init`: a new agent from a template that is in the binary.

mod template;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, Exit, Failure, GOOD, PLAIN};
use crate::{Error, agent_files};

use self::template::Template;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent's folder; its name becomes the agent's name
    #[arg(default_value = "my-agent")]
    dir: PathBuf,
    /// What to begin with
    #[arg(long, short, value_enum, default_value = "hello")]
    template: Template,
}

/// Writes the agent's file. Nothing that is there is touched.
pub fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("make an agent in {}", args.dir.display());
    let path = args.dir.join(agent_files::FILE_NAME);
    let name = name_of(&args.dir).attempt(attempted)?;
    write(&path, &args.template.file(&name)).attempt(attempted)?;
    for (file, text) in args.template.files() {
        write(&args.dir.join(file), &text).attempt(attempted)?;
    }

    let shown = path.display().to_string();
    let out = context.output;
    out.data(&serde_json::json!({ "name": name, "path": shown }), |out| out.line(&shown));
    out.notes(&[(GOOD, "made "), (PLAIN, &shown)]);
    let deploy = format!("moltforge deploy {}", args.dir.display());
    let run = format!("moltforge run {name} --input '{}' --follow", args.template.input());
    let mut say = "next: ";
    for command in args.template.build() {
        let command = if command.starts_with("cargo") {
            format!("(cd {} && {command})", args.dir.display())
        } else {
            (*command).to_owned()
        };
        out.notes(&[(PLAIN, say), (ACCENT, &command)]);
        say = "then: ";
    }
    out.notes(&[(PLAIN, say), (ACCENT, &deploy)]);
    out.notes(&[(PLAIN, "then: "), (ACCENT, &run)]);
    if args.template == Template::Http {
        out.note(
            "its tool calls http://127.0.0.1:9000: start the server with `--allow-local 127.0.0.1:9000` to grant that",
        );
    }
    Ok(Exit::Done)
}

/// The folder's name as an agent's name.
fn name_of(dir: &Path) -> Result<String, Error> {
    let full = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let folder = full.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let named = agent_files::agent_name(&folder);
    named.map_err(|error| Error::argument("DIR", format!("the folder {folder:?} gives no agent's name: {error}")))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let unwritable = |source| Error::FileUnwritable { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(unwritable)?;
    }
    // fails when there is a file, whoever makes it in between
    match std::fs::File::create_new(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map_err(unwritable),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Error::FileExists(path.to_owned())),
        Err(error) => Err(unwritable(error)),
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_template_is_a_valid_agent_that_takes_its_sample_input() {
        for template in Template::value_variants() {
            let text = template.file("my-agent");
            let config = moltforge_manifest::parse_toml(&text).unwrap_or_else(|faults| {
                panic!("{template:?}: {}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
            });
            assert_eq!(config.name, "my-agent");
            let input: serde_json::Value = serde_json::from_str(template.input()).unwrap();
            assert!(input.is_object());
            let files: Vec<_> = template.files().into_iter().map(|(name, _)| name).collect();
            match config.code.as_deref() {
                Some(code) if template.build().is_empty() => assert!(files.iter().any(|name| name == code)),
                Some(code) => assert!(code.starts_with("target/"), "what is built: {code}"),
                None => assert_eq!(files, Vec::<String>::new()),
            }
        }
    }

    #[test]
    fn the_sdk_comes_with_the_template() {
        let files: std::collections::BTreeMap<_, _> = Template::Rust.files().into_iter().collect();
        for name in [".cargo/config.toml", "Cargo.toml", "src/lib.rs", "sdk/rust/src/lib.rs", "sdk/wit/agent.wit"] {
            assert!(files.contains_key(name), "{name} of {:?}", files.keys());
        }
        assert!(
            files["Cargo.toml"].contains("path = \"sdk/rust\"") && files["sdk/rust/Cargo.toml"].contains("wit-bindgen")
        );
        assert!(
            !files.keys().any(|name| name.contains("target/") || name.ends_with("Cargo.lock")),
            "{:?}",
            files.keys()
        );
    }

    #[test]
    fn a_folder_names_its_agent() {
        for (dir, name) in [("x/My Agent_2", "my-agent-2"), ("hello", "hello"), ("./a--b/", "a-b")] {
            assert_eq!(name_of(Path::new(dir)).unwrap(), name);
        }
        for bad in ["/", "x/123", "x/äöü"] {
            assert!(name_of(Path::new(bad)).is_err(), "{bad}");
        }
    }
}
