//! The files of a code agent: which there may be, and the one form that is hashed.
//!
//! A bundle is a JSON document, named by the SHA-256 of its bytes. Whoever has the bytes can check the name, and a bundle
//! that was stored once is never another one.

mod language;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use moltforge_api::bundles::{Bundle, FileContent};
use moltforge_types::ContentHash;

use crate::MAX_DIAGNOSTICS;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::child;

pub use language::Language;

/// The most bytes of a bundle as it is sent.
pub const MAX_ENCODED: usize = 12 * 1024 * 1024;
/// The most bytes of all files together.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;
/// The most files.
pub const MAX_FILES: usize = 2_000;
/// The longest name, in bytes.
pub const MAX_NAME: usize = 255;
/// The most folders that one file is in.
pub const MAX_DEPTH: usize = 16;

/// What is wrong with the name of a file, if anything is.
///
/// # Errors
/// What is wrong and what is allowed.
pub fn check_name(name: &str) -> Result<(), String> {
    let shown: String = name.chars().take(80).collect();
    let wrong = |why: &str| Err(format!("{why}, got {shown:?}"));
    if name.is_empty() || name.len() > MAX_NAME {
        return wrong(&format!("expected the name of a file with at most {MAX_NAME} bytes"));
    }
    if name.starts_with('/') || name.contains(['\\', ':']) {
        return wrong("expected a relative name with `/` between folders");
    }
    if name.chars().any(char::is_control) {
        return wrong("expected a name without control characters");
    }
    if name.split('/').any(|part| ["", ".", ".."].contains(&part) || part.ends_with([' ', '.'])) {
        return wrong("expected a name without empty parts, `.` and `..`");
    }
    if name.matches('/').count() > MAX_DEPTH {
        return wrong(&format!("expected at most {MAX_DEPTH} folders"));
    }
    Ok(())
}

/// Reads a bundle from the bytes that were sent or stored.
///
/// # Errors
/// Everything that is wrong with it, with pointers.
pub fn parse(bytes: &[u8]) -> Result<Bundle, Vec<Diagnostic>> {
    if bytes.len() > MAX_ENCODED {
        let message = format!("the bundle has {} bytes; at most {MAX_ENCODED} are allowed", bytes.len());
        return Err(vec![Diagnostic::unplaced("", message)]);
    }
    let parsed = serde_json::from_slice::<Bundle>(bytes);
    let bundle = parsed.map_err(|error| vec![Diagnostic::unplaced("", format!("not a bundle: {error}"))])?;
    let faults = check(&bundle);
    if faults.is_empty() { Ok(bundle) } else { Err(faults) }
}

/// What is wrong with the files. Empty when they are good.
pub fn check(bundle: &Bundle) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    let files = &bundle.files;
    if files.is_empty() {
        faults.push(Diagnostic::unplaced("/files", "expected at least one file"));
    }
    if files.len() > MAX_FILES {
        let message = format!("{} files; at most {MAX_FILES} are allowed", files.len());
        faults.push(Diagnostic::unplaced("/files", message));
    }
    let bytes: usize = files.values().map(FileContent::len).sum();
    if bytes > MAX_BYTES {
        let message = format!("the files have {bytes} bytes together; at most {MAX_BYTES} are allowed");
        faults.push(Diagnostic::unplaced("/files", message));
    }
    for (name, content) in files {
        if faults.len() >= MAX_DIAGNOSTICS {
            break;
        }
        let fault = check_name(name).err().or_else(|| content_fault(name, content));
        faults.extend(fault.map(|message| Diagnostic::unplaced(child("/files", name), message)));
    }
    faults
}

fn content_fault(name: &str, content: &FileContent) -> Option<String> {
    let is_component = Language::of(name) == Some(Language::Component);
    match content {
        FileContent::Text(_) if is_component => Some("expected `base64`: a component is not text".to_owned()),
        FileContent::Text(_) => None,
        FileContent::Component { .. } if !is_component => Some("only `.wasm` files have `base64`".to_owned()),
        FileContent::Component { base64 } => STANDARD.decode(base64).err().map(|error| format!("not base 64: {error}")),
    }
}

/// The bytes of a component.
pub fn component(content: &FileContent) -> Option<Vec<u8>> {
    match content {
        FileContent::Text(_) => None,
        FileContent::Component { base64 } => STANDARD.decode(base64).ok(),
    }
}

/// A component's bytes as the content of a file.
pub fn of_component(bytes: &[u8]) -> FileContent {
    FileContent::Component { base64: STANDARD.encode(bytes) }
}

/// The one form in which `moltforge deploy` sends a bundle: files in order of their names, no white space.
pub fn encode(bundle: &Bundle) -> Vec<u8> {
    // plain data with text keys always has a JSON form
    serde_json::to_vec(bundle).unwrap_or_default()
}

/// The name of a bundle: the SHA-256 of its bytes, in hexadecimal digits.
pub fn hash(encoded: &[u8]) -> String {
    ContentHash::of(encoded).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(json: &str) -> Vec<String> {
        parse(json.as_bytes()).err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names() {
        for good in ["agent.js", "lib/a.py", "a b.txt", ".hidden/x", "ä/ö.md", &format!("{}x", "d/".repeat(16))] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        let long = "x".repeat(256);
        let deep = format!("{}x", "d/".repeat(17));
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "./a",
            "a/",
            "a\\b",
            "C:x",
            "a\0b",
            "a\nb",
            "a.",
            &long,
            &deep,
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_bundle_comes_back_as_it_was() {
        let json = r#"{"files":{"agent.js":"export","lib/a.js":""}}"#;
        let bundle = parse(json.as_bytes()).unwrap();
        assert_eq!(encode(&bundle), json.as_bytes());
        assert_eq!(hash(json.as_bytes()).len(), 64);
        let wasm = Bundle { files: [("a.wasm".to_owned(), of_component(b"\0asm\x0d"))].into() };
        assert_eq!(parse(&encode(&wasm)).unwrap(), wasm);
        assert_eq!(wasm.files["a.wasm"].len(), 5);
        assert_eq!(component(&wasm.files["a.wasm"]).unwrap(), b"\0asm\x0d");
    }

    #[test]
    fn what_is_too_much_or_no_bundle_is_refused() {
        for (json, said) in [
            ("", "not a bundle"),
            (r#"{"files":{},"more":1}"#, "unknown field `more`"),
            (r#"{"files":{}}"#, "/files: expected at least one file"),
            (r#"{"files":{"../a":""}}"#, "/files/..~1a: expected a name without empty parts"),
            (r#"{"files":{"a.wasm":"x"}}"#, "/files/a.wasm: expected `base64`"),
            (r#"{"files":{"a.js":{"base64":"eA=="}}}"#, "/files/a.js: only `.wasm`"),
            (r#"{"files":{"a.wasm":{"base64":"?"}}}"#, "/files/a.wasm: not base 64"),
        ] {
            let found = faults(json);
            assert!(found.iter().any(|fault| fault.starts_with(said) || fault.contains(said)), "{json}: {found:?}");
        }
        let large = Bundle { files: [("a.js".to_owned(), FileContent::Text("x".repeat(MAX_BYTES + 1)))].into() };
        assert!(check(&large)[0].message.contains("at most 8388608"));
        let many = (0..=MAX_FILES).map(|n| (format!("{n}.js"), FileContent::Text(String::new())));
        assert!(check(&Bundle { files: many.collect() })[0].message.contains("at most 2000"));
        assert!(parse(&vec![b' '; MAX_ENCODED + 1]).unwrap_err()[0].message.contains("at most 12582912"));
    }
}
