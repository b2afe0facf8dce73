//! Signing in to the dashboard, and what a browser may do.

use crate::world::{World, worlds};

worlds! { a_code_opens_one_session, other_names_and_origins_are_refused }

async fn a_code_opens_one_session(world: World) {
    let code = world.client().sign_in_codes().create().await.unwrap().code;
    let anonymous = world.anonymous();
    assert!((300..400).contains(&anonymous.get("/").await.status), "a stranger is sent to the sign-in page");
    // opening the link changes nothing: previews open links too
    assert_eq!(anonymous.get(&format!("/sign-in?code={code}")).await.header("set-cookie"), None);
    let origin = format!("http://{}", world.server.address());
    let form = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", origin.as_str()),
        ("sec-fetch-site", "same-origin"),
    ];
    let answer = anonymous.send("POST", "/sign-in", &form, format!("code={code}").as_bytes()).await;
    let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("{} {}", answer.status, answer.text()));
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    let overview = anonymous.send("GET", "/", &[("cookie", pair)], b"").await;
    assert_eq!(overview.status, 200, "{}", overview.text());
    assert_eq!(anonymous.send("GET", "/v1/agents", &[("cookie", pair)], b"").await.status, 200);
    // a write with a cookie needs the page's own origin
    let body = br#"{"config":{"name":"x","kind":"prompt","model":"scripted","script":[{"text":"x"}]}}"#;
    let foreign = [
        ("cookie", pair),
        ("content-type", "application/json"),
        ("origin", "http://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ];
    assert_eq!(anonymous.send("POST", "/v1/agents", &foreign, body).await.status, 403);
    let own = [
        ("cookie", pair),
        ("content-type", "application/json"),
        ("origin", origin.as_str()),
        ("sec-fetch-site", "same-origin"),
    ];
    assert_eq!(anonymous.send("POST", "/v1/agents", &own, body).await.status, 201);
    let again = anonymous.json("POST", "/v1/sessions", &format!("{{\"code\":\"{code}\"}}")).await;
    assert!(matches!(again.status, 400..=410), "{} {}", again.status, again.text());
}

async fn other_names_and_origins_are_refused(world: World) {
    let answer = world.http().send("GET", "/v1/agents", &[("host", "evil.example")], b"").await;
    assert_eq!(answer.status, 421, "{}", answer.text());
    let port = world.server.address().port();
    let local = format!("localhost:{port}");
    assert_eq!(world.http().send("GET", "/v1/agents", &[("host", &local)], b"").await.status, 200);
}
