use std::sync::Mutex;

use moltforge_types::{ExecutionId, Id as _, ProjectId};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::tools::ToolSet;

fn config(script: &str) -> Arc<AgentConfig> {
    let head = "name = \"a\"\nkind = \"prompt\"\nmodel = \"scripted\"\ninstructions = \"12345678\"\n";
    Arc::new(toml::from_str(&format!("{head}{script}")).unwrap())
}

fn request(config: &Arc<AgentConfig>, turn: u32, input: Value, messages: Vec<Message>) -> ModelRequest {
    ModelRequest {
        project_id: ProjectId::from_u128(1),
        execution_id: ExecutionId::from_u128(1),
        step: turn,
        turn,
        config: config.clone(),
        input: Arc::new(input),
        messages: messages.into_iter().map(Arc::new).collect(),
        tools: Arc::new(ToolSet::default()),
    }
}

const SCRIPT: &str = r#"
[[script]]
text = "adding"
calls = [
    { tool = "math.add", arguments = { a = "{{ input.a }}", b = 2, nested = { list = ["{{ turn }}", "n{{ turn }}"] } } },
    { tool = "time.now" },
]
repeat = 2
[[script]]
text = "sum {{ tools[0] }}"
"#;

#[tokio::test]
async fn replies_come_by_turn() {
    let (model, config) = (Scripted::default(), config(SCRIPT));
    let ask = |turn: u32, messages: Vec<Message>| {
        model.complete(request(&config, turn, json!({ "a": 1 }), messages), ChunkSink::none())
    };
    let second = ask(2, vec![Message::User { text: "1234".to_owned() }]).await.unwrap();
    let calls: Vec<(&str, &str, &str)> =
        second.tool_calls.iter().map(|c| (c.call_id.as_str(), c.tool.as_str(), c.arguments.as_str())).collect();
    let arguments = r#"{"a":1,"b":2,"nested":{"list":[2,"n2"]}}"#;
    assert_eq!(calls, [("call_2_1", "math.add", arguments), ("call_2_2", "time.now", "{}")]);
    assert_eq!(second, ask(2, vec![Message::User { text: "1234".to_owned() }]).await.unwrap());
    assert_eq!((second.usage.input_tokens, second.usage.cached_tokens), (1, 0));

    let result = Message::Tool { call_id: "x".to_owned(), tool: "math.add".to_owned(), content: "3".to_owned() };
    assert_eq!(ask(3, vec![result]).await.unwrap().text, "sum 3");
    assert_eq!(ask(4, Vec::new()).await.unwrap_err().code(), "script_exhausted");
    assert_eq!(ask(3, Vec::new()).await.unwrap_err().code(), "script_template_failed");
}

#[tokio::test(start_paused = true)]
async fn a_delay_streams_the_text_over_its_time() {
    let (model, config) = (Scripted::default(), config("[[script]]\ntext = \"{{ input }}\"\ndelay = \"2s\"\n"));
    let text = "ein süßes, längeres Wort — ".repeat(20);
    let pieces = Arc::new(Mutex::new(Vec::new()));
    let (sink, start) = (pieces.clone(), Instant::now());
    let chunks = ChunkSink::new(move |piece| sink.lock().unwrap().push((start.elapsed(), piece.to_owned())));
    let reply = model.complete(request(&config, 1, json!(text), Vec::new()), chunks).await.unwrap();
    let pieces = pieces.lock().unwrap();
    assert_eq!(reply.text, text);
    assert_eq!(pieces.iter().map(|(_, piece)| piece.as_str()).collect::<String>(), text);
    assert!(pieces.len() > 10 && pieces.len() <= MAX_PIECES, "{}", pieces.len());
    assert!(pieces[0].0 < Duration::from_millis(200));
    let end = pieces[pieces.len() - 1].0;
    assert!(end > Duration::from_millis(1900) && end < Duration::from_millis(2100), "{end:?}");
}

#[tokio::test]
async fn scripts_are_compiled_once_for_each_configuration_and_forgotten() {
    let model = Scripted::default();
    for n in 0..MAX_SCRIPTS + 50 {
        let config = config(&format!("[[script]]\ntext = \"{n}\"\n"));
        for _ in 0..2 {
            let reply = model.complete(request(&config, 1, Value::Null, Vec::new()), ChunkSink::none()).await.unwrap();
            assert_eq!(reply.text, n.to_string());
        }
    }
    assert!(model.scripts.lock().unwrap().len() <= MAX_SCRIPTS);
}

#[tokio::test]
async fn a_wrong_template_says_where() {
    let (model, config) =
        (Scripted::default(), config("[[script]]\ntext = \"a\"\n[[script]]\ntext = \"{{ inptu }}\"\n"));
    let error = model.complete(request(&config, 1, Value::Null, Vec::new()), ChunkSink::none()).await.unwrap_err();
    assert!(error.to_string().starts_with("script, reply 2: {{ inptu }}"), "{error}");
}

#[test]
fn pieces_keep_characters_whole() {
    for text in ["", "a", "ab", "äöüß", "日本語テキスト", &"x".repeat(1000)] {
        for most in [1, 2, 3, 40] {
            let cut = pieces(text, most);
            assert!(cut.len() <= most && !cut.is_empty(), "{text} {most}");
            assert_eq!(cut.concat(), text);
        }
    }
}
