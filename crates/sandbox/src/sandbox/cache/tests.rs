use super::*;

#[test]
fn the_key_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("cache");
    let first = key(&root).unwrap();
    assert_eq!(key(&root).unwrap(), first);
    assert_ne!(first, [0; 32]);
    fs::write(root.join("key"), b"short").unwrap();
    assert!(key(&root).is_err());
}

#[test]
fn nothing_is_used_that_was_not_written_here() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("engines/a.image"), folder.path().join("engines/b.image"));
    let key = [1; 32];
    assert!(!is_ours(&path, &key));
    write(&path, b"code", &key).unwrap();
    assert!(is_ours(&path, &key));
    assert!(!is_ours(&path, &[2; 32]), "another key");
    // the same bytes under another name
    fs::copy(&path, &other).unwrap();
    fs::copy(tag_of(&path), tag_of(&other)).unwrap();
    assert!(!is_ours(&other, &key));
    fs::write(&path, b"codf").unwrap();
    assert!(!is_ours(&path, &key), "changed");
    write(&path, b"code", &key).unwrap();
    fs::remove_file(tag_of(&path)).unwrap();
    assert!(!is_ours(&path, &key), "without its code");
}
