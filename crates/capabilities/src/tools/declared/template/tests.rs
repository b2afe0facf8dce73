use proptest::prelude::*;
use serde_json::json;

use super::*;

fn fill(url: &str, arguments: &Value, in_query: bool) -> Result<String, String> {
    Template::parse(url).unwrap().fill(arguments, in_query).map(|filled| filled.url)
}

#[test]
fn arguments_go_where_they_belong() {
    let arguments =
        json!({ "city": "São Paulo/x?#", "day": 3, "tags": ["a b", "c&d"], "none": null, "deep": { "x": 1 } });
    let url = "https://api.test:8443/v1/{city}/{day}.json?units=metric";
    let filled = Template::parse(url).unwrap().fill(&arguments, true).unwrap();
    assert_eq!(
        filled.url,
        "https://api.test:8443/v1/S%C3%A3o%20Paulo%2Fx%3F%23/3.json?units=metric&tags=a%20b&tags=c%26d&deep=%7B%22x%22%3A1%7D"
    );
    let filled = Template::parse(url).unwrap().fill(&arguments, false).unwrap();
    assert_eq!(filled.url, "https://api.test:8443/v1/S%C3%A3o%20Paulo%2Fx%3F%23/3.json?units=metric");
    assert_eq!(filled.rest.keys().collect::<Vec<_>>(), ["tags", "none", "deep"]);
}

#[test]
fn values_cannot_leave_their_segment() {
    let url = "https://api.test/items/{id}{more}/delete";
    for (id, more) in [("..", "x"), (".", ".x"), ("a", "b")] {
        assert!(fill(url, &json!({ "id": id, "more": more }), false).is_ok(), "{id} {more}");
    }
    for (id, more) in [(".", "."), ("", "."), ("", "")] {
        assert!(fill(url, &json!({ "id": id, "more": more }), false).is_err(), "{id} {more}");
    }
    for bad in [json!({ "id": "." }), json!({ "id": ".." }), json!({ "id": [] }), json!({ "id": null }), json!({})] {
        assert!(fill("https://api.test/{id}", &bad, false).is_err(), "{bad}");
    }
}

#[test]
fn the_host_is_fixed() {
    let host = |url: &str| Template::parse(url).and_then(|template| template.host()).map(|host| host.to_string());
    assert_eq!(host("http://127.0.0.1:8099/v1"), Ok("127.0.0.1:8099".to_owned()));
    assert_eq!(host("https://api.test/{a}"), Ok("api.test:443".to_owned()));
    assert_eq!(host("https://api.test"), Ok("api.test:443".to_owned()));
    for bad in [
        "https://{a}.test/",
        "https://{a}/",
        "https://api.test:{a}/",
        "{a}",
        "mailto:x",
        "https://api.test/{a",
        "https://a/../b",
    ] {
        assert!(host(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_value_changes_host_or_shape(id in "\\PC{1,30}", more in any::<String>()) {
        let arguments = json!({ "id": id, "more": more });
        if let Ok(text) = fill("https://api.test/items/{id}/end?fixed=1", &arguments, true) {
            let url = Url::parse(&text).unwrap();
            prop_assert_eq!(url.host_str(), Some("api.test"));
            let segments: Vec<&str> = url.path_segments().unwrap().collect();
            prop_assert_eq!(segments.len(), 3);
            prop_assert_eq!((segments[0], segments[2]), ("items", "end"));
            let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            prop_assert_eq!(pairs, vec![("fixed".to_owned(), "1".to_owned()), ("more".to_owned(), more)]);
        }
    }
}
