//! Which path goes where, and which creations may be repeated.

use http::Method;

use crate::upstream::Upstream;

/// A service by its prefix.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    prefix: &'static str,
    pub(crate) audience: &'static str,
    pub(crate) upstream: Upstream,
}

/// All services, the longest prefix first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes(Vec<Route>);

impl Routes {
    pub(crate) fn add(&mut self, prefix: &'static str, audience: &'static str, upstream: Upstream) {
        self.0.push(Route { prefix, audience, upstream });
        self.0.sort_by_key(|route| std::cmp::Reverse(route.prefix.len()));
    }

    /// The service of a path: whole segments count, so `/v1/agents` does not take `/v1/agentsmith`.
    pub(crate) fn find(&self, path: &str) -> Option<&Route> {
        self.0
            .iter()
            .find(|route| path.strip_prefix(route.prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }
}

/// What is kept of an answer under an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The answer, to be given again.
    Answer,
    /// That there was one: it holds a secret.
    Fact,
}

/// The creations that the gateway makes safe to repeat. Executions do that themselves, for as long as they exist.
const IDEMPOTENT: [(&str, Keep); 7] = [
    ("/v1/agents", Keep::Answer),
    ("/v1/agents/*/deployments", Keep::Answer),
    ("/v1/agents/*/rollback", Keep::Answer),
    ("/v1/keys", Keep::Fact),
    ("/v1/sign-in-codes", Keep::Fact),
    ("/v1/triggers", Keep::Fact),
    ("/v1/triggers/*/secret", Keep::Fact),
];

/// Whether an idempotency key counts here, and what of the answer is kept.
pub(crate) fn keeps(method: &Method, path: &str) -> Option<Keep> {
    if *method != Method::POST {
        return None;
    }
    IDEMPOTENT.iter().find(|(pattern, _)| fits(pattern, path)).map(|(_, keep)| *keep)
}

fn fits(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some("*"), Some(segment)) if !segment.is_empty() => {}
            (Some(expected), Some(segment)) if expected == segment => {}
            _ => return false,
        }
    }
}

/// By what whoever asks is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// By a key or a session: nearly everything.
    Credentials,
    /// By a key or a code in the body: `POST /v1/sessions`.
    SignIn,
    /// By a token in the body, which the service checks: `POST /v1/approvals/{approval}/callback`.
    Token,
    /// By a signature, which the service checks: `POST /v1/hooks/{trigger}`.
    Signature,
}

/// The entrance of a request.
pub(crate) fn entrance(method: &Method, path: &str) -> Entrance {
    match path {
        _ if *method != Method::POST => Entrance::Credentials,
        "/v1/sessions" => Entrance::SignIn,
        path if fits("/v1/approvals/*/callback", path) => Entrance::Token,
        path if fits("/v1/hooks/*", path) => Entrance::Signature,
        _ => Entrance::Credentials,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_of_whole_segments_wins() {
        let mut routes = Routes::default();
        let upstream = || Upstream::local(axum::Router::new());
        routes.add("/v1/agents", "agents", upstream());
        routes.add("/v1/agents/x", "special", upstream());
        let audience = |path| routes.find(path).map(|route| route.audience);
        assert_eq!(audience("/v1/agents"), Some("agents"));
        assert_eq!(audience("/v1/agents/"), Some("agents"));
        assert_eq!(audience("/v1/agents/xy"), Some("agents"));
        assert_eq!(audience("/v1/agents/x/y"), Some("special"));
        for none in ["/v1/agentsmith", "/v1", "/", "/v1//agents", "/v1/%61gents", "/V1/agents", "//v1/agents"] {
            assert_eq!(audience(none), None, "{none}");
        }
    }

    #[test]
    fn few_paths_need_no_credentials() {
        for (path, entrance) in [
            ("/v1/sessions", Entrance::SignIn),
            ("/v1/hooks/trg_1", Entrance::Signature),
            ("/v1/approvals/apr_1/callback", Entrance::Token),
        ] {
            assert_eq!(super::entrance(&Method::POST, path), entrance, "{path}");
            assert_eq!(super::entrance(&Method::GET, path), Entrance::Credentials, "GET {path}");
        }
        for path in [
            "/v1/sessions/",
            "/v1/hooks",
            "/v1/hooks/",
            "/v1/hooks/a/b",
            "/v1/hooksa/b",
            "/v1/triggers/a",
            "/v1//hooks/a",
            "/v1/approvals/callback",
            "/v1/approvals/a/decision",
            "/v1/approvals//callback",
            "/v1/approvals/a/b/callback",
        ] {
            assert_eq!(entrance(&Method::POST, path), Entrance::Credentials, "{path}");
        }
    }

    #[test]
    fn creations_keep_their_answers() {
        for (path, expected) in [
            ("/v1/agents", Some(Keep::Answer)),
            ("/v1/agents/a/deployments", Some(Keep::Answer)),
            ("/v1/keys", Some(Keep::Fact)),
            ("/v1/agents//deployments", None),
            ("/v1/agents/a/b/deployments", None),
            ("/v1/agents/", None),
            ("/v1/executions", None),
        ] {
            assert_eq!(keeps(&Method::POST, path), expected, "{path}");
        }
        assert_eq!(keeps(&Method::PUT, "/v1/agents"), None);
    }
}
