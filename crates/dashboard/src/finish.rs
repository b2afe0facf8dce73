//! The last step of every answer: errors become pages, and the headers that keep a browser safe are set.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use moltforge_types::{Fault as _, Kind};

use crate::pages::{View as _, error_page};
use crate::paths::pattern;
use crate::{App, Error, pages, paths};

/// Nothing but our own files, our own addresses and our own forms. No inline script or style exists.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// An error on its way to becoming a page.
#[derive(Clone)]
struct Failed(Arc<Error>);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Failed(Arc::new(self)));
        response
    }
}

/// The middleware around every page.
pub(crate) async fn finish(State(app): State<App>, request: Request, next: Next) -> Response {
    let asked = Asked { page: request.method() == Method::GET, address: request.uri().to_string() };
    let mut response = next.run(request).await;
    if let Some(Failed(error)) = response.extensions_mut().remove::<Failed>() {
        response = asked.answer(&error, &app);
    }
    protect(response.headers_mut());
    response
}

struct Asked {
    page: bool,
    address: String,
}

impl Asked {
    fn answer(&self, error: &Error, app: &App) -> Response {
        if error.kind() == Kind::Unauthenticated {
            let next = if self.page { paths::local(&self.address) } else { pattern::OVERVIEW };
            let to = paths::query(pattern::SIGN_IN, &[("next", next)]);
            return Redirect::to(if next == pattern::OVERVIEW { pattern::SIGN_IN } else { &to }).into_response();
        }
        if error.status().is_server_error() {
            tracing::warn!(code = error.code(), error = error as &dyn std::error::Error, "page failed");
        }
        let view = error_page::Page::of(error);
        pages::respond(&view, &view.frame(), app.config.ambient.now())
    }
}

fn protect(headers: &mut HeaderMap) {
    let fixed: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // `no-referrer` would make the browser send `Origin: null` with our own forms
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.append(header::VARY, HeaderValue::from_static("cookie"));
}

/// A redirect after a form, with the code of what happened.
pub(crate) fn done(to: &str, flash: crate::flash::Flash) -> Response {
    let to = paths::query(to, &[("done", flash.code())]);
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}
