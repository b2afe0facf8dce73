//! Every page with every sample: well formed, its links lead somewhere, its inputs have labels, and text that means
//! harm comes out as text.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use axum::response::IntoResponse as _;

use crate::paths::pattern;
use crate::samples;

mod facts;
mod html;
mod requests;

use html::{Document, Element};

fn documents() -> impl Iterator<Item = &'static (samples::Sample, Document)> {
    static DOCUMENTS: OnceLock<Vec<(samples::Sample, Document)>> = OnceLock::new();
    let read = |sample: samples::Sample| match Document::parse(&sample.html) {
        Ok(document) => (sample, document),
        Err(fault) => panic!("{}: {fault}", sample.name),
    };
    DOCUMENTS.get_or_init(|| samples::all().into_iter().map(read).collect()).iter()
}

#[test]
fn every_page_is_well_formed() {
    assert!(documents().count() > 40);
}

#[test]
fn ids_are_unique() {
    for (sample, document) in documents() {
        let mut seen = BTreeMap::new();
        for id in document.elements.iter().filter_map(|element| element.get("id")) {
            *seen.entry(id).or_insert(0) += 1;
        }
        let twice: Vec<_> = seen.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "{}: {twice:?}", sample.name);
    }
}

#[test]
fn references_lead_to_an_id() {
    const REFERENCES: [&str; 5] = ["for", "aria-labelledby", "aria-describedby", "popovertarget", "aria-controls"];
    for (sample, document) in documents() {
        let ids: Vec<_> = document.elements.iter().filter_map(|element| element.get("id")).collect();
        for element in &document.elements {
            for name in REFERENCES {
                for id in element.get(name).unwrap_or_default().split_whitespace() {
                    assert!(ids.contains(&id), "{}: {name}={id} of {}", sample.name, element.name);
                }
            }
        }
    }
}

#[test]
fn every_input_has_a_label() {
    for (sample, document) in documents() {
        let labelled: Vec<_> =
            document.elements.iter().filter(|e| e.name == "label").filter_map(|e| e.get("for")).collect();
        for input in document.elements.iter().filter(|e| matches!(e.name.as_str(), "input" | "select" | "textarea")) {
            if input.get("type") == Some("hidden") {
                continue;
            }
            let id = input.get("id").unwrap_or_else(|| panic!("{}: an input without an id", sample.name));
            assert!(labelled.contains(&id), "{}: {id} has no label", sample.name);
        }
        for button in document.elements.iter().filter(|e| e.name == "button") {
            assert!(!button.text.trim().is_empty(), "{}: a button without words", sample.name);
            assert!(button.get("type").is_some(), "{}: a button without a type", sample.name);
        }
    }
}

/// Whether an address of our own is one that something answers.
fn leads_somewhere(address: &str) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    if path.starts_with("/v1/executions/") || path.starts_with("/docs/errors/") {
        return true; // the gateway's
    }
    pattern::ALL.iter().any(|pattern| fits(pattern, path))
}

fn fits(pattern: &str, path: &str) -> bool {
    if let Some(prefix) = pattern.strip_suffix("{*file}") {
        return path.starts_with(prefix);
    }
    let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern
            .iter()
            .zip(path)
            .all(|(wanted, found)| if wanted.starts_with('{') { !found.is_empty() } else { *wanted == found })
}

#[test]
fn every_link_leads_somewhere() {
    for (sample, document) in documents() {
        for element in &document.elements {
            for name in ["href", "src", "action", "data-events", "data-fragment", "data-poll"] {
                let Some(address) = element.get(name) else { continue };
                let foreign = address.starts_with("http://") || address.starts_with("https://");
                if foreign {
                    assert!(
                        element.name == "a" && element.get("rel") == Some("noreferrer nofollow noopener"),
                        "{}: {address}",
                        sample.name
                    );
                } else if let Some(id) = address.strip_prefix('#') {
                    assert!(document.elements.iter().any(|e| e.get("id") == Some(id)), "{}: {address}", sample.name);
                } else {
                    assert!(address.starts_with('/') && leads_somewhere(address), "{}: {address}", sample.name);
                }
            }
        }
    }
}

/// What each form of every page says, and whether its route takes a POST.
#[tokio::test]
async fn every_form_is_taken() {
    let (app, _) = requests::dashboard(|| http::StatusCode::NO_CONTENT.into_response());
    let mut seen = std::collections::BTreeSet::new();
    for (sample, document) in documents() {
        for form in document.elements.iter().filter(|e| e.name == "form" && e.get("method") == Some("post")) {
            let action = form.get("action").unwrap();
            if seen.insert(action) {
                let response = requests::ask(&app, http::Method::POST, action, "").await;
                let page = requests::text(response).await;
                assert!(!page.contains("page_not_found"), "{}: POST {action}", sample.name);
            }
        }
    }
    assert!(seen.len() > 30, "{seen:?}");
}

/// A page is told of every kind of entry: `journal.jsonl` holds a line of each.
#[test]
fn the_script_listens_to_every_event() {
    let script = include_str!("../assets/live.js");
    for line in include_str!("../../types/tests/journal.jsonl").lines() {
        let stored: serde_json::Value = serde_json::from_str(line).unwrap();
        let entry: moltforge_types::journal::Entry = serde_json::from_value(stored["payload"].clone()).unwrap();
        assert!(script.contains(&format!("\"{}\"", entry.event_type())), "{}", entry.event_type());
    }
}

#[test]
fn nothing_is_inline() {
    for (sample, document) in documents() {
        for element in &document.elements {
            let Element { name, text, .. } = element;
            assert!(name != "style" && (name != "script" || text.is_empty()), "{}: inline {name}", sample.name);
            for (attribute, _) in &element.attributes {
                assert!(!attribute.starts_with("on") && attribute != "style", "{}: {attribute} on {name}", sample.name);
            }
            assert!(
                !matches!(name.as_str(), "img" | "iframe" | "object" | "embed" | "base" | "meta") || name == "meta",
                "{}: {name}",
                sample.name
            );
            assert!(!element.get("href").unwrap_or_default().starts_with("javascript:"), "{}", sample.name);
        }
    }
}

#[test]
fn text_that_means_harm_is_text() {
    for (sample, document) in documents().filter(|(sample, _)| sample.name.starts_with("hostile")) {
        assert!(
            sample.html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
            "{}: the text is not there",
            sample.name
        );
        assert!(sample.html.chars().all(crate::text::is_harmless), "{}", sample.name);
        let scripts = document.elements.iter().filter(|e| e.name == "script").count();
        assert_eq!(scripts, 2, "{}", sample.name);
    }
}

#[test]
fn a_page_has_one_heading_and_one_title() {
    for (sample, document) in documents() {
        for name in ["h1", "title", "main"] {
            assert_eq!(document.elements.iter().filter(|e| e.name == name).count(), 1, "{}: {name}", sample.name);
        }
    }
}

#[test]
fn tables_have_header_cells() {
    for (sample, document) in documents() {
        let ours = document.elements.iter().filter(|e| e.name == "th" && e.get("scope").is_some()).count();
        let tables = document.elements.iter().filter(|e| e.name == "caption").count();
        assert!(ours >= tables, "{}", sample.name);
    }
}
