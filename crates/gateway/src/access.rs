//! One log line per request: who, what, how it ended, how long it took. Never a query (it may hold a sign-in code), a
//! header or a body.

use http::{Method, StatusCode};
use moltforge_types::{Ambient, Timestamp};

use crate::credentials::Credential;
use crate::peer::Peer;

/// What is known of a request while it is at work.
pub(crate) struct Line {
    began: Timestamp,
    method: Method,
    path: String,
    peer: Peer,
}

impl Line {
    pub(crate) fn begin(ambient: &Ambient, method: Method, path: &str, peer: Peer) -> Self {
        Self { began: ambient.now(), method, path: path.chars().take(500).collect(), peer }
    }

    pub(crate) fn write(
        &self,
        ambient: &Ambient,
        request_id: &str,
        status: StatusCode,
        credential: Option<&Credential>,
    ) {
        let duration_us = u64::try_from(ambient.now().since(self.began).as_micros()).unwrap_or(u64::MAX);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: "moltforge::access",
                    request_id,
                    method = self.method.as_str(),
                    path = self.path,
                    status = status.as_u16(),
                    duration_us,
                    client = self.peer.address.map(tracing::field::display),
                    project_id = credential.map(|credential| credential.project_text.as_str()),
                    actor = credential.map(|credential| credential.actor_text.as_str()),
                    "request"
                )
            };
        }
        // what a part of this program asks follows from a request that has its own line
        if self.peer.in_process { line!(debug) } else { line!(info) }
    }
}
