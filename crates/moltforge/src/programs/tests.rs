//! Programs on disk.

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn files(given: &[(&str, &str)], code: &str) -> Result<Vec<String>, String> {
    let folder = folder(given);
    collect(folder.path(), code).map(|program| program.files).map_err(|error| match &error {
        Error::ProgramInvalid { path, diagnostics, .. } => {
            let path = path.strip_prefix(folder.path()).unwrap_or(path);
            let all: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
            format!("{}: {}", path.display(), all.join("; "))
        }
        other => format!("{other}: {:?}", std::error::Error::source(other)),
    })
}

#[test]
fn a_program_is_its_file_and_what_that_imports() {
    let given = [
        ("agent.js", "import { a } from './lib/a.js'; import prompt from './prompt.md'; import 'moltforge'"),
        ("lib/a.js", "import config from '../config.json'; import './b'; export const a = import('./gone.js')"),
        ("lib/b/index.ts", "import type { T } from './types'; import { c } from '../c.js'"),
        ("lib/c.ts", ""),
        ("config.json", "{}"),
        ("prompt.md", "Hello"),
        ("secret.env", "no"),
    ];
    let expected = ["agent.js", "config.json", "lib/a.js", "lib/b/index.ts", "lib/c.ts", "prompt.md"];
    assert_eq!(files(&given, "agent.js").unwrap(), expected);
}

#[test]
fn what_cannot_be_imported_is_named_with_its_line() {
    for (source, said) in [
        ("\nimport './gone.js'", "agent.js: 2:8: `./gone.js` is imported, and there is no file"),
        ("import x from 'lodash'", "agent.js: 1:15: `lodash` is a package"),
        ("import fs from 'node:fs'", "agent.js: 1:16: the modules of Node, such as `fs`"),
        ("import fs from 'fs/promises'", "agent.js: 1:16: the modules of Node, such as `fs/promises`"),
        ("import x from 'https://esm.sh/x'", "agent.js: 1:15: `https://esm.sh/x` is no file of the agent"),
        ("import '../x.js'", "agent.js: 1:8: `../x.js` leaves the agent's folder"),
    ] {
        let error = files(&[("agent.js", source)], "agent.js").unwrap_err();
        assert!(error.starts_with(said), "{error}");
    }
    assert!(files(&[], "agent.js").unwrap_err().contains("agent.js failed"));
    let found = folder(&[("agent.js", "import './binary.txt'")]);
    std::fs::write(found.path().join("binary.txt"), b"\xff").unwrap();
    assert!(matches!(collect(found.path(), "agent.js"), Err(Error::ProgramInvalid { .. })));
}

#[test]
fn python_takes_modules_packages_and_data_that_lie_beside_it() {
    let given = [
        ("agent.py", "import json, helper\nfrom package.inner import x\nopen('prompt.md')\nopen('absent.md')"),
        ("helper.py", "def f():\n    import late"),
        ("late.py", ""),
        ("package/__init__.py", ""),
        ("package/inner.py", "import other"),
        ("package/data/words.txt", "a"),
        ("package/__pycache__/inner.pyc", "x"),
        ("other/mod.py", ""),
        ("prompt.md", "Hello"),
        ("unused.py", ""),
        (".env", "SECRET"),
    ];
    let expected = [
        "agent.py",
        "helper.py",
        "late.py",
        "other/mod.py",
        "package/__init__.py",
        "package/data/words.txt",
        "package/inner.py",
        "prompt.md",
    ];
    assert_eq!(files(&given, "agent.py").unwrap(), expected);
}

#[test]
fn native_python_says_what_to_do_instead() {
    let inside =
        [("agent.py", "import fast"), ("fast/__init__.py", ""), ("fast/_c.cpython-312-x86_64-linux-gnu.so", "")];
    let error = files(&inside, "agent.py").unwrap_err();
    assert!(error.starts_with("fast/_c.cpython-312-x86_64-linux-gnu.so: it is native code"), "{error}");
    assert!(error.ends_with("deleting the file is enough"), "{error}");
    let beside = [("agent.py", "import speed"), ("speed.abi3.so", "")];
    assert!(files(&beside, "agent.py").unwrap_err().contains("put the work behind a tool"));
}

#[test]
fn a_component_is_one_file_of_bytes() {
    let found = folder(&[]);
    std::fs::write(found.path().join("agent.wasm"), b"\0asm\x0d\0\x01\0").unwrap();
    let program = collect(found.path(), "agent.wasm").unwrap();
    assert_eq!(program.files, ["agent.wasm"]);
    assert_eq!(bundle::hash(&program.bytes), program.sha256);
    let Err(Error::ProgramInvalid { diagnostics, .. }) = collect(found.path(), "target/agent.wasm") else { panic!() };
    assert!(diagnostics[0].message.contains("cargo build"), "{diagnostics:?}");
    std::fs::File::create(found.path().join("large.wasm")).unwrap().set_len(9 << 20).unwrap();
    let Err(Error::ProgramInvalid { diagnostics, .. }) = collect(found.path(), "large.wasm") else { panic!() };
    assert!(diagnostics[0].message.contains("8 MiB together"), "{diagnostics:?}");
}

#[test]
fn a_link_takes_nothing_from_elsewhere() {
    let outside = folder(&[("secret.txt", "no")]);
    let found = folder(&[("agent.js", "import './secret.txt'")]);
    std::os::unix::fs::symlink(outside.path().join("secret.txt"), found.path().join("secret.txt")).unwrap();
    let error = collect(found.path(), "agent.js").unwrap_err();
    assert!(matches!(error, Error::ProgramInvalid { .. }), "{error}");
}

#[test]
fn too_much_is_refused_before_it_is_read() {
    let found = folder(&[("agent.js", "import './large.txt'")]);
    let large = std::fs::File::create(found.path().join("large.txt")).unwrap();
    large.set_len(1 << 40).unwrap();
    let Err(Error::ProgramInvalid { diagnostics, .. }) = collect(found.path(), "agent.js") else { panic!() };
    assert!(diagnostics[0].message.contains("at most 8 MiB"), "{diagnostics:?}");
}

#[test]
fn data_of_a_package_is_not_read_whole_to_see_that_it_is_no_text() {
    let found = folder(&[("agent.py", "import package"), ("package/__init__.py", ""), ("package/words.txt", "a")]);
    let model = found.path().join("package/model.bin");
    std::fs::write(&model, b"\xff").unwrap();
    std::fs::File::options().write(true).open(&model).unwrap().set_len(1 << 40).unwrap();
    let program = collect(found.path(), "agent.py").unwrap();
    assert_eq!(program.files, ["agent.py", "package/__init__.py", "package/words.txt"]);
}

#[test]
fn links_to_folders_are_named_and_not_followed() {
    let found = folder(&[("agent.py", "import package"), ("package/__init__.py", "")]);
    for name in ["a", "b"] {
        // followed, these are 2^40 folders
        std::os::unix::fs::symlink(".", found.path().join("package").join(name)).unwrap();
    }
    let Err(Error::ProgramInvalid { path, diagnostics, .. }) = collect(found.path(), "agent.py") else { panic!() };
    assert!(path.ends_with("package/a") && diagnostics[0].message.contains("a link to a folder"), "{diagnostics:?}");
}
