//! Files and folders that nobody else may read: keys, and where a server runs.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use crate::Error;

/// A folder, made with mode 0700 when it is missing.
pub fn folder(path: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| Error::FileUnwritable { path: path.to_owned(), source })
}

/// The text of a file, if there is one.
pub fn read(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::FileUnreadable { path: path.to_owned(), source }),
    }
}

/// Writes a file with mode 0600: beside it first, then moved into place, so that a reader never sees half of it.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let unwritable = |source| Error::FileUnwritable { path: path.to_owned(), source };
    let draft = path.with_extension("new");
    // left behind by a start that was killed
    let _ = fs::remove_file(&draft);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft).map_err(unwritable)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(unwritable)?;
    fs::rename(&draft, path).map_err(unwritable)
}
