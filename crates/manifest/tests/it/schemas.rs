//! Schemas that would stop a server are refused, and quickly; those that people write are not.

use std::time::{Duration, Instant};

use moltforge_manifest::{parse_json, schema};
use serde_json::{Value, json};

/// A chain of definitions, each made of the next one.
fn chain(length: usize, link: impl Fn(Value) -> Value) -> Value {
    let mut defs = serde_json::Map::new();
    for at in 0..length {
        defs.insert(format!("d{at}"), link(json!({"$ref": format!("#/$defs/d{}", at + 1)})));
    }
    defs.insert(format!("d{length}"), json!({"type": "string"}));
    json!({"$defs": defs, "$ref": "#/$defs/d0"})
}

fn refusal(schema: &Value) -> String {
    let begun = Instant::now();
    let error = schema::compile(schema).err().unwrap_or_default();
    assert!(begun.elapsed() < Duration::from_secs(2), "took {:?}", begun.elapsed());
    error
}

#[test]
fn references_that_multiply_are_refused() {
    let twice: [fn(Value) -> Value; 9] = [
        |next| json!({"allOf": [next, next]}),
        |next| json!({"anyOf": [next, next]}),
        |next| json!({"oneOf": [next, {"not": next}]}),
        |next| json!({"if": next, "then": next, "else": next}),
        |next| json!({"dependentSchemas": {"a": next, "b": next}}),
        |next| json!({"dependencies": {"a": next, "b": next}}),
        |next| json!({"properties": {"a": next}, "patternProperties": {"a": next}}),
        |next| json!({"items": next, "contains": next}),
        |next| json!({"unevaluatedProperties": false, "allOf": [next]}),
    ];
    for link in twice {
        let bomb = chain(27, link);
        assert!(bomb.to_string().len() < 4096);
        assert!(refusal(&bomb).contains("more than 1000 sub-schemas"), "{bomb}");
    }
}

#[test]
fn the_place_and_the_reason_are_told() {
    let config = json!({
        "name": "a", "kind": "prompt", "model": "p/m", "instructions": "x",
        "input_schema": chain(27, |next| json!({"allOf": [next, next]})),
    });
    let faults = parse_json(&config).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].pointer.starts_with("/input_schema/$defs/d"), "{faults:?}");
    assert!(faults[0].message.contains("more than 1000 sub-schemas, references followed"), "{faults:?}");
}

