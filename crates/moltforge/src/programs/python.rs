//! What Python files import and open: modules and packages that lie beside the agent, and data that it names.

use std::collections::BTreeSet;
use std::path::Path;

use moltforge_manifest::bundle::Language;

use super::{Error, Found, unreadable};

/// How the names of native modules end.
const NATIVE: [&str; 3] = ["so", "pyd", "dylib"];
/// How the names of data end that a program may open by name.
const DATA: [&str; 12] = ["json", "txt", "md", "csv", "tsv", "toml", "yaml", "yml", "html", "xml", "jinja", "sql"];

/// Adds whatever is imported, until nothing new is.
pub(super) fn follow(found: &mut Found) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    while let Some((name, text)) = found.next_unread() {
        if Language::of(&name) != Some(Language::Python) {
            continue;
        }
        let (code, literals) = split(&text);
        for module in modules(&code) {
            if seen.insert(module.to_owned()) {
                add_module(found, module)?;
            }
        }
        for literal in literals {
            let is_data = literal.rsplit_once('.').is_some_and(|(_, ending)| DATA.contains(&ending));
            if is_data && moltforge_manifest::bundle::check_name(literal).is_ok() && found.exists(literal) {
                found.add(literal)?;
            }
        }
    }
    Ok(())
}

/// A module beside the agent, or all of a package. What is neither is of the standard library, or the engine says what to
/// do about it.
fn add_module(found: &mut Found, module: &str) -> Result<(), Error> {
    let file = format!("{module}.py");
    if found.exists(&file) {
        return found.add(&file);
    }
    let folder = found.root.join(module);
    if folder.is_dir() {
        return add_folder(found, module);
    }
    match native_beside(&found.root, module) {
        Some(native) => Err(has_native(found, &native)),
        None => Ok(()),
    }
}

fn add_folder(found: &mut Found, folder: &str) -> Result<(), Error> {
    let path = found.root.join(folder);
    let entries = std::fs::read_dir(&path).map_err(|source| unreadable(&path, source))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| unreadable(&path, source))?;
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| found.fault(folder, "", None, "a name in it is not text"))?;
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        names.push((name.to_owned(), entry.path().is_dir(), is_link));
    }
    names.sort();
    for (name, is_folder, is_link) in names {
        let whole = format!("{folder}/{name}");
        if name.starts_with('.') || name == "__pycache__" {
            continue;
        }
        if is_folder && is_link {
            // one that leads back has no end
            return Err(found.fault(&whole, "", None, "it is a link to a folder: put the folder itself in its place"));
        } else if is_folder {
            add_folder(found, &whole)?;
        } else if is_native(&name) {
            return Err(has_native(found, &whole));
        } else if Language::of(&name) == Some(Language::Python) {
            found.add(&whole)?;
        } else if Path::new(&name).extension().is_none_or(|ending| ending != "pyc") && found.exists(&whole) {
            found.add_text(&whole)?;
        }
    }
    Ok(())
}

/// `_speed.cpython-312-x86_64-linux-gnu.so` is the module `_speed`.
fn native_beside(root: &Path, module: &str) -> Option<String> {
    let names = std::fs::read_dir(root).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.into_iter().find(|name| is_native(name) && name.split('.').next() == Some(module))
}

fn is_native(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| NATIVE.contains(&ending))
}

fn has_native(found: &Found, name: &str) -> Error {
    let message = "it is native code, which cannot run in a sandbox: use a pure-Python package in its place, or put the \
                   work behind a tool that the agent calls over HTTP; where a package only becomes faster by it, \
                   deleting the file is enough";
    found.fault(name, "", None, message)
}

/// The top names of what is imported absolutely, wherever it stands: an import in a function counts as well.
fn modules(code: &str) -> Vec<&str> {
    let mut modules = Vec::new();
    for statement in code.split(['\n', ';', ':']) {
        let statement = statement.trim_start();
        if let Some(names) = statement.strip_prefix("import ") {
            modules.extend(names.split(',').map(top));
        } else if let Some(rest) = statement.strip_prefix("from ") {
            modules.extend(rest.split_once(" import").map(|(module, _)| top(module)));
        }
    }
    modules.retain(|module| !module.is_empty());
    modules
}

/// `a` of `a.b as c`; nothing of `.b`.
fn top(name: &str) -> &str {
    let name = name.trim_start();
    let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(name.len());
    &name[..end]
}

/// The code without comments and texts, and the plain texts.
fn split(source: &str) -> (String, Vec<&str>) {
    let (mut code, mut literals) = (String::new(), Vec::new());
    let mut rest = source;
    while let Some(at) = rest.find(['#', '"', '\'', '\\']) {
        code.push_str(&rest[..at]);
        let found = &rest[at..];
        if found.starts_with('#') {
            rest = &found[found.find('\n').unwrap_or(found.len())..];
        } else if let Some(next) = found.strip_prefix("\\\n") {
            code.push(' ');
            rest = next;
        } else if let Some(next) = found.strip_prefix('\\') {
            rest = next;
        } else {
            let quote = if found.starts_with("\"\"\"") || found.starts_with("'''") { &found[..3] } else { &found[..1] };
            let inner = &found[quote.len()..];
            let end = end_of(inner, quote);
            literals.push(&inner[..end]);
            code.push_str("''");
            rest = inner.get(end + quote.len()..).unwrap_or_default();
        }
    }
    code.push_str(rest);
    (code, literals)
}

/// Where the closing quote is, or the end of a line that has none.
fn end_of(inner: &str, quote: &str) -> usize {
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' if quote.len() == 1 => return at,
            _ if inner[at..].starts_with(quote) => return at,
            _ => {}
        }
    }
    inner.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_seen_wherever_they_stand() {
        let source = "import a, b.c as d\nfrom e.f import (g,\n  h)\nfrom . import i\nfrom .j import k\n# import l\n\
                      text = 'import m' + \"\"\"\nimport n\n\"\"\"\ndef run():\n    import o; from p import q\n\
                      if x: import r\nimported = 1\nimport \\\n    s\n";
        let (code, literals) = split(source);
        assert_eq!(modules(&code), ["a", "b", "e", "o", "p", "r", "s"]);
        assert_eq!(literals, ["import m", "\nimport n\n"]);
    }

    #[test]
    fn no_source_makes_it_stumble() {
        let parts = ["'", "\"", "\"\"\"", "'''", "\\", "\n", "#", "ä", "import a", " from b import"];
        for seed in 0..parts.len().pow(4) {
            let pick = |power: u32| parts[seed / parts.len().pow(power) % parts.len()];
            let source = [pick(0), pick(1), pick(2), pick(3)].concat();
            modules(&split(&source).0);
        }
    }
}
