//! Query strings and paths.

use axum::Router;
use axum::routing::get as get_route;
use moltforge_http::{Json, Path, Query};
use moltforge_types::ExecutionId;
use serde::{Deserialize, Serialize};

use crate::support::{ask, get};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    #[serde(default)]
    limit: Option<u32>,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct Place {
    execution: ExecutionId,
    step: u32,
}

fn router() -> Router {
    Router::new()
        .route("/", get_route(|Query(filter): Query<Filter>| async { Json(filter) }))
        .route("/{execution}", get_route(|Path(id): Path<ExecutionId>| async move { Json(id.to_string()) }))
        .route(
            "/{execution}/steps/{step}",
            get_route(|Path(place): Path<Place>| async move { Json((place.execution.to_string(), place.step)) }),
        )
        .route(
            "/pairs/{execution}/{step}",
            get_route(|Path((id, step)): Path<(String, u32)>| async move { Json((id, step)) }),
        )
        .route("/numbers/{step}", get_route(|Path(step): Path<u32>| async move { Json(step) }))
        .route("/names/{name}", get_route(|Path(name): Path<String>| async move { Json(name) }))
}

#[tokio::test]
async fn query_strings() {
    let (status, answer) = ask(&router(), get("/?limit=3&name=a%20b")).await;
    assert_eq!((status.as_u16(), &answer["limit"], &answer["name"]), (200, &3.into(), &"a b".into()));
    for (query, code) in [
        ("limit=x", "query_invalid"),
        ("limit=-1", "query_invalid"),
        ("limit=99999999999", "query_invalid"),
        ("other=1", "query_invalid"),
        ("limit=1&limit=2", "query_invalid"),
        ("name=a%00b", "text_has_nul"),
    ] {
        let (status, problem) = ask(&router(), get(&format!("/?{query}"))).await;
        assert!(status.is_client_error());
        assert_eq!(problem["code"], code, "{query}");
    }
}

#[tokio::test]
async fn paths() {
    let id = "exe_01h455vb4pex5vsknk084sn02q";
    assert_eq!(ask(&router(), get(&format!("/{id}"))).await.1, id);
    assert_eq!(ask(&router(), get(&format!("/{id}/steps/3"))).await.1, serde_json::json!([id, 3]));
    for bad in ["agt_01h455vb4pex5vsknk084sn02q", "exe_1", "x", "exe_01H455VB4PEX5VSKNK084SN02Q"] {
        let (status, problem) = ask(&router(), get(&format!("/{bad}"))).await;
        assert_eq!((status.as_u16(), &problem["code"]), (400, &"path_invalid".into()), "{bad}");
        assert!(problem["detail"].as_str().unwrap().contains("exe_01h455vb4pex5vsknk084sn02q"), "{problem}");
    }
    for path in [format!("/{id}/steps/x"), format!("/pairs/{id}/x"), "/numbers/x".to_owned()] {
        let problem = ask(&router(), get(&path)).await.1;
        assert_eq!(problem["code"], "path_invalid");
        let detail = "the path does not fit: step: expected a whole number from 0 to 4294967295, got \"x\"";
        assert_eq!(problem["detail"], detail);
    }
    assert_eq!(ask(&router(), get("/names/a%00b")).await.1["code"], "text_has_nul");
    assert_eq!(ask(&router(), get("/names/%ff")).await.1["code"], "path_invalid");
}
