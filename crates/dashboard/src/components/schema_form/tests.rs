use serde_json::{Value, json};

use super::*;

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["city", "days"],
        "properties": {
            "city": {"type": "string", "title": "City", "minLength": 1, "maxLength": 80},
            "days": {"type": "integer", "minimum": 1, "maximum": 14, "default": 3},
            "unit": {"enum": ["celsius", "fahrenheit"]},
            "tags": {"type": "array", "items": {"type": "string"}},
            "loud": {"type": "boolean"},
            "a/b": {"type": "number"},
            "who": {"type": "object", "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}}},
        }
    })
}

fn typed(pairs: &[(&str, &str)]) -> Typed {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn every_kind_has_its_input() {
    let list = read(&schema()).unwrap();
    let page = fields(&list, None, &[]).into_string();
    for part in [
        r#"name="input/city" type="text" value="" required minlength="1" maxlength="80""#,
        r#"name="input/days" type="number" inputmode="numeric" step="1" value="3" min="1" max="14" required"#,
        r#"<select id="f-input-unit""#,
        r#"<option value="&quot;celsius&quot;">celsius</option>"#,
        r#"<label for="f-input-tags">tags (optional)</label>"#,
        r#"type="checkbox" value="true""#,
        r#"name="input/who/name""#,
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

#[test]
fn what_was_typed_becomes_the_input() {
    let list = read(&schema()).unwrap();
    let form = typed(&[
        ("input/city", "Köln"),
        ("input/days", "2"),
        ("input/unit", "\"celsius\""),
        ("input/tags", "a\r\n\r\n b \r\n"),
        ("input/loud", "true"),
        ("input/a~1b", "1.5"),
        ("input/who/address", "{\"street\": 1}"),
    ]);
    let expected = json!({"city": "Köln", "days": 2, "unit": "celsius", "tags": ["a", "b"], "loud": true, "a/b": 1.5,
        "who": {"address": {"street": 1}}});
    assert_eq!(collect(&list, &form).unwrap(), expected);
}

#[test]
fn empty_optional_fields_are_left_out() {
    let list = read(&schema()).unwrap();
    let form = typed(&[("input/city", ""), ("input/days", "1"), ("input/unit", "")]);
    assert_eq!(collect(&list, &form).unwrap(), json!({"city": "", "days": 1, "loud": false}));
}

#[test]
fn nonsense_comes_back_at_its_field() {
    let list = read(&schema()).unwrap();
    let form = typed(&[("input/city", "x"), ("input/days", "1.5"), ("input/who/address", "{")]);
    let problems = collect(&list, &form).unwrap_err();
    let pointers: Vec<_> = problems.iter().map(|p| p.pointer.as_str()).collect();
    assert_eq!(pointers, ["/input/days", "/input/who/address"]);
    let page = fields(&list, Some(&form), &problems).into_string();
    assert!(page.contains(r#"value="1.5""#) && page.contains(r#"id="f-input-days-error""#), "{page}");
}

#[test]
fn what_a_form_cannot_say_is_json() {
    assert_eq!(read(&json!({"type": "array", "items": {}})), None);
    assert_eq!(read(&json!(true)), None);
    let many: serde_json::Map<_, _> = (0..100).map(|n| (format!("p{n}"), json!({"type": "string"}))).collect();
    assert_eq!(read(&json!({"type": "object", "properties": many})), None);
    let deep = json!({"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {"type": "object",
        "properties": {"c": {"type": "object", "properties": {"d": {"type": "string"}}}}}}}}});
    let list = read(&deep).unwrap();
    assert!(fields(&list, None, &[]).into_string().contains(r#"name="input/a/b/c""#));
}
