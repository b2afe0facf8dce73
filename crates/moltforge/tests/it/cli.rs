//! The command line, as people and programs use it.

use std::fs;

use serde_json::json;

use crate::process::{Dev, moltforge, run};

const HOSTILE: &str =
    "name = \"hostile\"\nkind = \"prompt\"\nmodel = \"scripted\"\n[[script]]\ntext = \"a\\u001b[31mred\\u202e\"\n";

#[test]
fn from_nothing_to_a_run_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let _dev = Dev::start(at, &[]);

    let made = run(at, &["init", "greeter", "--template", "hello"]);
    assert_eq!(made.out.trim(), "greeter/agent.toml");
    assert_eq!(run(at, &["init", "greeter"]).code, 1, "never overwritten");
    let dry = run(at, &["deploy", "greeter", "--dry-run", "-o", "json"]).json();
    assert_eq!((dry[0]["changed"].as_bool(), dry[0]["version"].as_u64()), (Some(true), None));
    let deployed = run(at, &["deploy", "greeter", "-o", "json"]).json();
    assert_eq!(deployed[0]["version"], 1);

    let ran = run(at, &["run", "greeter", "--input", r#"{"name":"Ada"}"#, "--follow"]);
    assert_eq!((ran.code, ran.out.trim()), (0, "Hello Ada, nice to meet you!"), "{}", ran.err);
    assert!(ran.err.contains("execution.completed"), "{}", ran.err);

    let file = at.join("greeter/agent.toml");
    let text = fs::read_to_string(&file).unwrap().replace("nice to meet you", "welcome back");
    fs::write(&file, text).unwrap();
    let again = run(at, &["deploy", "greeter"]).ok();
    assert!(again.contains("version 2") && again.contains("was version 1") && again.contains("/script"), "{again}");
    assert!(run(at, &["deploy", "greeter"]).ok().contains("unchanged"));
    let diff = run(at, &["versions", "greeter", "--diff", "1..2"]).ok();
    assert!(diff.contains("+text = ") && diff.contains("-text = "), "{diff}");
    run(at, &["rollback", "greeter"]).ok();
    let ran = run(at, &["run", "greeter", "-i", r#"{"name":"Ada"}"#, "--wait"]);
    assert_eq!((ran.code, ran.out.trim()), (0, "Hello Ada, nice to meet you!"), "{}", ran.err);
    run(at, &["undeploy", "greeter"]).ok();
    let refused = run(at, &["run", "greeter"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("agent_not_deployed") && refused.err.contains("hint: "), "{}", refused.err);
    run(at, &["agents", "delete", "greeter"]).ok();
    assert_eq!(run(at, &["agents", "list", "-o", "json"]).json(), json!([]));
    assert_eq!(run(at, &["executions", "list", "-o", "json"]).json().as_array().unwrap().len(), 2);
}

#[test]
fn the_exit_code_is_the_runs() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let _dev = Dev::start(at, &[]);
    run(at, &["init", "decider", "--template", "waiter"]).ok();
    run(at, &["deploy", "decider"]).ok();
    let waiting = run(at, &["run", "decider", "-i", r#"{"topic":"tea"}"#, "--wait", "20", "-o", "json"]);
    assert_eq!(waiting.code, 4, "{}", waiting.err);
    let execution: serde_json::Value = serde_json::from_str(&waiting.out).unwrap();
    let id = execution["execution_id"].as_str().unwrap();
    assert!(run(at, &["pause", id]).ok().contains("paused"));
    assert_eq!(run(at, &["executions", "events", id, "--follow"]).code, 4);
    run(at, &["resume", id]).ok();
    let again = run(at, &["resume", id]).err;
    assert!(again.contains("execution_not_paused") && again.contains("hint: "), "{again}");
    run(at, &["signal", id, "decision", "--payload", "\"yes\""]).ok();
    let followed = run(at, &["executions", "events", id, "--follow", "-o", "json"]);
    assert_eq!(followed.code, 0, "{}", followed.err);
    let lines: Vec<serde_json::Value> = followed.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.last().unwrap()["execution"]["state"], "completed");
    assert!(lines.iter().any(|line| line["event"]["type"] == "io.moltforge.signal.received"));

    let other = run(at, &["run", "decider", "-i", r#"{"topic":"tea"}"#, "-o", "json"]).json();
    let id = other["execution_id"].as_str().unwrap();
    run(at, &["cancel", id]).ok();
    assert_eq!(run(at, &["executions", "events", id, "--follow"]).code, 3);
    let steps = run(at, &["executions", "steps", id, "-o", "json"]).json();
    assert!(steps.is_array());

    fs::write(
        at.join("fails.toml"),
        "name = \"fails\"\nkind = \"prompt\"\nmodel = \"scripted\"\ntools = [\"time.now\"]\n[limits]\nturns = 1\n\
         [[script]]\ncalls = [{ tool = \"time.now\" }]\n[[script]]\ntext = \"never\"\n",
    )
    .unwrap();
    run(at, &["deploy", "fails.toml"]).ok();
    let failed = run(at, &["run", "fails", "--follow"]);
    assert_eq!(failed.code, 1, "{}", failed.err);
    assert!(failed.out.is_empty() && failed.err.contains("turn_limit"), "{}", failed.err);
}

#[test]
fn faults_of_a_file_are_shown_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("agent.toml"), "name = \"a\"\nkind = \"prompt\"\nmodle = \"scripted\"\n").unwrap();
    let done = run(at, &["deploy"]);
    assert_eq!(done.code, 2, "no server was asked: {}", done.err);
    for part in ["agent.toml:3:1", "modle", "^", "agent_file_invalid"] {
        assert!(done.err.contains(part), "{part} in {}", done.err);
    }
    let done = run(at, &["deploy", "nowhere"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("file_unreadable"), "{}", done.err);
    let done = run(at, &["deploy", "nowhere", "-o", "json"]);
    let error: serde_json::Value = serde_json::from_str(&done.err).unwrap();
    assert_eq!(error["error"]["code"], "file_unreadable");
}

#[test]
fn nobody_there_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let done = run(folder.path(), &["agents", "list", "--server", "http://127.0.0.1:9"]);
    assert_eq!(done.code, 1);
    assert!(done.out.is_empty());
    for part in ["error: cannot list agents", "http://127.0.0.1:9", "hint: ", "moltforge dev", "server_unreachable"] {
        assert!(done.err.contains(part), "{part} in {}", done.err);
    }
}

#[test]
fn usage_and_help() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    assert_eq!(run(at, &["frobnicate"]).code, 2);
    assert_eq!(run(at, &["run"]).code, 2);
    assert!(run(at, &["--help"]).ok().contains("Exit codes:"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(at, &["completion", shell]).ok().contains("rollback"), "{shell}");
    }
    assert!(run(at, &["explain", "port_in_use"]).ok().starts_with("# port_in_use"));
    assert_eq!(run(at, &["explain", "no_such_code"]).code, 2);
}

#[test]
fn text_of_a_model_cannot_drive_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let _dev = Dev::start(at, &[]);
    fs::write(at.join("hostile.toml"), HOSTILE).unwrap();
    run(at, &["deploy", "hostile.toml"]).ok();
    let ran = run(at, &["run", "hostile", "--follow"]);
    assert!(!ran.err.contains('\u{1b}') && !ran.err.contains('\u{202e}'), "{:?}", ran.err);
    // a pipe gets the data as it is
    assert_eq!(ran.out.trim_end(), "a\u{1b}[31mred\u{202e}");
}

#[test]
fn keys_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let dev = Dev::start(at, &[]);
    let made = run(at, &["keys", "create", "ci", "--scopes", "agents:read", "--expires", "1h", "-o", "json"]).json();
    let (secret, id) = (made["secret"].as_str().unwrap(), made["key_id"].as_str().unwrap());
    let elsewhere = tempfile::tempdir().unwrap();
    let with_key = ["agents", "list", "--server", &dev.url, "--key", secret];
    run(elsewhere.path(), &with_key).ok();
    let refused = run(elsewhere.path(), &["keys", "list", "--server", &dev.url, "--key", secret]);
    assert!(refused.err.contains("scope_missing"), "{}", refused.err);
    run(at, &["keys", "revoke", id]).ok();
    assert!(run(at, &["keys", "list"]).ok().contains("revoked"));
    let keyless = run(elsewhere.path(), &["agents", "list", "--server", &dev.url]);
    assert!(keyless.code == 1 && keyless.err.contains("hint: "), "{}", keyless.err);
}

#[test]
fn doctor_tells_the_state_of_things() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let dev = Dev::start(at, &[]);
    let checks = run(at, &["doctor", "-o", "json"]);
    let checks: serde_json::Value = serde_json::from_str(&checks.out).unwrap();
    let outcome = |name: &str| {
        let check = checks.as_array().unwrap().iter().find(|check| check["name"] == name);
        check.unwrap_or_else(|| panic!("{name} in {checks}"))["outcome"].as_str().unwrap().to_owned()
    };
    for name in ["configuration", "data folder", "clock", "server", "key"] {
        assert_eq!(outcome(name), "ok", "{name}");
    }
    // the tests' own reason is why this is no "ok"
    assert_eq!(outcome("code agents"), "warning");
    assert!(run(at, &["doctor"]).out.contains("confined as far as this kernel goes"));
    drop(dev);
    fs::write(at.join("moltforge.toml"), "\n[egress]\nalow = []\n").unwrap();
    let done = run(at, &["doctor"]);
    assert_eq!(done.code, 1);
    assert!(done.out.contains("moltforge.toml:3:1") && done.out.contains("alow"), "{}", done.out);
}

