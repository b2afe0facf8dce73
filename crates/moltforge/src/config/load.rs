//! Layers: file, then environment. Flags are laid over the result by the command.

use std::path::{Path, PathBuf};

use moltforge_manifest::{Diagnostic, Snippet};
use serde::Deserialize as _;
use toml::{Table, Value};

use super::{Config, providers};
use crate::Error;

/// The file that is read when none is named.
pub const DEFAULT_FILE: &str = "moltforge.toml";
/// Variables of the top level's own keys. All others have `__` between table and key: `MOLTFORGE_STORE__URL`. Other
/// `MOLTFORGE_` variables are left alone: orchestrators make such for a service of that name.
const TOP: [(&str, &str); 6] = [
    ("MOLTFORGE_LISTEN", "listen"),
    ("MOLTFORGE_ROLES", "roles"),
    ("MOLTFORGE_DATA_DIR", "data_dir"),
    ("MOLTFORGE_DRAIN_SECONDS", "drain_seconds"),
    ("MOLTFORGE_FIRST_KEY", "first_key"),
    ("MOLTFORGE_WEBHOOK_KEY", "webhook_key"),
];

/// Reads the configuration: `file` (or `moltforge.toml` when it is there), then the environment.
pub fn load(file: Option<&Path>) -> Result<Config, Error> {
    let path = match file {
        Some(path) => Some(path.to_owned()),
        None => Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.try_exists().unwrap_or(false)),
    };
    let source = match &path {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|source| Error::FileUnreadable { path: path.clone(), source })?
        }
        None => String::new(),
    };
    let name = path.map(|path| path.display().to_string()).unwrap_or_default();
    let mut variables: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(key, _)| key.starts_with("MOLTFORGE_"))
        .collect();
    variables.sort();
    let mut config = layers(&name, &source, &variables)?;
    config.warnings = providers::from_environment(&mut config.models, |key| std::env::var(key).ok());
    config.check()?;
    Ok(config)
}

