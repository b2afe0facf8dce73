//! Model providers that the environment alone sets up, so that a key is enough to begin.

use moltforge_capabilities::llm::{ModelsConfig, Provider};
use moltforge_types::Secret;

const OPENAI: &str = "openai";
const OPENAI_URL: &str = "https://api.openai.com/v1/";
const OPENAI_KEY: &str = "OPENAI_API_KEY";
const OPENAI_URL_VARIABLE: &str = "MOLTFORGE_OPENAI_BASE_URL";

/// Adds the provider `openai` when the environment has its key or its address and the file does not name it, and reads
/// every provider's key. Each key stays bound to its provider's origin. The answer has a sentence for each provider of the
/// file whose key is missing.
pub fn from_environment(models: &mut ModelsConfig, variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let variable = |name: &str| variable(name).filter(|text| !text.trim().is_empty());
    let base_url = variable(OPENAI_URL_VARIABLE);
    let in_file = models.providers.len();
    let wanted = base_url.is_some() || variable(OPENAI_KEY).is_some();
    if wanted && !models.providers.iter().any(|provider| provider.name == OPENAI) {
        let base_url = base_url.as_deref().unwrap_or(OPENAI_URL);
        let api_key_env = Some(OPENAI_KEY.to_owned());
        models.providers.push(Provider { api_key_env, ..Provider::new(OPENAI, base_url) });
    }
    for provider in &mut models.providers {
        provider.api_key = provider.api_key_env.as_deref().and_then(&variable).map(|key| Secret::new(key.trim()));
    }
    models.providers.iter().take(in_file).filter_map(keyless).collect()
}

/// Calls go out without a key then, and most providers refuse them.
fn keyless(provider: &Provider) -> Option<String> {
    let (name, None, Some(variable)) = (&provider.name, &provider.api_key, &provider.api_key_env) else { return None };
    Some(format!(
        "the model provider `{name}` has no key: its api_key_env names {variable}, which is not set; set {variable} and \
         start again, or remove api_key_env if the provider takes no key"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models(variables: &[(&str, &str)], file: &str) -> ModelsConfig {
        let mut models = toml::from_str(file).unwrap();
        from_environment(&mut models, of(variables));
        models
    }

    fn of(variables: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        |name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn a_key_of_the_file_that_is_missing_is_said() {
        let file = "[[providers]]\nname = \"mine\"\nbase_url = \"http://127.0.0.1:1/v1/\"\napi_key_env = \"MINE\"\n";
        let warnings =
            |variables: &[(&str, &str)], file| from_environment(&mut toml::from_str(file).unwrap(), of(variables));
        let said = warnings(&[("MINE", " "), ("MOLTFORGE_OPENAI_BASE_URL", "http://127.0.0.1:2/v1/")], file);
        assert_eq!(said.len(), 1, "none for the one that the environment made: {said:?}");
        assert!(said[0].contains("`mine`") && said[0].contains("set MINE"), "{said:?}");
        assert_eq!(warnings(&[("MINE", "sk")], file), [""; 0]);
        assert_eq!(warnings(&[], &file.replace("api_key_env = \"MINE\"\n", "")), [""; 0]);
    }

    #[test]
    fn a_key_is_enough() {
        let models = models(&[("OPENAI_API_KEY", "sk-1")], "");
        assert_eq!(models.providers[0].base_url, OPENAI_URL);
        assert_eq!(models.providers[0].api_key.as_ref().unwrap().expose(), "sk-1");
    }

    #[test]
    fn the_file_wins_and_its_keys_are_read() {
        let file = "[[providers]]\nname = \"openai\"\nbase_url = \"http://127.0.0.1:1/v1/\"\napi_key_env = \"MINE\"\n";
        let models = models(&[("OPENAI_API_KEY", "sk-1"), ("MINE", "sk-2")], file);
        assert_eq!(models.providers.len(), 1);
        assert_eq!(models.providers[0].api_key.as_ref().unwrap().expose(), "sk-2");
    }

    #[test]
    fn nothing_set_means_no_provider() {
        assert!(models(&[("OPENAI_API_KEY", " ")], "").providers.is_empty());
    }
}