/// An HTTP tool reaches a server on this machine when the operator grants it, and only then.
#[test]
fn a_tool_reaches_what_was_granted() {
    let service = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = service.local_addr().unwrap().to_string();
    let asked = std::thread::spawn(move || {
        let (mut socket, _) = service.accept().unwrap();
        let mut head = [0; 4096];
        let read = std::io::Read::read(&mut socket, &mut head).unwrap();
        let body = r#"{"sky":"clear"}"#;
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        std::io::Write::write_all(&mut socket, answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&head[..read]).lines().next().unwrap().to_owned()
    });
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    run(at, &["init", "weather", "--template", "http"]).ok();
    let file = at.join("weather/agent.toml");
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("127.0.0.1:9000", &place)).unwrap();
    let dev = Dev::start(at, &[]);
    run(at, &["deploy", "weather"]).ok();
    let weather = ["run", "weather", "-i", r#"{"city":"Sao Paulo"}"#, "--wait", "20"];
    let refused = run(at, &weather);
    assert!(refused.out.contains("host_not_granted"), "{} {}", refused.out, refused.err);
    assert_eq!(dev.stop(), Some(0));
    let _dev = Dev::start(at, &["--allow-local", &place]);
    let done = run(at, &weather);
    assert_eq!((done.code, done.out.trim()), (0, r#"Today in Sao Paulo: {"sky":"clear"}"#), "{}", done.err);
    assert_eq!(asked.join().unwrap(), "GET /weather/Sao%20Paulo HTTP/1.1");
}

#[test]
fn programs_get_the_faults_of_a_file_with_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("bad.toml"), "name = \"a\"\nkind = \"prompt\"\nmodle = \"scripted\"\n").unwrap();
    let done = run(at, &["deploy", "bad.toml", "-o", "json"]);
    let error: serde_json::Value = serde_json::from_str(&done.err).unwrap();
    let fault = &error["error"]["errors"][0];
    assert_eq!((&fault["file"], &fault["line"], &fault["column"]), (&json!("bad.toml"), &json!(3), &json!(1)));
    assert!(fault["message"].as_str().unwrap().contains("modle"), "{error}");
}

