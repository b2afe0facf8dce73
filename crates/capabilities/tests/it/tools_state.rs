//! `state.get` against a real store.

use serde_json::{Value, json};

use crate::tools_fetch::Bench;

#[tokio::test]
async fn a_missing_value_is_null_and_a_closed_store_an_error() {
    let bench = Bench::new("tools = [\"state.get\"]\n", &[]).await;
    assert_eq!(bench.call("state.get", &json!({ "key": "k" })).await.unwrap(), Value::Null);
    bench.store.close().await;
    let error = bench.call("state.get", &json!({ "key": "k" })).await.unwrap_err();
    assert_eq!((error.info.code.as_str(), error.outcome_unknown), ("storage_unavailable", false));
    assert_eq!(error.info.message, "state.get could not read the key \"k\"");
}
