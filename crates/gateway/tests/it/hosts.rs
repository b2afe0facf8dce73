//! The names that are served.

use moltforge_gateway::GatewayConfig;

use crate::world::{send, world, world_with};

#[tokio::test]
async fn other_names_are_misdirected() {
    let world = world().await;
    for host in ["evil.example", "127.0.0.1.evil.example:8420", "169.254.169.254", "0.0.0.0:8420"] {
        for path in ["/", "/v1/agents", "/v1/openapi.json", "/docs/errors/key_unknown"] {
            let answer = world.with_key("GET", path).host(host).send().await;
            assert_eq!(answer.refusal(), (421, "host_not_served"), "{host} {path}");
        }
    }
    for host in ["localhost:8420", "[::1]:8420", "127.0.0.1"] {
        assert_eq!(world.with_key("GET", "/v1/agents").host(host).send().await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn configured_names_are_served() {
    let hosts = vec!["forge.lan".to_owned()];
    let world = world_with(GatewayConfig { hosts, ..GatewayConfig::default() }).await;
    assert_eq!(world.with_key("GET", "/v1/agents").host("Forge.LAN:99").send().await.status, 200);
}

#[tokio::test]
async fn a_request_without_a_name_is_served_only_in_process() {
    let world = world().await;
    for (in_process, expected) in [(false, 421), (true, 200)] {
        let mut request = world.with_key("GET", "/v1/agents").into_request();
        request.headers_mut().remove("host");
        if in_process {
            request.extensions_mut().clear();
        }
        assert_eq!(send(&world.router, request).await.status, expected);
    }
}
