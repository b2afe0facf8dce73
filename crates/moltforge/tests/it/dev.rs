//! `moltforge dev` and `moltforge serve` as processes: start, restart, reload, refuse, stop.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::process::{Dev, moltforge, run};

fn hello(text: &str) -> String {
    format!("name = \"hello\"\nkind = \"prompt\"\nmodel = \"scripted\"\n[[script]]\ntext = \"{text}\"\n")
}

#[test]
fn it_deploys_runs_and_reloads_the_agents_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let file = at.join("examples/hello/agent.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, hello("first")).unwrap();
    let dev = Dev::start(at, &[]);
    dev.line("1 agents live: hello");
    dev.line("ran hello: first");

    fs::write(&file, hello("second")).unwrap();
    dev.line("reloaded hello v2");
    dev.line("+ /script");
    assert_eq!(run(at, &["run", "hello", "--wait"]).out.trim(), "second");

    fs::write(&file, "name = \"hello\"\nkind = \"prompt\"\nmodel = 5\n").unwrap();
    dev.line("not reloaded");
    dev.line("agent_file_invalid");
    assert_eq!(run(at, &["run", "hello", "--wait"]).out.trim(), "second", "the live version stays");

    fs::write(&file, hello("third")).unwrap();
    dev.line("reloaded hello v3");
    assert_eq!(dev.stop(), Some(0));
    assert!(!at.join(".moltforge/server.json").try_exists().unwrap());
}

#[test]
fn a_second_start_finds_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let dev = Dev::start(at, &[]);
    let key = dev.document["key"].as_str().unwrap().to_owned();
    let mode = fs::metadata(at.join(".moltforge/dev.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    run(at, &["init", "greeter"]).ok();
    run(at, &["deploy", "greeter"]).ok();
    dev.kill();
    let dev = Dev::start(at, &[]);
    assert_eq!(dev.document["key"], key.as_str());
    assert_eq!(run(at, &["agents", "list", "-o", "json"]).json()[0]["name"], "greeter");
    assert_eq!(dev.stop(), Some(0));
}

#[test]
fn an_execution_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let dev = Dev::start(at, &[]);
    fs::write(
        at.join("sleeper.toml"),
        "name = \"sleeper\"\nkind = \"prompt\"\nmodel = \"scripted\"\ntools = [\"time.sleep\", \"math.add\"]\n\
         [[script]]\ncalls = [{ tool = \"math.add\", arguments = { a = 1, b = 2 } }]\n\
         [[script]]\ncalls = [{ tool = \"time.sleep\", arguments = { seconds = 2 } }]\n[[script]]\ntext = \"awake\"\n",
    )
    .unwrap();
    run(at, &["deploy", "sleeper.toml"]).ok();
    let waiting = run(at, &["run", "sleeper", "--wait", "20", "-o", "json"]);
    let execution: serde_json::Value = serde_json::from_str(&waiting.out).unwrap();
    let id = execution["execution_id"].as_str().unwrap();
    dev.kill();
    let _dev = Dev::start(at, &[]);
    let followed = run(at, &["executions", "events", id, "--follow"]);
    assert_eq!((followed.code, followed.out.trim()), (0, "awake"), "{}", followed.err);
    let steps = run(at, &["executions", "steps", id, "-o", "json"]).json();
    let adds = steps.as_array().unwrap().iter().filter(|step| step["name"] == "math.add").count();
    assert_eq!(adds, 1, "{steps}");
}

#[test]
fn what_cannot_start_says_why_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let done = run(at, &["dev", "--ephemeral", "--port", &port]);
    assert_eq!(done.code, 1);
    assert!(
        done.err.contains("port_in_use") && done.err.contains(&port) && done.err.contains("--port"),
        "{}",
        done.err
    );

    let done = run(at, &["dev", "--host", "0.0.0.0"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("not_loopback"), "{}", done.err);

    let _dev = Dev::start(at, &[]);
    let done = run(at, &["dev", "--port", "0"]);
    assert_eq!(done.code, 1);
    assert!(done.err.contains("data_folder_in_use") && done.err.contains("hint: "), "{}", done.err);

    let done = run(at, &["serve", "--roles", "gatewayy"]);
    assert_eq!(done.code, 2);
    fs::write(at.join("bad.toml"), "lisen = \"127.0.0.1:1\"\n").unwrap();
    let done = run(at, &["serve", "--config", "bad.toml"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("bad.toml:1:1") && done.err.contains("lisen"), "{}", done.err);
}

#[test]
fn an_ephemeral_server_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let dev = Dev::start(at, &["--ephemeral"]);
    let data = std::path::PathBuf::from(dev.document["data_dir"].as_str().unwrap());
    assert!(data.try_exists().unwrap());
    assert_eq!(dev.stop(), Some(0));
    assert!(!data.try_exists().unwrap() && !at.join(".moltforge").try_exists().unwrap());
}

#[test]
fn a_provider_without_its_key_is_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let file = "[[models.providers]]\nname = \"mine\"\nbase_url = \"http://127.0.0.1:9/v1/\"\napi_key_env = \"MINE\"\n";
    fs::write(at.join("moltforge.toml"), file).unwrap();
    let dev = Dev::start(at, &[]);
    let said = dev.line("`mine` has no key");
    assert!(said.contains("set MINE and start again"), "{said}");
    dev.kill();
    let mut serve = moltforge(at, &["serve", "--listen", "127.0.0.1:0"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(serve.stderr.take().unwrap()).lines().map_while(Result::ok);
    let said = lines.find(|line| line.contains("`mine` has no key") || line == "ready");
    serve.kill().unwrap();
    serve.wait().unwrap();
    assert!(said.as_ref().is_some_and(|line| line.contains("set MINE")), "{said:?}");
}
