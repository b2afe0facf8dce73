//! `bad/*.toml`: agent files that are refused. Each says in comments at its end what must be reported and where:
//! `#! line:column message`, the message from its beginning; nothing else may be reported.

use std::path::Path;

use moltforge_manifest::{parse_toml, parse_toml_bytes, render};

#[test]
fn every_fault_is_reported_at_its_place() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/bad");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 10, "the table of bad files is there");
    let mut wrong = Vec::new();
    for path in files {
        let source = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        let expected: Vec<&str> = source.lines().filter_map(|line| line.strip_prefix("#! ")).collect();
        let found = parse_toml(&source).err().unwrap_or_default();
        let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
        let same =
            texts.len() == expected.len() && texts.iter().zip(&expected).all(|(text, want)| text.starts_with(want));
        if !same || expected.is_empty() {
            wrong.push(format!("{}\nexpected:\n{}\n", render(&name, &source, &found), expected.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n----\n"));
}

#[test]
fn a_huge_file_is_refused_before_it_is_read() {
    let source = format!("name = \"x\"\n# {}", "a".repeat(moltforge_manifest::MAX_FILE_BYTES));
    let found = parse_toml(&source).unwrap_err();
    assert_eq!(found.len(), 1);
    assert!(found[0].message.contains("at most 262144"), "{found:?}");
}

#[test]
fn what_is_not_text_is_refused_at_its_place() {
    let found = parse_toml_bytes(b"name = \"x\"\nkind = \"\xff\"").unwrap_err();
    assert_eq!(found[0].to_string(), "2:9: not text: an agent file is UTF-8");
    assert!(parse_toml_bytes("name = \"hello\"\nkind = \"prompt\"\nmodel = \"a/b\"".as_bytes()).is_ok());
}

#[test]
fn depth_cannot_exhaust_the_stack() {
    let dotted = vec!["a"; 70].join(".");
    let mut nested = "1".to_owned();
    for _ in 0..70 {
        nested = format!("{{{dotted} = {nested}}}");
    }
    for source in [
        format!("x = {}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("x = {}", "{a=".repeat(50_000)),
        format!("{}1", "a.".repeat(100_000)),
        format!("[{}]", vec!["a"; 100_000].join(".")),
        format!("x = {nested}"),
    ] {
        let found = parse_toml(&source).unwrap_err();
        assert!(found.iter().any(|fault| fault.message.contains("nested deeper than 32 levels")), "{found:?}");
    }
}

#[test]
fn a_thousand_faults_are_cut() {
    let source = (0..1_000).map(|n| format!("field{n} = 1")).collect::<Vec<_>>().join("\n");
    let found = parse_toml(&source).unwrap_err();
    assert_eq!(found.len(), moltforge_manifest::MAX_DIAGNOSTICS + 1);
    assert!(found.last().unwrap().message.contains("more faults"));
}
