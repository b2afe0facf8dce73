//! `MANIFEST.toml`: sizes and hashes are written by us, the rest by people.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use toml::{Table, Value};

/// A file's size and hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Measured {
    pub bytes: u64,
    pub sha256: String,
}

/// The file, kept as text so that comments stay.
pub(super) struct Manifest {
    path: PathBuf,
    text: String,
}

/// The keys of the component and of the file that is kept.
const KEYS: [[&str; 2]; 2] = [["bytes", "sha256"], ["compressed_bytes", "compressed_sha256"]];

impl Manifest {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        Ok(Self { path: path.to_owned(), text })
    }

    pub(super) fn write(&self) -> Result<()> {
        fs::write(&self.path, &self.text).with_context(|| format!("write {}", self.path.display()))
    }

    /// What differs in the component or in the packed file, if anything.
    pub(super) fn compare(&self, name: &str, built: &[Measured; 2]) -> Result<Option<String>> {
        let recorded = [self.recorded(name, KEYS[0])?, self.recorded(name, KEYS[1])?];
        Ok((recorded != *built).then(|| format!("recorded {recorded:?}, built {built:?}")))
    }

    /// What differs in the packed file alone, if anything.
    pub(super) fn compare_packed(&self, name: &str, kept: &Measured) -> Result<Option<String>> {
        let recorded = self.recorded(name, KEYS[1])?;
        Ok((recorded != *kept).then(|| format!("recorded {recorded:?}, kept {kept:?}")))
    }

    /// Writes sizes and hashes down.
    pub(super) fn record(&mut self, name: &str, built: &[Measured; 2]) -> Result<()> {
        self.recorded(name, KEYS[0])?;
        let mut image = String::new();
        let mut lines = Vec::new();
        for line in self.text.lines() {
            let (key, value) = line.split_once(" = ").unwrap_or((line, ""));
            if line.starts_with('[') {
                // `[[image.input]]` has hashes of its own
                image.clear();
            } else if key == "name" {
                value.trim_matches('"').clone_into(&mut image);
            }
            lines.push(if image == name {
                replaced(key, built).unwrap_or_else(|| line.to_owned())
            } else {
                line.to_owned()
            });
        }
        self.text = lines.join("\n") + "\n";
        Ok(())
    }

    fn recorded(&self, name: &str, [bytes, sha256]: [&str; 2]) -> Result<Measured> {
        let table: Table = self.text.parse().context("read the manifest of the images")?;
        let images = table.get("image").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let image = images.iter().find(|image| image.get("name").and_then(Value::as_str) == Some(name));
        let image = image.with_context(|| format!("{name} is not in the manifest of the images"))?;
        let size = image.get(bytes).and_then(Value::as_integer).and_then(|size| u64::try_from(size).ok());
        let hash = image.get(sha256).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Measured { bytes: size.unwrap_or_default(), sha256: hash })
    }
}

fn replaced(key: &str, built: &[Measured; 2]) -> Option<String> {
    for ([bytes, sha256], measured) in KEYS.iter().zip(built) {
        if key == *bytes {
            return Some(format!("{key} = {}", measured.bytes));
        }
        if key == *sha256 {
            return Some(format!("{key} = \"{}\"", measured.sha256));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# note\n[[image]]\nname = \"a\"\nbytes = 1\nsha256 = \"x\"\ncompressed_bytes = 1\ncompressed_sha256 = \"y\"\n\n\
        [[image.input]]\nname = \"zig\"\nsha256 = \"z\"\n\n[[image]]\nname = \"b\"\nbytes = 2\nsha256 = \"w\"\n";

    #[test]
    fn the_hashes_of_one_image_are_replaced() {
        let mut manifest = Manifest { path: PathBuf::new(), text: TEXT.to_owned() };
        let measured = |bytes, hash: &str| Measured { bytes, sha256: hash.to_owned() };
        let built = [measured(10, "new"), measured(5, "packed")];
        assert!(manifest.compare("a", &built).unwrap().is_some());
        manifest.record("a", &built).unwrap();
        assert!(manifest.compare("a", &built).unwrap().is_none());
        assert!(manifest.compare_packed("a", &measured(5, "other")).unwrap().is_some());
        let expected = TEXT.replacen("bytes = 1\nsha256 = \"x\"", "bytes = 10\nsha256 = \"new\"", 1);
        let expected = expected.replacen(
            "compressed_bytes = 1\ncompressed_sha256 = \"y\"",
            "compressed_bytes = 5\ncompressed_sha256 = \"packed\"",
            1,
        );
        assert_eq!(manifest.text, expected);
        assert!(manifest.record("c", &built).is_err());
    }
}