#[test]
fn a_refused_agent_keeps_no_other_from_going_live() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let _dev = Dev::start(at, &[]);
    for (name, model) in [("a", "scripted"), ("b", "nobody/x"), ("c", "scripted")] {
        let script = if model == "scripted" { "[[script]]\ntext = \"hi\"\n" } else { "" };
        fs::create_dir_all(at.join("all").join(name)).unwrap();
        let text = format!("name = \"{name}\"\nkind = \"prompt\"\nmodel = \"{model}\"\n{script}");
        fs::write(at.join("all").join(name).join("agent.toml"), text).unwrap();
    }
    let done = run(at, &["deploy", "all"]);
    assert_eq!(done.code, 1, "{}", done.err);
    assert!(done.out.contains("a: version 1 is live") && done.out.contains("c: version 1 is live"), "{}", done.out);
    assert!(done.err.contains("the agent \"b\"") && done.err.contains("model_unknown"), "{}", done.err);
    let done = run(at, &["deploy", "all", "-o", "json"]);
    assert_eq!(done.code, 1, "{}", done.err);
    let out: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((&out[0]["agent"], &out[1]["agent"], &out[2]), (&json!("a"), &json!("c"), &json!(null)));
    let error: serde_json::Value = serde_json::from_str(&done.err).unwrap();
    assert_eq!(error["error"]["code"], "model_unknown");
    assert_eq!(error["error"]["message"].as_str().unwrap().matches("cannot ").count(), 1, "{error}");
    let alone = run(at, &["deploy", "all/b", "-o", "json"]);
    assert_eq!((alone.code, alone.out.as_str()), (1, ""));
    let nobody = run(at, &["deploy", "all", "--server", "http://127.0.0.1:9", "--key", "mf_x"]);
    assert_eq!(nobody.err.matches("code: server_unreachable").count(), 1, "{}", nobody.err);
}

