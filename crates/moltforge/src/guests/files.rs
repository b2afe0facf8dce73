//! The files of a bundle as an engine reads them.

use moltforge_api::bundles::{Bundle, FileContent};
use moltforge_manifest::bundle::Language;
use moltforge_sandbox::{File, Sandbox, StripError};

/// What some editors begin a file with.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The texts of a bundle. A byte order mark is no part of a program or of JSON.
pub(super) fn texts(bundle: Bundle) -> Vec<File> {
    let text = |(name, content): (String, FileContent)| match content {
        FileContent::Text(text) if is_read_by_engine(&name) && text.starts_with(BYTE_ORDER_MARK) => {
            Some(File { name: name.into(), text: text[BYTE_ORDER_MARK.len_utf8()..].into() })
        }
        FileContent::Text(text) => Some(File { name: name.into(), text: text.into() }),
        FileContent::Component { .. } => None,
    };
    bundle.files.into_iter().filter_map(text).collect()
}

/// Whether there is TypeScript in it.
pub(super) fn has_types(bundle: &Bundle) -> bool {
    bundle.files.keys().any(|name| is_typescript(name))
}

/// The same files, those in TypeScript without their types.
pub(super) async fn plain(sandbox: &Sandbox, project: &str, files: Vec<File>) -> Result<Vec<File>, StripError> {
    let (typed, mut plain): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| is_typescript(&file.name));
    if !typed.is_empty() {
        plain.extend(sandbox.strip(project, typed).await?);
        plain.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(plain)
}

fn is_read_by_engine(name: &str) -> bool {
    Language::of(name).is_some() || name.rsplit_once('.').is_some_and(|(_, ending)| ending == "json")
}

fn is_typescript(name: &str) -> bool {
    Language::of(name) == Some(Language::TypeScript)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_program() {
        let names = ["agent.py", "agent.ts", "data.json", "prompt.md"];
        let file = |name: &str| (name.to_owned(), FileContent::Text("\u{feff}1".to_owned()));
        let read = texts(Bundle { files: names.map(file).into() });
        let texts: Vec<_> = read.iter().map(|file| (&*file.name, &*file.text)).collect();
        assert_eq!(texts, [("agent.py", "1"), ("agent.ts", "1"), ("data.json", "1"), ("prompt.md", "\u{feff}1")]);
    }
}