#[test]
fn a_schema_that_refers_to_itself_must_go_into_the_value_and_not_multiply() {
    for endless in [
        json!({"$ref": "#"}),
        json!({"anyOf": [{"type": "null"}, {"$ref": "#"}]}),
        json!({"$defs": {"a": {"not": {"$ref": "#/$defs/b"}}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
        json!({"$dynamicAnchor": "node", "allOf": [{"$dynamicRef": "#node"}]}),
    ] {
        assert!(refusal(&endless).contains("same value as itself"), "{endless}");
    }
    let next = json!({"$ref": "#"});
    for multiplied in [
        json!({"properties": {"a": {"allOf": [next, next]}}}),
        json!({"allOf": [{"properties": {"a": next}}, {"properties": {"a": next}}]}),
        json!({"$dynamicAnchor": "node", "items": {"anyOf": [{"$dynamicRef": "#node"}, {"$ref": "#node"}]}}),
    ] {
        assert!(refusal(&multiplied).contains("levels deep"), "{multiplied}");
    }
}

#[test]
fn shared_definitions_and_trees_are_accepted() {
    let address = json!({"type": "object", "properties": {"street": {"$ref": "#/$defs/line"}}, "required": ["street"]});
    let order = json!({
        "$defs": {"line": {"type": "string", "maxLength": 100}, "address": address},
        "type": "object",
        "properties": {
            "from": {"$ref": "#/$defs/address"},
            "to": {"anyOf": [{"$ref": "#/$defs/address"}, {"type": "null"}]},
            "more": {"type": "array", "items": {"$ref": "#/$defs/address"}},
        },
        "unevaluatedProperties": false,
    });
    let validator = schema::compile(&order).unwrap();
    assert!(validator.is_valid(&json!({"from": {"street": "x"}, "to": null, "more": [{"street": "y"}]})));
    assert!(!validator.is_valid(&json!({"from": {"street": 1}})));

    let next = json!({"anyOf": [{"type": "null"}, {"$ref": "#"}]});
    let tree = json!({
        "type": "object",
        "properties": {"left": next, "right": next, "children": {"type": "array", "items": {"$ref": "#"}}},
    });
    let validator = schema::compile(&tree).unwrap();
    let mut value = json!({});
    for _ in 0..60 {
        value = json!({"children": [{"left": value, "right": null}]});
    }
    assert!(validator.is_valid(&value));
    assert!(!validator.is_valid(&json!({"left": {"right": {"children": [1]}}})));

    let words: Vec<String> = (0..5000).map(|at| format!("w{at}")).collect();
    assert!(schema::compile(&json!({"enum": words})).is_ok());
    assert!(schema::compile(&json!({"$defs": {"a b/c%": {}}, "$ref": "#/$defs/a%20b~1c%25"})).is_ok());
    assert!(schema::compile(&json!({"$defs": {"a": {"$anchor": "x"}}, "$ref": "#x"})).is_ok());
}

#[test]
fn a_long_chain_of_references_does_not_exhaust_the_stack() {
    assert!(refusal(&chain(1500, |next| next)).contains("deep"));
    let longest = schema::compile(&chain(590, |next| next)).unwrap();
    assert_eq!(longest.iter_errors(&json!(1)).count(), 1);
    assert!(longest.is_valid(&json!("x")));
    let nested = schema::compile(&chain(290, |next| json!({"anyOf": [next]}))).unwrap();
    assert_eq!(nested.iter_errors(&json!(1)).count(), 1);
    let link = json!({"properties": {"a": {"anyOf": [{"type": "null"}, {"allOf": [{"$ref": "#"}]}]}}});
    let validator = schema::compile(&link).unwrap();
    let mut value = json!(null);
    for _ in 0..127 {
        value = json!({"a": value});
    }
    assert!(validator.is_valid(&value));
    assert_eq!(validator.iter_errors(&value).count(), 0);
}

#[test]
fn a_pattern_takes_linear_time() {
    let text = json!(format!("{}!", "a".repeat(100_000)));
    for pattern in ["^(a+)+$", "^(a|aa)+$", "^(a|a)*b", r"^(\w+\s?)*$", "(.*)*x"] {
        let by_value = schema::compile(&json!({"pattern": pattern})).unwrap();
        let by_name = schema::compile(&json!({"patternProperties": {pattern: false}})).unwrap();
        let begun = Instant::now();
        assert!(!by_value.is_valid(&text), "{pattern}");
        assert!(by_name.is_valid(&json!({text.as_str().unwrap(): 1})), "{pattern}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{pattern}: {:?}", begun.elapsed());
    }
    let both = json!({"unevaluatedProperties": false, "patternProperties": {"^(a+)+$": true}});
    assert!(!schema::compile(&both).unwrap().is_valid(&json!({text.as_str().unwrap(): 1})));
}

#[test]
fn large_and_many_patterns_are_refused() {
    assert!(refusal(&json!({"pattern": "(((a{100}){100}){100}){100}"})).contains("size is limited"));
    assert!(refusal(&json!({"patternProperties": {"((a{999}){999}){99}": true}})).contains("regex"));
    let many: serde_json::Map<String, Value> = (0..101).map(|at| (format!("^{at}$"), json!({}))).collect();
    assert!(refusal(&json!({"patternProperties": many})).contains("more than 100 patterns"));
    assert!(schema::compile(&json!({"pattern": "^[a-z0-9-]{1,63}$"})).is_ok());
    assert!(schema::compile(&json!({"pattern": r"^\w{1,64}$"})).is_ok());
}

#[test]
fn faults_of_a_large_value_are_not_gathered() {
    let all: Vec<Value> = (0..900).map(|at| json!({"type": "string", "minLength": at})).collect();
    let schema = json!({"type": "array", "items": {"allOf": all}});
    let validator = schema::compile(&schema).unwrap();
    let numbers = |count: usize| json!(vec![0; count]);
    let few = schema::errors(&schema, &validator, &numbers(50), 5);
    assert_eq!(few.len(), 5);
    assert_eq!(few[0].0, "/0");
    let begun = Instant::now();
    let many = schema::errors(&schema, &validator, &numbers(400_000), 5);
    assert!(begun.elapsed() < Duration::from_secs(2), "took {:?}", begun.elapsed());
    assert_eq!(many.len(), 1);
    assert!(many[0].1.contains("too large to say where"), "{many:?}");
    let simple = json!({"items": {"type": "integer"}});
    let validator = schema::compile(&simple).unwrap();
    assert!(schema::errors(&simple, &validator, &numbers(400_000), 5).is_empty());
    let mut one_wrong = vec![json!(1); 20_000];
    one_wrong[12_345] = json!("x");
    assert_eq!(schema::errors(&simple, &validator, &json!(one_wrong), 5)[0].0, "/12345");
}

#[test]
fn the_refusal_of_a_stored_schema_says_where() {
    let error = refusal(&chain(27, |next| json!({"allOf": [next, next]})));
    assert!(error.starts_with("at /$defs/d"), "{error}");
}
