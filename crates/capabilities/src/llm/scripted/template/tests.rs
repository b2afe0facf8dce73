use proptest::prelude::*;
use serde_json::json;

use super::*;

fn scope<'r>(input: &'r Value, messages: &'r [Arc<Message>]) -> Scope<'r> {
    Scope::new(input, messages, 3)
}

fn tool(content: &str) -> Arc<Message> {
    Arc::new(Message::Tool { call_id: "c".to_owned(), tool: "t".to_owned(), content: content.to_owned() })
}

fn render(template: &str) -> Result<String, String> {
    let input = json!({ "name": "Ada", "n": 1.5, "list": [1, { "a b": true }], "none": null });
    let user = Arc::new(Message::User { text: "hi".to_owned() });
    let messages = [tool("0"), user, tool("5"), tool("{\"x\":[1]}"), tool("plain")];
    Text::compile(template)?.render(&scope(&input, &messages))
}

#[test]
fn places_are_filled() {
    for (template, text) in [
        ("no places } { here }}", "no places } { here }}"),
        ("Hello {{ input.name }}!", "Hello Ada!"),
        ("{{input.n}}{{ turn }}", "1.53"),
        ("{{ input.list }} {{ input.none }}", "[1,{\"a b\":true}] null"),
        ("{{ input.list[1][\"a b\"] }}", "true"),
        ("{{ tools[0] }}, {{ tools[1].x[0] }}, {{ tools[2] }}", "5, 1, plain"),
        ("{{ tools }}", "[5,{\"x\":[1]},\"plain\"]"),
        ("{{ \"{{ input }}\" }}", "{{ input }}"),
        ("{{ input.none or 0 }} {{ input.nmae or [1] }} {{ tools[9].x or \"a or b\" }}", "0 [1] a or b"),
        (
            "{{ input.name or 0 }} {{ input or 1.5 }}{{ turn or 0 }}",
            "Ada {\"name\":\"Ada\",\"n\":1.5,\"list\":[1,{\"a b\":true}],\"none\":null}3",
        ),
    ] {
        assert_eq!(render(template).as_deref(), Ok(text), "{template}");
    }
}

#[test]
fn faults_are_named() {
    for (template, fault) in [
        ("{{ input.nmae }}", "{{ input.nmae }} is undefined: there is no \"nmae\""),
        ("{{ tools[3] }}", "there is no [3]"),
        ("{{ input.name.x }}", "there is no \"x\""),
        ("{{ turn.x }}", "there is no \"x\""),
        ("{{ imput }}", "there is no \"imput\""),
        ("{{ input | upper }}", "there is no \"input | upper\""),
        ("{{ input.name | upper }}", "cannot be read"),
        ("{{ input. }}", "cannot be read"),
        ("{{ input[-1] }}", "cannot be read"),
        ("{{ input.none or }}", "cannot be read"),
        ("{{ input.none or nothing }}", "what follows `or` is not JSON"),
        ("{{ input.none or 0 or 1 }}", "what follows `or` is not JSON"),
        ("{{ input", "not closed"),
        ("{{ }}", "there is no \"\""),
    ] {
        let error = render(template).unwrap_err();
        assert!(error.contains(fault), "{template}: {error}");
    }
}

#[test]
fn a_whole_place_keeps_its_type() {
    let input = json!({ "n": 5 });
    let scope = scope(&input, &[]);
    assert_eq!(Text::compile("{{ input.n }}").unwrap().value(&scope), Ok(json!(5)));
    assert_eq!(Text::compile(" {{ input.n }}").unwrap().value(&scope), Ok(json!(" 5")));
    assert_eq!(Text::compile("{{ turn }}").unwrap().value(&scope), Ok(json!(3)));
    assert_eq!(Text::compile("{{ tools[0] or 0 }}").unwrap().value(&scope), Ok(json!(0)));
}

#[test]
fn what_it_gives_is_limited() {
    let input = Value::String("x".repeat(MAX_RENDERED / 2 + 1));
    let scope = scope(&input, &[]);
    assert!(Text::compile("{{ input }}").unwrap().render(&scope).is_ok());
    assert!(Text::compile(&"{{ input }}".repeat(1000)).unwrap().render(&scope).is_err());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "([a-z .\\[\\]\"{}]|\\{\\{|\\}\\}|input|tools|\\PC){0,20}") {
        let input = json!({ "a": 1 });
        if let Ok(template) = Text::compile(&text) {
            let _ = template.render(&scope(&input, &[]));
        }
    }

    #[test]
    fn text_without_places_is_itself(text in "[^{]*") {
        prop_assert_eq!(render(&text), Ok(text));
    }
}
