//! The commands about approvals, effects and triggers, against a development server.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};

use crate::process::{Dev, run};

const CAREFUL: &str = "name = \"careful\"\nkind = \"prompt\"\nmodel = \"scripted\"\ntools = [\"math.add\"]\n\
    [[approvals]]\ntools = [\"math.add\"]\n[[script]]\n\
    calls = [{ tool = \"math.add\", arguments = { a = 1, b = 2 } }]\n[[script]]\ntext = \"{{ tools[0] }}\"\n";

/// Starts one that asks, and gives its id and that of its approval.
fn asked(at: &Path) -> (String, String) {
    let done = run(at, &["run", "careful", "--wait", "20", "-o", "json"]);
    let execution: Value = serde_json::from_str(&done.out).unwrap_or_else(|e| panic!("{e}: {}", done.err));
    assert_eq!((done.code, execution["state"].as_str()), (4, Some("suspended")), "{}", done.err);
    let id = execution["execution_id"].as_str().unwrap().to_owned();
    let waiting = run(at, &["approvals", "list", "--execution", &id, "-o", "json"]).json();
    (id, waiting[0]["approval_id"].as_str().unwrap().to_owned())
}

fn output(at: &Path, id: &str) -> String {
    run(at, &["executions", "events", id, "--follow"]).ok()
}

