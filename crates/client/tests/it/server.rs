//! A server that answers as told and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use moltforge_client::Client;
use moltforge_types::Secret;

type Answer = Box<dyn FnOnce(&Request) -> Response + Send>;

/// Answers are used up in order; one too many is a 500.
#[derive(Clone, Default)]
pub(crate) struct Script {
    answers: Arc<Mutex<Vec<Answer>>>,
    asked: Arc<Mutex<Vec<Request<()>>>>,
}

impl Script {
    pub(crate) fn then(self, answer: impl FnOnce(&Request) -> Response + Send + 'static) -> Self {
        self.answers.lock().unwrap().push(Box::new(answer));
        self
    }

    /// Method, path and query of every request so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|r| format!("{} {}", r.method(), r.uri())).collect()
    }

    pub(crate) fn header(&self, request: usize, name: &str) -> Option<String> {
        self.asked.lock().unwrap()[request].headers().get(name).map(|v| v.to_str().unwrap().to_owned())
    }

    pub(crate) fn router(&self) -> Router {
        async fn answer(State(script): State<Script>, request: Request) -> Response {
            let (parts, body) = request.into_parts();
            script.asked.lock().unwrap().push(Request::from_parts(parts.clone(), ()));
            let request = Request::from_parts(parts, body);
            let mut answers = script.answers.lock().unwrap();
            if answers.is_empty() {
                return Response::builder().status(500).body(Body::from("asked too often")).unwrap();
            }
            answers.remove(0)(&request)
        }
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// Listens until the test's runtime ends.
    pub(crate) async fn serve(&self) -> Client {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = self.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Client::remote(&format!("http://{address}"), Some(&Secret::new("mf_test"))).unwrap()
    }
}

pub(crate) fn json(status: u16, body: &serde_json::Value) -> Response {
    Response::builder().status(status).header("content-type", "application/json").body(body.to_string().into()).unwrap()
}

pub(crate) fn problem(status: u16, code: &str, retry_after: Option<u32>) -> Response {
    let body = serde_json::json!({ "type": format!("/docs/errors/{code}"), "title": code, "status": status, "code": code,
        "detail": "what happened", "request_id": "req_1" });
    let mut response = json(status, &body);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}
