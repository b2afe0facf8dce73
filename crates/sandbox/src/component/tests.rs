use super::*;

/// A component that imports and exports these, as empty instances; `run` is one too, unless it is a function.
fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
    fn section(id: u8, items: &[Vec<u8>]) -> Vec<u8> {
        let mut body = leb(items.len());
        body.extend(items.concat());
        [vec![id], leb(body.len()), body].concat()
    }
    fn leb(mut number: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let low = u8::try_from(number & 0x7f).unwrap();
            number >>= 7;
            bytes.push(if number == 0 { low } else { low | 0x80 });
            if number == 0 {
                return bytes;
            }
        }
    }
    fn name(name: &str) -> Vec<u8> {
        [vec![0], leb(name.len()), name.as_bytes().to_vec()].concat()
    }
    // one type: an instance with nothing in it
    let types = section(7, &[vec![0x42, 0]]);
    let imports: Vec<_> = imports.iter().map(|import| [name(import), vec![5, 0]].concat()).collect();
    let exports: Vec<_> = exports.iter().map(|export| [name(export), vec![5, 0, 0]].concat()).collect();
    [b"\0asm\x0d\0\x01\0".to_vec(), types, section(10, &imports), section(11, &exports)].concat()
}

fn refusal(bytes: &[u8]) -> (Refusal, String) {
    let Err(Refused(refusal, reason)) = check(bytes) else { panic!("it is taken") };
    (refusal, reason)
}

#[test]
fn everything_that_there_is_not_is_listed() {
    let imports = [
        "moltforge:agent/llm@0.1.7",
        "moltforge:agent/llm@0.2.0",
        "moltforge:agent/files@0.1.0",
        "wasi:cli/stderr@0.2.6",
        "wasi:sockets/tcp@0.2.6",
        "wasi:http/outgoing-handler@0.2.0",
        "wasi:random/random@0.3.0",
        "wasi:random/random",
        "host",
    ];
    let (refusal, reason) = refusal(&component(&imports, &[]));
    assert_eq!(refusal, Refusal::Imports);
    let listed = "it imports moltforge:agent/llm@0.2.0, moltforge:agent/files@0.1.0, wasi:sockets/tcp@0.2.6, \
                  wasi:http/outgoing-handler@0.2.0, wasi:random/random@0.3.0, wasi:random/random, host; ";
    assert!(reason.starts_with(listed), "{reason}");
}

#[test]
fn a_long_list_is_cut() {
    let names: Vec<String> = (0..100).map(|n| format!("a:b/i{n}@1.0.0")).collect();
    let (_, reason) = refusal(&component(&names.iter().map(String::as_str).collect::<Vec<_>>(), &[]));
    assert!(reason.contains("i39@1.0.0 and 60 more") && !reason.contains("i40@"), "{reason}");
}

#[test]
fn run_must_be_a_function() {
    let wasi = ["wasi:io/poll@0.2.0", "wasi:filesystem/types@0.2.0"];
    assert_eq!(refusal(&component(&wasi, &[])).0, Refusal::Exports);
    let (kind, reason) = refusal(&component(&["moltforge:agent/calls@0.1.0"], &["run", "go"]));
    assert_eq!(kind, Refusal::Exports);
    assert!(reason.ends_with("it exports run, go"), "{reason}");
}

#[test]
fn what_is_no_component_is_told() {
    assert!(refusal(b"MZ").1.contains("not WebAssembly"));
    assert!(refusal(b"").1.contains("not WebAssembly"));
    assert!(refusal(b"\0asm\x01\0\0\0").1.contains("wasm-tools component new"));
    let whole = component(&["wasi:io/poll@0.2.0"], &["run"]);
    for end in 9..whole.len() {
        // never a panic; a cut between two sections is a component without `run`
        assert!(check(&whole[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn exit_codes_come_back() {
    for refusal in Refusal::ALL {
        assert_eq!(Refusal::of_exit(i32::from(refusal.exit())), Some(refusal));
    }
    assert_eq!(Refusal::of_exit(1), None);
}

#[test]
fn the_interfaces_are_those_of_the_world() {
    let world = include_str!("../../../../sdk/wit/agent.wit");
    let declared = world.lines().filter_map(|line| line.strip_prefix("interface ")?.strip_suffix(" {"));
    assert_eq!(declared.collect::<Vec<_>>(), INTERFACES);
    let version = world.lines().find_map(|line| line.strip_prefix("package moltforge:agent@")?.strip_suffix(';'));
    assert!(is_known(&format!("{PACKAGE}/calls@{}", version.unwrap())), "{version:?}");
}
