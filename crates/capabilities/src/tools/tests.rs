use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

fn set() -> ToolSet {
    let text = r#"
        name = "a"
        kind = "prompt"
        model = "scripted"
        tools = ["math.add", "time.now", "time.sleep", "state.get", "state.set", "state.delete", "signals.wait",
                 "http.fetch", "weather.today", "orders.create", "orders.upsert"]
        hosts = ["api.test", "127.0.0.1:8080"]

        [[tool]]
        name = "weather.today"
        description = "d"
        method = "GET"
        url = "https://api.test/{city}"
        parameters = { type = "object", properties = { city = { type = "string" } }, required = ["city"] }

        [[tool]]
        name = "orders.create"
        description = "d"
        url = "https://api.test/orders"
        parameters = { type = "object" }

        [[tool]]
        name = "orders.upsert"
        description = "d"
        url = "https://api.test/orders"
        effect = "keyed"
        parameters = { type = "object" }
    "#;
    ToolSet::resolve(&toml::from_str(text).unwrap()).unwrap()
}

fn begin(tool: &str, arguments: &str) -> Begin {
    set().begin(tool, arguments, NOW)
}

fn rejected(tool: &str, arguments: &str) -> ErrorInfo {
    match begin(tool, arguments) {
        Begin::Rejected(error) => error,
        other => panic!("{tool} {arguments}: {other:?}"),
    }
}