/// A call that must not run twice, to a server that hangs up without an answer.
#[test]
fn an_unknown_effect_is_said_with_the_decision_that_it_needs() {
    let service = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = service.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        while let Ok((mut socket, _)) = service.accept() {
            let _ = std::io::Read::read(&mut socket, &mut [0; 4096]);
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let _dev = Dev::start(at, &["--allow-local", &place]);
    let text = format!(
        "name = \"payer\"\nkind = \"prompt\"\nmodel = \"scripted\"\ntools = [\"pay.now\"]\n[[tool]]\nname = \"pay.now\"\n\
         description = \"Pays\"\nmethod = \"POST\"\nurl = \"http://{place}/pay\"\neffect = \"at_most_once\"\n\
         [tool.parameters]\ntype = \"object\"\n[[script]]\ncalls = [{{ tool = \"pay.now\" }}]\n[[script]]\ntext = \"paid\"\n"
    );
    fs::write(at.join("payer.toml"), text).unwrap();
    run(at, &["deploy", "payer.toml"]).ok();
    let held = run(at, &["run", "payer", "--wait", "20"]);
    assert_eq!(held.code, 4, "{} {}", held.out, held.err);
    assert!(held.err.contains("paused effect_unknown"), "{}", held.err);
    let id = held.err.split_whitespace().find(|word| word.starts_with("exe_")).unwrap();
    let next = format!("hint: moltforge resume {id} --unknown-effects retry|fail");
    assert!(held.err.contains(&next) && held.err.contains("code: effect_unknown"), "{}", held.err);
    let shown = run(at, &["executions", "get", id]).ok();
    assert!(shown.lines().any(|line| line.starts_with("error       effect_unknown: ")), "{shown}");

    let refused = run(at, &["resume", id]);
    assert!(refused.code == 1 && refused.err.contains("hint: ") && refused.err.contains("--unknown-effects retry"));
    run(at, &["resume", id, "--unknown-effects", "fail"]).ok();
    assert_eq!(run(at, &["executions", "events", id, "--follow"]).out.trim(), "paid");
}

#[test]
fn a_key_has_the_scopes_of_its_maker_and_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let _dev = Dev::start(at, &[]);
    let narrow = ["keys", "create", "narrow", "--scopes", "keys:write,keys:read", "-o", "json"];
    let narrow = run(at, &narrow).json();
    let maker = narrow["secret"].as_str().unwrap();
    let made = run(at, &["keys", "create", "second", "--key", maker, "-o", "json"]).json();
    assert_eq!(made["scopes"], narrow["scopes"]);
    let refused = run(at, &["keys", "create", "strong", "--key", maker, "--scopes", "agents:read"]);
    assert!(refused.err.contains("key_scope_exceeds") && refused.err.contains("hint: "), "{}", refused.err);
    run(at, &["keys", "create", "short", "--expires", "1s"]).ok();
    // a real wait: the key ends by the clock of this machine
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let keys = run(at, &["keys", "list"]).ok();
    let state = |name: &str| {
        let words: Vec<&str> = keys.lines().map(str::split_whitespace).flat_map(Iterator::collect::<Vec<_>>).collect();
        let place = words.iter().position(|word| *word == name).unwrap();
        words[place + 2].to_owned()
    };
    assert_eq!((state("short"), state("second")), ("expired".to_owned(), "active".to_owned()), "{keys}");
}

