use moltforge_jail::Enforcement;

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

#[test]
fn what_cannot_be_written_is_not_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("engines/a.image");
    // nothing can be put in the place of a folder that is not empty
    fs::create_dir_all(path.join("inside")).unwrap();
    assert!(write(&path, b"code", &[1; 32]).is_err());
    let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, [path]);
}

#[tokio::test]
async fn images_that_nobody_waited_for_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        program: PathBuf::new(),
        worker: Vec::new(),
        compiler: Vec::new(),
        cache: folder.path().join("images"),
        enforcement: Enforcement::Required,
        memory: 1,
        guests: 1,
        guests_per_project: 1,
        cpu_milli: None,
        idle: Duration::ZERO,
        silence: Duration::ZERO,
    };
    let cache = Cache::open(&config, ProcessGroups::find(None), [0; 32]).unwrap();
    let awaited = cache.one(Path::new("awaited"));
    for n in 0..2 * KNOWN {
        // given up before it was compiled
        drop(cache.one(Path::new(&n.to_string())));
    }
    assert!(cache.known().len() <= KNOWN);
    assert!(Arc::ptr_eq(&awaited, &cache.one(Path::new("awaited"))));
}