#[test]
fn a_call_is_looked_at_edited_and_decided_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let _dev = Dev::start(at, &[]);
    fs::write(at.join("careful.toml"), CAREFUL).unwrap();
    run(at, &["deploy", "careful.toml"]).ok();
    assert!(run(at, &["approvals"]).ok().contains("no call waits for a person"));
    let hint = run(at, &["run", "careful", "--wait", "20"]).err;
    assert!(hint.contains("hint: moltforge approvals list --execution exe_"), "{hint}");

    let (execution, approval) = asked(at);
    let list = run(at, &["approvals"]).ok();
    assert!(list.contains(&approval) && list.contains(r#"math.add({"a":1,"b":2})"#), "{list}");
    let shown = run(at, &["approvals", "get", &approval]).ok();
    for line in ["arguments   {\"a\":1,\"b\":2}", "who         anybody", "then it is rejected"] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let call =
        run(at, &["approvals", "get", &approval, "-o", "json"]).json()["call_sha256"].as_str().unwrap().to_owned();
    for (edit, code, said) in [("{\"a\":", 2, "argument_invalid"), ("{\"a\":\"x\"}", 1, "field_invalid")] {
        let refused = run(at, &["approvals", "approve", &approval, "--edit", edit]);
        assert!(refused.code == code && refused.err.contains(said), "{}", refused.err);
        assert_eq!(refused.err.matches("the arguments of math.add").count(), usize::from(code == 1), "said once");
    }
    let stale = run(at, &["approvals", "approve", &approval, "--call", "0123456789"]);
    assert!(stale.code == 1 && stale.err.contains("approval_changed"), "{}", stale.err);
    let approve =
        ["approvals", "approve", &approval, "--edit", r#"{"a":40,"b":2}"#, "--call", &call[..12], "-n", "more"];
    assert!(run(at, &approve).ok().contains("approved"));
    assert!(output(at, &execution).contains("\"result\":42"));
    let shown = run(at, &["approvals", "get", &approval]).ok();
    assert!(shown.contains(r#"edited to   {"a":40,"b":2}"#) && shown.contains("note        more"), "{shown}");
    let late = run(at, &["approvals", "reject", &approval]);
    assert!(late.code == 1 && late.err.contains("approval_decided"), "{}", late.err);

    let (execution, approval) = asked(at);
    assert!(run(at, &["approvals", "reject", &approval, "--note", "not now"]).ok().contains("rejected"));
    assert!(output(at, &execution).contains("not now"));
    let all = run(at, &["approvals", "list", "--state", "all", "-o", "json"]).json();
    assert_eq!(all.as_array().unwrap().len(), 3, "{all}");
}

#[test]
fn an_effect_is_listed_and_decided() {
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
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
         description = \"Pays\"\nurl = \"http://{place}/pay\"\n[tool.parameters]\ntype = \"object\"\n[[script]]\n\
         calls = [{{ tool = \"pay.now\" }}]\n[[script]]\ntext = \"{{{{ tools[0].paid }}}}\"\n"
    );
    fs::write(at.join("payer.toml"), text).unwrap();
    run(at, &["deploy", "payer.toml"]).ok();
    let held = run(at, &["run", "payer", "--wait", "20", "-o", "json"]);
    let execution: Value = serde_json::from_str(&held.out).unwrap();
    let id = execution["execution_id"].as_str().unwrap();
    let list = run(at, &["effects", id]).ok();
    for word in ["pay.now", "at_most_once", "unknown"] {
        assert!(list.contains(word), "{word}: {list}");
    }
    let effects = run(at, &["effects", id, "-o", "json"]).json();
    assert_eq!(effects["items"][0]["attempts"], 1, "{effects}");
    let probe = run(at, &["effects", id, "probe", "2"]);
    assert!(probe.code == 1 && probe.err.contains("effect_not_probed"), "{}", probe.err);
    let decide = ["effects", id, "decide", "2", "succeed", "--result", r#"{"paid": 7}"#, "-n", "seen"];
    assert!(run(at, &decide).ok().contains("succeed by key_"));
    assert_eq!(output(at, id).trim(), "7");
    let again = run(at, &["effects", id, "decide", "2", "fail"]);
    assert_eq!(again.code, 1, "{}", again.err);
    assert_eq!(run(at, &["effects", id, "decide", "2", "perhaps"]).code, 2);
}

#[test]
fn triggers_are_made_held_fired_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let _dev = Dev::start(at, &[]);
    run(at, &["init", "decider", "--template", "waiter"]).ok();
    run(at, &["deploy", "decider"]).ok();
    assert!(run(at, &["triggers"]).ok().contains("no triggers"));
    let create = |args: &[&str]| {
        let mut all = vec!["triggers", "create", "decider"];
        all.extend(args);
        run(at, &all)
    };
    let berlin =
        ["--schedule", "0 9 29 2 *", "--timezone", "Europe/Berlin", "--input", r#"{"topic":"tea"}"#, "-o", "json"];
    let made = create(&berlin).json();
    let id = made["trigger"]["trigger_id"].as_str().unwrap();
    let shown = run(at, &["triggers", "get", id]).ok();
    for line in ["fired by    0 9 29 2 * Europe/Berlin", r#"input       {"topic":"tea"}"#, "it has not fired yet"] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let fire = |key: &str| run(at, &["triggers", "fire", id, "--idempotency-key", key, "-o", "json"]).json();
    let (first, second) = (fire("a"), fire("a"));
    assert_eq!((&first["state"], &first["execution_id"]), (&json!("started"), &second["execution_id"]));
    assert!(run(at, &["triggers", "pause", id]).ok().contains("paused"));
    assert!(run(at, &["triggers"]).ok().contains("paused"));
    assert!(run(at, &["triggers", "resume", id]).ok().contains("active"));
    assert_eq!(run(at, &["triggers", "get", id, "-o", "json"]).json()["fires"].as_array().unwrap().len(), 1);

    let webhook = create(&["--webhook"]);
    assert!(webhook.err.contains("only time that the secret is shown"), "{}", webhook.err);
    assert!(webhook.ok().contains("whsec_"));
    assert!(create(&["--topic", "shop", "--name", "on-shop"]).ok().contains("on-shop"));
    for (args, code, said) in [
        (&["--schedule", "61 * * * *"][..], 1, "/config/schedule"),
        (&["--webhook"][..], 1, "trigger_name_taken"),
        (&["--schedule", "@daily", "--event", "a"][..], 2, "cannot be used with"),
        (&["--webhook", "--filter", "{}"][..], 2, "cannot be used with"),
        (&[][..], 2, "required"),
    ] {
        let refused = create(args);
        assert!(refused.code == code && refused.err.contains(said), "{args:?}: {}", refused.err);
    }
    assert!(run(at, &["triggers", "delete", id]).ok().contains("deleted"));
    assert_eq!(run(at, &["triggers", "list", "--limit", "1", "-o", "json"]).json().as_array().unwrap().len(), 1);
    let gone = run(at, &["triggers", "get", id]);
    assert!(gone.code == 1 && gone.err.contains("trigger_not_found"), "{}", gone.err);
}
