//! Which models there are.

use moltforge_capabilities::llm::{ChunkSink, Models, ModelsConfig, Provider};
use moltforge_egress::{Egress, EgressConfig};
use moltforge_types::{Fault as _, Secret};

use crate::world::{agent, models, provider, request, user};

#[test]
fn names_are_checked() {
    let models = models(vec![
        provider("openai", "https://api.openai.com/v1"),
        provider("local_1", "http://127.0.0.1:11434/v1/"),
    ]);
    for good in ["scripted", "openai/gpt-4.1-mini", "local_1/a/b"] {
        assert!(models.check(good).is_ok(), "{good}");
    }
    for bad in ["", "openai", "openai/", "/x", "other/x", "Scripted"] {
        let error = models.check(bad).unwrap_err();
        assert_eq!(error.code(), "model_unknown", "{bad}");
        assert!(error.to_string().contains("local_1, openai"), "{error}");
    }
}

#[tokio::test]
async fn a_model_that_is_gone_is_a_permanent_error() {
    let error =
        models(Vec::new()).complete(request(&agent(""), vec![user("hello")]), ChunkSink::none()).await.unwrap_err();
    assert_eq!(error.code(), "model_unknown");
}

#[test]
fn wrong_providers_are_refused() {
    let fault = |providers: Vec<Provider>| {
        Models::new(ModelsConfig { providers }, Egress::new(EgressConfig::default())).unwrap_err()
    };
    let good = "http://a.test/v1";
    let mut unprintable = provider("a", good);
    unprintable.api_key = Some(Secret::new("two\nlines"));
    for providers in [
        vec![provider("", good)],
        vec![provider("A", good)],
        vec![provider("scripted", good)],
        vec![provider("a", good), provider("a", good)],
        vec![provider("a", "ftp://a.test")],
        vec![provider("a", "http://user:pw@a.test")],
        vec![unprintable],
    ] {
        let error = fault(providers);
        assert_eq!(error.code(), "provider_invalid");
        assert!(!error.to_string().contains("lines"));
    }
}

#[test]
fn the_configuration_never_shows_a_key() {
    let config: ModelsConfig =
        toml::from_str("[[providers]]\nname = \"a\"\nbase_url = \"http://a.test\"\napi_key_env = \"A_KEY\"\n").unwrap();
    assert_eq!(config.providers[0].timeout().as_secs(), 600);
    let mut config = config;
    config.providers[0].api_key = Some(Secret::new("hunter2"));
    let shown = format!("{config:?} {}", toml::to_string(&config).unwrap());
    assert!(shown.contains("A_KEY") && !shown.contains("hunter2"), "{shown}");
    assert!(
        toml::from_str::<ModelsConfig>("[[providers]]\nname = \"a\"\nbase_url = \"http://a.test\"\napi_key = \"x\"\n")
            .is_err()
    );
}