fn layers(name: &str, source: &str, variables: &[(String, String)]) -> Result<Config, Error> {
    let mut config: Config = toml::from_str(source).map_err(|error| located(name, source, &error))?;
    let mut table: Table = toml::from_str(source).map_err(|error| located(name, source, &error))?;
    for (variable, text) in variables {
        let Some(path) = key_path(variable) else { continue };
        // a number or a list as TOML writes it, else the text itself
        let typed = toml::from_str::<Table>(&format!("v = {text}")).ok().and_then(|mut t| t.remove("v"));
        let plain = Value::String(text.clone());
        let mut fault = None;
        for value in typed.into_iter().chain([plain]) {
            let mut trial = table.clone();
            set(&mut trial, &path, value);
            match Config::deserialize(trial.clone()) {
                Ok(good) => {
                    (table, config, fault) = (trial, good, None);
                    break;
                }
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        if let Some(error) = fault {
            return Err(Error::ConfigInvalid(vec![format!("{variable}: {}", error.message())]));
        }
    }
    Ok(config)
}

/// `MOLTFORGE_STORE__URL` is `store.url`.
fn key_path(variable: &str) -> Option<Vec<String>> {
    if let Some((_, key)) = TOP.iter().find(|(name, _)| *name == variable) {
        return Some(vec![(*key).to_owned()]);
    }
    let rest = variable.strip_prefix("MOLTFORGE_")?;
    rest.contains("__").then(|| rest.split("__").map(str::to_lowercase).collect())
}

fn set(table: &mut Table, path: &[String], value: Value) {
    match path {
        [] => {}
        [key] => {
            table.insert(key.clone(), value);
        }
        [key, rest @ ..] => {
            let inner = table.entry(key.clone()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

/// The fault with its line, drawn.
fn located(name: &str, source: &str, error: &toml::de::Error) -> Error {
    let place = error.span().map(|span| {
        let before = &source[..span.start.min(source.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        let width = source.get(span).map_or(1, |text| text.chars().take_while(|c| *c != '\n').count()).max(1);
        (to_u32(line), to_u32(column), to_u32(width))
    });
    let fault = Diagnostic {
        pointer: String::new(),
        message: error.message().to_owned(),
        line: place.map(|(line, ..)| line),
        column: place.map(|(_, column, _)| column),
        width: place.map_or(1, |(.., width)| width),
    };
    Error::ConfigInvalid(vec![Snippet::new(name, source, &fault).to_string()])
}

fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Role;

    fn with(source: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let variables: Vec<_> = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        layers("moltforge.toml", source, &variables).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_at_all_is_a_good_configuration() {
        let config = with("", &[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8420");
        config.check().unwrap();
    }

    #[test]
    fn the_environment_lies_over_the_file() {
        let file = "listen = \"127.0.0.1:1\"\n[egress]\nconnect_timeout_seconds = 5\n";
        let config = with(
            file,
            &[
                ("MOLTFORGE_LISTEN", "127.0.0.1:2"),
                ("MOLTFORGE_ROLES", "gateway, agents"),
                ("MOLTFORGE_STORE__URL", "postgres://u:p@h/d"),
                ("MOLTFORGE_EGRESS__ALLOW", "[\"example.com\"]"),
                ("MOLTFORGE_EXECUTION__MAX_RUNNING", "7"),
                // Kubernetes makes these for a service named moltforge
                ("MOLTFORGE_PORT", "tcp://10.0.0.1:80"),
                ("MOLTFORGE_SERVICE_HOST", "10.0.0.1"),
            ],
        )
        .unwrap();
        assert_eq!(config.listen.port(), 2);
        assert_eq!(config.roles, [Role::Gateway, Role::Agents]);
        assert_eq!(config.store.url.unwrap().expose(), "postgres://u:p@h/d");
        assert_eq!((config.egress.connect_timeout_seconds, config.egress.allow.len()), (5, 1));
        assert_eq!(config.execution.max_running, 7);
    }

    #[test]
    fn faults_name_the_key_and_its_place() {
        for (file, variables, said) in [
            ("\n[egress]\nalow = []\n", &[][..], &["moltforge.toml:3:1", "alow"][..]),
            ("listen = 5\n", &[], &["moltforge.toml:1:10"]),
            ("roles = [\"gateways\"]\n", &[], &["moltforge.toml:1:9", "unknown role `gateways`"]),
            ("x = \n", &[], &["moltforge.toml:1:"]),
            ("", &[("MOLTFORGE_STORE__ULR", "x")], &["MOLTFORGE_STORE__ULR", "ulr"]),
            ("", &[("MOLTFORGE_LISTEN", "here")], &["MOLTFORGE_LISTEN"]),
        ] {
            let error = with(file, variables).unwrap_err();
            for part in said {
                assert!(error.contains(part), "{part} in {error}");
            }
        }
    }

    /// The configuration in `docs/configuration.md`.
    fn documented() -> &'static str {
        let page = include_str!("../../../../docs/configuration.md");
        page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap()
    }

    #[test]
    fn the_documented_configuration_is_the_default() {
        let documented = with(documented(), &[]).unwrap();
        assert_eq!(format!("{documented:#?}"), format!("{:#?}", Config::default()));
    }

    #[test]
    fn every_key_is_documented() {
        for table in [
            "",
            "store",
            "log",
            "gateway",
            "gateway.limits",
            "gateway.rate",
            "egress",
            "models",
            "execution",
            "sandbox",
        ] {
            let head = if table.is_empty() { String::new() } else { format!("[{table}]\n") };
            let error = with(&format!("{head}no_such_key = 1\n"), &[]).unwrap_err();
            let (_, expected) = error.split_once("expected ").unwrap();
            for key in expected.lines().next().unwrap().split('`').skip(1).step_by(2) {
                let known =
                    [format!("\n{key} = "), format!("\n# {key} = "), format!("[{key}]"), format!("[{table}.{key}]")];
                assert!(known.iter().any(|text| documented().contains(text.as_str())), "{table}.{key}");
            }
        }
    }
}