#[test]
fn local_tools_are_done_at_once() {
    assert_eq!(begin("math.add", r#"{"a":2,"b":3}"#), Begin::Done(json!(5)));
    assert_eq!(begin("time.now", ""), Begin::Done(json!("2023-11-14T22:13:20.000000Z")));
    assert_eq!(begin("time.now", "{}"), begin("time.now", " "));
    for (arguments, wait) in [(r#"{"duration":"10s"}"#, 10.0), (r#"{"duration":2.5}"#, 2.5), (r#"{"duration":0}"#, 0.0)]
    {
        assert_eq!(begin("time.sleep", arguments), Begin::Sleep { until: NOW.plus(Duration::from_secs_f64(wait)) });
    }
    let wait = |until| Begin::AwaitSignal { name: "go".to_owned(), until };
    assert_eq!(begin("signals.wait", r#"{"name":"go"}"#), wait(None));
    let until = Some(NOW.plus(Duration::from_mins(10)));
    assert_eq!(begin("signals.wait", r#"{"name":"go","timeout":"10m"}"#), wait(until));
}

#[test]
fn state_is_written_with_the_entry() {
    let write = |tool: &str, arguments: &str| match begin(tool, arguments) {
        Begin::Write { writes, .. } => writes,
        other => panic!("{other:?}"),
    };
    let writes = write("state.set", r#"{"key":"k","value":{"x":[1]}}"#);
    assert_eq!(writes, [StateWrite { key: "k".to_owned(), value: Some(json!({ "x": [1] })) }]);
    assert_eq!(write("state.set", r#"{"key":"k","value":null}"#)[0].value, Some(Value::Null));
    assert_eq!(write("state.delete", r#"{"key":"k"}"#), [StateWrite { key: "k".to_owned(), value: None }]);
    let value = |length: usize| json!({ "key": "k", "value": "x".repeat(length) }).to_string();
    assert_eq!(write("state.set", &value(64 * 1024 - 2)).len(), 1);
    assert!(rejected("state.set", &value(64 * 1024 - 1)).message.contains("65537 bytes"));
    for key in [String::new(), "k".repeat(201), "a\u{0}".to_owned(), "a\n".to_owned()] {
        rejected("state.set", &json!({ "key": key, "value": 1 }).to_string());
        rejected("state.get", &json!({ "key": key }).to_string());
    }
    write("state.set", &json!({ "key": "ü".repeat(200), "value": 1 }).to_string());
}

#[test]
fn calls_have_the_effect_of_what_they_do() {
    for (tool, arguments, effect) in [
        ("state.get", r#"{"key":"k"}"#, Effect::Read),
        ("http.fetch", r#"{"url":"https://api.test"}"#, Effect::Read),
        ("http.fetch", r#"{"url":"https://api.test","method":"HEAD"}"#, Effect::Read),
        ("http.fetch", r#"{"url":"https://api.test","method":"DELETE"}"#, Effect::AtMostOnce),
        ("weather.today", r#"{"city":"Berlin"}"#, Effect::Read),
        ("orders.create", r#"{"any":1}"#, Effect::AtMostOnce),
        ("orders.upsert", "{}", Effect::Keyed),
    ] {
        let parsed: Value = serde_json::from_str(arguments).unwrap();
        assert_eq!(begin(tool, arguments), Begin::Call { effect, arguments: parsed }, "{tool}");
    }
}

#[test]
fn what_is_refused_says_why() {
    for (tool, arguments, code, text) in [
        ("rm", "{}", "tool_not_found", "there is no tool \"rm\"; there are math.add"),
        ("math.add", "{\"a\":1", "tool_arguments_invalid", "they are not JSON"),
        ("math.add", "not json", "tool_arguments_invalid", "they are not JSON"),
        ("math.add", r#"{"a":1}"#, "tool_arguments_invalid", "\"b\" is a required property"),
        ("math.add", r#"{"a":"1","b":2}"#, "tool_arguments_invalid", "at /a: value is not of type \"number\""),
        ("math.add", r#"{"a":1,"b":2,"c":3}"#, "tool_arguments_invalid", "'c'"),
        ("math.add", "[1,2]", "tool_arguments_invalid", "not of type \"object\""),
        ("math.add", r#"{"a":18446744073709551615,"b":1}"#, "tool_arguments_invalid", "out of range"),
        ("time.sleep", r#"{"duration":"soon"}"#, "tool_arguments_invalid", "expected a duration such as"),
        ("time.sleep", r#"{"duration":-1}"#, "tool_arguments_invalid", "/duration"),
        ("time.sleep", r#"{"duration":1e300}"#, "tool_arguments_invalid", "at most ten years"),
        ("signals.wait", r#"{"name":""}"#, "tool_arguments_invalid", "/name"),
        ("http.fetch", r#"{"url":"x","method":"TRACE"}"#, "tool_arguments_invalid", "/method"),
        ("weather.today", r#"{"city":".."}"#, "tool_arguments_invalid", "segment"),
    ] {
        let error = rejected(tool, arguments);
        assert_eq!(error.code, code, "{tool} {arguments}");
        assert!(error.message.contains(text), "{tool} {arguments}: {}", error.message);
    }
}

#[test]
fn huge_arguments_are_refused_with_few_words() {
    let deep = "[".repeat(100_000);
    let long = format!("{{\"a\":\"{}\",\"b\":1}}", "x".repeat(500_000));
    let huge = " ".repeat(2 * 1024 * 1024);
    let many: String = format!("{{{}}}", (0..5000).map(|n| format!("\"k{n}\":1")).collect::<Vec<_>>().join(","));
    for arguments in [deep, long, huge, many] {
        let error = rejected("math.add", &arguments);
        assert!(error.message.len() < 3000, "{}", error.message.len());
    }
}

#[test]
fn what_is_not_listed_is_not_granted() {
    let text = "name = \"a\"\nkind = \"prompt\"\nmodel = \"scripted\"\ntools = [\"math.add\"]\n";
    let set = ToolSet::resolve(&toml::from_str(text).unwrap()).unwrap();
    assert!(matches!(set.begin("time.now", "{}", NOW), Begin::Rejected(error) if error.code == "tool_not_found"));
    assert_eq!(set.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["math.add"]);
}

#[test]
fn a_set_that_cannot_be_compiled_is_an_error() {
    for rest in [
        "tools = [\"nope\"]",
        "hosts = [\"a b\"]",
        "tools = [\"t\"]\n[[tool]]\nname = \"t\"\ndescription = \"d\"\nurl = \"nope\"\nparameters = { type = \"object\" }",
        "tools = [\"t\"]\n[[tool]]\nname = \"t\"\ndescription = \"d\"\nurl = \"http://a.test\"\nparameters = { type = \"nope\" }",
    ] {
        let text = format!("name = \"a\"\nkind = \"prompt\"\nmodel = \"scripted\"\n{rest}\n");
        assert_eq!(ToolSet::resolve(&toml::from_str(&text).unwrap()).unwrap_err().code, "tools_invalid", "{rest}");
    }
}

proptest! {
    #[test]
    fn no_arguments_panic(tool in 0_usize..11, arguments in prop_oneof!["\\PC{0,60}", "[\\[{\":a-z0-9,}\\]]{0,60}"]) {
        let set = set();
        let name = set.iter().nth(tool).unwrap().name.clone();
        let _ = set.begin(&name, &arguments, NOW);
    }
}

#[test]
fn a_stored_tool_whose_schema_multiplies_is_an_error() {
    let mut defs = serde_json::Map::new();
    for at in 0..27 {
        let next = json!({"$ref": format!("#/$defs/d{}", at + 1)});
        defs.insert(format!("d{at}"), json!({"allOf": [next, next]}));
    }
    defs.insert("d27".to_owned(), json!({}));
    let config = serde_json::from_value(json!({
        "name": "a", "kind": "prompt", "model": "scripted", "tools": ["x.y"],
        "tool": [{
            "name": "x.y", "description": "d", "url": "https://api.test/",
            "parameters": {"type": "object", "$defs": defs, "$ref": "#/$defs/d0"},
        }],
    }))
    .unwrap();
    let error = ToolSet::resolve(&config).unwrap_err();
    assert_eq!(error.code, "tools_invalid");
    assert!(error.message.contains("more than 1000 sub-schemas"), "{error:?}");
}
