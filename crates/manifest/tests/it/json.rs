//! The JSON form obeys the same rules.

use moltforge_manifest::{check, content_hash, parse_json, parse_toml};
use serde_json::{Value, json};

fn hello() -> Value {
    json!({ "name": "hello", "kind": "prompt", "model": "scripted", "script": [{ "text": "hi" }] })
}

#[test]
fn faults_have_pointers() {
    let mut body = hello();
    body["modle"] = json!(1);
    body["limits"] = json!({ "wall": "never", "turns": 0, "tokens": "many" });
    body["script"][0]["calls"] = json!([{ "tool": "math.add", "arguments": { "a": null } }]);
    let mut found: Vec<_> = parse_json(&body).unwrap_err();
    found.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    let pointers: Vec<_> = found.iter().map(|fault| fault.pointer.as_str()).collect();
    let expected = ["/limits/tokens", "/limits/turns", "/limits/wall", "/modle", "/script/0/calls/0/arguments/a"];
    assert_eq!(pointers, [expected.as_slice(), &["/script/0/calls/0/tool"]].concat());
    assert!(found.iter().all(|fault| fault.line.is_none() && fault.column.is_none()));
}

#[test]
fn what_is_no_table_is_refused() {
    for body in [json!(null), json!([]), json!("hello"), json!(3), json!({})] {
        assert!(parse_json(&body).is_err(), "{body}");
    }
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!({ "x": deep });
    }
    let mut body = hello();
    body["input_schema"] = deep;
    assert!(parse_json(&body).unwrap_err()[0].message.contains("nested deeper"));
}

#[test]
fn a_value_in_hand_is_checked_alike() {
    let mut config = parse_json(&hello()).unwrap();
    assert_eq!(check(&config), []);
    config.limits.turns = 0;
    config.name = "Hello".to_owned();
    let pointers: Vec<_> = check(&config).into_iter().map(|fault| fault.pointer).collect();
    assert_eq!(pointers, ["/limits/turns", "/name"]);
}

#[test]
fn the_hash_knows_content_and_not_order() {
    let mut swapped = hello();
    swapped["parameters"] = json!({});
    swapped["input_schema"] = json!({ "type": "object", "title": "x" });
    let mut other = json!({ "input_schema": { "title": "x", "type": "object" }, "limits": { "turns": 50 } });
    for (key, value) in hello().as_object().unwrap() {
        other[key] = value.clone();
    }
    let (a, b) = (parse_json(&swapped).unwrap(), parse_json(&other).unwrap());
    assert_eq!(content_hash(&a), content_hash(&b));
    assert_ne!(content_hash(&a), content_hash(&parse_json(&hello()).unwrap()));
    let text = "name = 'hello'\nkind = 'prompt'\nmodel = 'scripted'\nscript = [{ text = 'hi' }]";
    assert_eq!(content_hash(&parse_toml(text).unwrap()), content_hash(&parse_json(&hello()).unwrap()));
}
