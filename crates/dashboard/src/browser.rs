//! Who is asking: the browser's own headers, handed on to the API, which alone decides what they are worth.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::header::{COOKIE, HOST, HeaderName, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Uri};
use moltforge_client::Client;
use moltforge_types::{Ambient, RequestId, Timestamp};

use crate::App;
use crate::flash::Flash;

/// What the API needs to know a browser's session, to refuse another site's requests, and to count failures per client.
/// The last one is the gateway's own word: it replaces what a client says.
const FORWARDED: [HeaderName; 5] =
    [COOKIE, ORIGIN, HOST, HeaderName::from_static("sec-fetch-site"), HeaderName::from_static("x-forwarded-for")];

/// One request of a browser.
pub(crate) struct Browser {
    /// The API, as this browser.
    pub(crate) client: Client,
    /// When the request came.
    pub(crate) now: Timestamp,
    /// The address that people use, without a trailing slash.
    pub(crate) base_url: String,
    /// What just happened, when the address says so.
    pub(crate) flash: Option<Flash>,
    ambient: Ambient,
}

impl Browser {
    /// A key for a form that starts something: sent twice, it starts once.
    pub(crate) fn form_key(&self) -> String {
        self.ambient.id::<RequestId>().to_string()
    }
}

impl FromRequestParts<App> for Browser {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let mut headers = HeaderMap::new();
        for name in FORWARDED {
            for value in parts.headers.get_all(&name) {
                headers.append(name.clone(), value.clone());
            }
        }
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1:8420");
        let base_url = app.config.public_url.clone().unwrap_or_else(|| format!("http://{host}"));
        Ok(Self {
            client: Client::in_process(app.api.clone(), headers),
            now: app.config.ambient.now(),
            base_url: base_url.trim_end_matches('/').to_owned(),
            flash: flash(&parts.uri),
            ambient: app.config.ambient.clone(),
        })
    }
}

fn flash(uri: &Uri) -> Option<Flash> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("done=")).and_then(Flash::from_code)
}