#[test]
fn a_deleted_agent_is_listed_with_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let _dev = Dev::start(at, &[]);
    run(at, &["init", "greeter"]).ok();
    run(at, &["deploy", "greeter"]).ok();
    let agent = run(at, &["agents", "get", "greeter", "-o", "json"]).json();
    run(at, &["agents", "delete", "greeter"]).ok();
    let list = run(at, &["agents", "list", "--deleted"]).ok();
    let id = agent["agent_id"].as_str().unwrap();
    assert!(list.contains(" DELETED ") && list.contains(id), "{list}");
    let deleted = run(at, &["agents", "get", id, "-o", "json"]).json();
    let when = deleted["deleted_at"].as_str().unwrap();
    assert!(list.contains(&when[..10]) && list.contains(&when[11..19]), "{list}");
}

#[test]
fn a_slip_of_the_command_line_is_json_for_programs_and_blames_no_variable() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for words in [&["frob", "-o", "json"][..], &["run", "--output=json"], &["-ojson"], &["-o", "json", "keys"]] {
        let done = run(at, words);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{words:?}");
        let error: serde_json::Value = serde_json::from_str(&done.err).unwrap();
        assert_eq!(error["error"]["code"], "usage", "{words:?}");
        assert!(error["error"]["hint"].as_str().unwrap().contains("--help"), "{error}");
    }
    assert!(run(at, &["-o", "json", "--help"]).ok().starts_with("Deploys"));
    let variables = [("MOLTFORGE_URL", "http://127.0.0.1:9"), ("MOLTFORGE_KEY", "mf_x")];
    let done = moltforge(at, &["run"]).envs(variables).output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(said.contains("Usage: moltforge run <AGENT>") && !said.contains("--server"), "{said}");
    let done = moltforge(at, &["run"]).env("MOLTFORGE_OUTPUT", "json").output().unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&done.stderr).is_ok(), "{done:?}");
    let done = moltforge(at, &["keys", "list"]).env("MOLTFORGE_OUTPUT", "xml").output().unwrap();
    assert!(String::from_utf8(done.stderr).unwrap().contains("invalid value 'xml'"));
}

#[test]
fn doctor_says_where_the_address_is_from() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let mut command = moltforge(at, &["doctor"]);
    let done = command.env("MOLTFORGE_URL", "http://127.0.0.1:9").output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(said.contains("http://127.0.0.1:9 (from: MOLTFORGE_URL)"), "{said}");
    let said = run(at, &["doctor", "--server", "http://127.0.0.1:9"]).out;
    assert!(said.contains("http://127.0.0.1:9 (from: --server)"), "{said}");
}
