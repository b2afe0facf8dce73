//! Strips types from TypeScript with swc. Positions stay, so a stack trace needs no source map.

use std::sync::{Arc, Mutex};

use swc_common::errors::{DiagnosticBuilder, Emitter, Handler};
use swc_common::sync::Lrc;
use swc_common::{GLOBALS, SourceMap};
use swc_ts_fast_strip::{Mode, Options, operate};

wit_bindgen::generate!({ path: "strip.wit", world: "typescript" });

/// Errors as lines that name the file and the place.
struct Lines {
    filename: String,
    sources: Lrc<SourceMap>,
    text: Arc<Mutex<String>>,
}

impl Emitter for Lines {
    fn emit(&mut self, diagnostic: &mut DiagnosticBuilder<'_>) {
        let place = diagnostic.span.primary_span().map_or_else(String::new, |span| {
            let place = self.sources.lookup_char_pos(span.lo());
            format!("{}:{}", place.line, place.col.0 + 1)
        });
        let line = format!("{}:{place}: {}\n", self.filename, diagnostic.message());
        if let Ok(mut text) = self.text.lock() {
            text.push_str(&line);
        }
    }
}

struct Stripper;

impl Guest for Stripper {
    fn strip(filename: String, source: String) -> Result<String, String> {
        let sources: Lrc<SourceMap> = Lrc::default();
        let text = Arc::new(Mutex::new(String::new()));
        let lines = Lines { filename: filename.clone(), sources: sources.clone(), text: Arc::clone(&text) };
        let handler = Handler::with_emitter(true, false, Box::new(lines));
        let options = Options {
            module: Some(true),
            filename: Some(filename.clone()),
            mode: Mode::StripOnly,
            ..Options::default()
        };
        let stripped = GLOBALS.set(&Default::default(), || operate(&sources, &handler, source, options));
        stripped.map(|output| output.code).map_err(|error| {
            let text = text.lock().map(|text| text.trim_end().to_owned()).unwrap_or_default();
            if text.is_empty() { format!("{filename}: {error}") } else { text }
        })
    }
}

export!(Stripper);
