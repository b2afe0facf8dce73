//! What a body may be.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::post as post_route;
use http::StatusCode;
use moltforge_http::Json;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::{ask, post};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outer {
    name: String,
    #[serde(default)]
    inner: Vec<Inner>,
    #[serde(default)]
    free: Value,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    count: u32,
}

fn router() -> Router {
    Router::new().route("/", post_route(|Json(body): Json<Outer>| async { Json(body) }))
}

async fn refused(body: impl Into<Body>, status: u16, code: &str) -> Value {
    let (got, problem) = ask(&router(), post(body)).await;
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(got.as_u16(), status);
    assert_eq!(problem["status"], status);
    assert_eq!(problem["type"], format!("/docs/errors/{code}"));
    problem
}

#[tokio::test]
async fn a_good_body_comes_back() {
    let body = json!({"name": "é \u{1F600}", "inner": [{"count": 1}], "free": {"a": [1, 2.5, null, true, -3]}});
    let (status, answer) = ask(&router(), post(body.to_string())).await;
    assert_eq!((status, answer), (StatusCode::OK, body));
}

#[tokio::test]
async fn the_media_type_matters() {
    for (media_type, good) in [
        ("application/json", true),
        ("Application/JSON; charset=utf-8", true),
        ("application/merge-patch+json", true),
        ("text/plain", false),
        ("application/x-www-form-urlencoded", false),
        ("", false),
    ] {
        let request = Request::post("/").header("content-type", media_type).body(r#"{"name":"a"}"#.into()).unwrap();
        let (status, problem) = ask(&router(), request).await;
        if good {
            assert_eq!(status, 200, "{media_type}");
        } else {
            assert_eq!((status.as_u16(), &problem["code"]), (415, &json!("media_type_unsupported")), "{media_type}");
        }
    }
}

#[tokio::test]
async fn size_is_limited_whether_announced_or_not() {
    let fits = format!(r#"{{"name":"{}"}}"#, "a".repeat(1024 * 1024 - 11));
    assert_eq!(fits.len(), 1024 * 1024);
    assert_eq!(ask(&router(), post(fits.clone())).await.0, 200);
    refused(format!("{fits} "), 413, "body_too_large").await;
    let chunks = (0..1100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024]));
    refused(Body::from_stream(futures::stream::iter(chunks)), 413, "body_too_large").await;
    let announced = Request::post("/")
        .header("content-type", "application/json")
        .header("content-length", "99999999999")
        .body(Body::from("{}"))
        .unwrap();
    assert_eq!(ask(&router(), announced).await.0, 413);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_named_so() {
    let chunks = [Ok(b"{".to_vec()), Err(std::io::Error::other("gone"))];
    refused(Body::from_stream(futures::stream::iter(chunks)), 400, "body_incomplete").await;
}

#[tokio::test]
async fn depth_is_limited_before_anything_is_built() {
    let nested = |levels: usize| {
        format!(r#"{{"name":"a","free":{}1{}}}"#, r#"{"a":["#.repeat(levels / 2), "]}".repeat(levels / 2))
    };
    assert_eq!(ask(&router(), post(nested(62))).await.0, 200);
    refused(nested(64), 422, "body_too_deep").await;
    refused("[".repeat(1_000_000), 422, "body_too_deep").await;
    refused(r#"{"a":"#.repeat(200_000), 422, "body_too_deep").await;
}

#[tokio::test]
async fn broken_json_says_line_and_column() {
    let problem = refused("{\n  \"name\": x\n}", 400, "body_malformed").await;
    assert!(problem["detail"].as_str().unwrap().contains("line 2, column 11"), "{problem}");
    for bad in [
        "",
        " ",
        "{",
        "{}{}",
        r#"{"name":"a"} x"#,
        r#"{"name":"\ud800"}"#,
        "{\"name\":\"\t\"}",
        r#"{"name":1e999}"#,
        r#"{"name":"a",}"#,
        "{'name':1}",
        "NaN",
    ] {
        refused(bad, 400, "body_malformed").await;
    }
    refused(b"{\"name\":\"\xff\"}".to_vec(), 400, "body_malformed").await;
    refused(b"{\"name\":\"a\0b\"}".to_vec(), 400, "body_malformed").await;
}

#[tokio::test]
async fn wrong_shapes_are_pointed_at() {
    for (body, pointer) in [
        (r#"{"name":"a","inner":[{"count":1},{"count":"x"}]}"#, "/inner/1/count"),
        (r#"{"name":"a","inner":[{"count":-1}]}"#, "/inner/0/count"),
        (r#"{"name":"a","inner":[{"count":1,"more":2}]}"#, "/inner/0/more"),
        (r#"{"name":"a","extra":1}"#, "/extra"),
        (r#"{"name":"a","a/b~c":1}"#, "/a~1b~0c"),
        (r#"{"inner":[]}"#, ""),
        ("[]", ""),
        (r#"["a",[],1]"#, ""),
        ("3", ""),
    ] {
        let problem = refused(body, 422, "body_invalid").await;
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}: {problem}");
    }
}

#[tokio::test]
async fn a_key_twice_is_refused_at_every_level() {
    for (body, pointer) in [
        (r#"{"name":"a","name":"b"}"#, "/name"),
        (r#"{"name":"a","free":{"x":{"k":1,"k":2}}}"#, "/free/x/k"),
        (r#"{"name":"a","free":[{"k":1,"\u006b":2}]}"#, "/free/0/k"),
    ] {
        let problem = refused(body, 422, "body_invalid").await;
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}: {problem}");
    }
    let many: Vec<String> = (0..1000).map(|n| format!("\"k{n}\":1")).collect();
    let distinct = format!(r#"{{"name":"a","free":{{{}}}}}"#, many.join(","));
    assert_eq!(ask(&router(), post(distinct)).await.0, 200);
    let repeated = format!(r#"{{"name":"a","free":{{{},"k7":2,"k999":3}}}}"#, many.join(","));
    let problem = refused(repeated, 422, "body_invalid").await;
    assert_eq!(problem["errors"][0]["pointer"], "/free/k7");
}

#[tokio::test]
async fn nul_is_refused_in_texts_and_keys() {
    for (body, pointer) in
        [(r#"{"name":"a\u0000b"}"#, "/name"), (r#"{"name":"a","free":["x",{"y":"\u0000"}]}"#, "/free/1/y")]
    {
        let problem = refused(body, 422, "text_has_nul").await;
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
    }
    refused(r#"{"name":"a","free":{"\u0000":1}}"#, 422, "text_has_nul").await;
    let escaped_backslash = r#"{"name":"a\\u0000b"}"#;
    assert_eq!(ask(&router(), post(escaped_backslash)).await.0, 200);
}
