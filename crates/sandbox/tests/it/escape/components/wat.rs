//! A component of the world `moltforge:agent` in text, of which one part is exchanged.
//!
//! Its memory: the answer `"mine"` at 32, the name `echo` at 48, the arguments `{}` at 64, what is no UTF-8 at 80; what a
//! call returns at 2048, lists at 3072; `realloc` gives out what is above 128 KiB.

/// The parts.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    /// Pages of its memory.
    pub(super) memory: &'static str,
    /// What `realloc` does. Its parameters are `$old`, `$of`, `$align` and `$size`.
    pub(super) realloc: &'static str,
    /// More of its module.
    pub(super) items: &'static str,
    /// What `run` does: it returns where the result lies.
    pub(super) run: &'static str,
    /// More options of `run`.
    pub(super) options: &'static str,
    /// More of the component, before its module.
    pub(super) around: &'static str,
}

/// A call that is made and taken.
pub(super) const GOOD: &str = "(call $take (call $ask) (i32.const 2048)) (call $mine)";

impl Default for Parts {
    fn default() -> Self {
        let realloc = "(local $at i32) (local.set $at (global.get $next))
            (global.set $next (i32.and (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 7)) (i32.const -8)))
            (local.get $at)";
        Self { memory: "4", realloc, items: "", run: GOOD, options: "", around: "" }
    }
}

impl Parts {
    pub(super) fn run(run: &'static str) -> Self {
        Self { run, ..Self::default() }
    }

    pub(super) fn items(items: &'static str) -> Self {
        Self { items, ..Self::default() }
    }

    pub(super) fn around(around: &'static str) -> Self {
        Self { around, ..Self::default() }
    }

    pub(super) fn component(&self) -> Vec<u8> {
        let text = self.text();
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn text(&self) -> String {
        let Self { memory, realloc, items, run, options, around } = self;
        let each = |text: fn(&Function) -> String| FUNCTIONS.iter().map(text).collect::<Vec<_>>().concat();
        let lowered = each(|(name, of, function, _)| {
            format!(
                "(core func ${name} (canon lower (func ${of} \"{function}\") (memory (core memory $libc \"memory\")) \
                 (realloc (core func $libc \"realloc\"))))\n"
            )
        });
        let given = each(|(name, ..)| format!("(export \"{name}\" (func ${name}))\n"));
        let imported = each(|(name, .., ty)| format!("(import \"host\" \"{name}\" (func ${name} {ty}))\n"));
        format!(
            r#"(component
{IMPORTS}
{around}
(core module $Libc
  (memory (export "memory") {memory})
  (table $hook (export "hook") 2 funcref)
  (type $hook (func (param i64) (result i32)))
  (global $next (mut i32) (i32.const 131072))
  (func $realloc (export "realloc")
    (param $old i32) (param $of i32) (param $align i32) (param $size i32) (result i32) {realloc}))
(core instance $libc (instantiate $Libc))
{lowered}
(core func $drop (canon resource.drop $pending))
(core module $Main
  (import "libc" "memory" (memory 1))
  (import "libc" "hook" (table $hook 2 funcref))
  {imported}
  (import "host" "drop" (func $drop (param i32)))
  (data (i32.const 32) "\"mine\"") (data (i32.const 48) "echo") (data (i32.const 64) "{{}}") (data (i32.const 80) "\ff\fe")
  (func $result (param $at i32) (param $length i32) (result i32)
    (i32.store8 (i32.const 1024) (i32.const 0))
    (i32.store (i32.const 1028) (local.get $at)) (i32.store (i32.const 1032) (local.get $length)) (i32.const 1024))
  (func $mine (result i32) (call $result (i32.const 32) (i32.const 6)))
  (func $ask (result i32) (call $call (i32.const 48) (i32.const 4) (i32.const 64) (i32.const 2)))
  {items}
  (func (export "run") (param i32 i32) (result i32) {run}))
(core instance $main (instantiate $Main
  (with "libc" (instance $libc))
  (with "host" (instance {given} (export "drop" (func $drop))))))
(func $run (param "input" string) (result (result string (error $error)))
  (canon lift (core func $main "run") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc")) {options}))
(export "run" (func $run)))"#
        )
    }
}

/// A text of a program, made while the tests run.
pub(super) fn made(text: String) -> &'static str {
    text.leak()
}

/// A function of the host: what the module calls it, of which import it is, what it is called there, and its type.
type Function = (&'static str, &'static str, &'static str, &'static str);

const FUNCTIONS: [Function; 10] = [
    ("take", "calls", "[static]pending.take", "(param i32 i32)"),
    ("wait", "calls", "wait", "(param i32 i32) (result i32)"),
    ("after", "timers", "after", "(param i64) (result i32)"),
    ("call", "tools", "call", "(param i32 i32 i32 i32) (result i32)"),
    ("stream", "llm", "stream", "(param i32 i64 i64) (result i32)"),
    ("log", "log", "write", "(param i32 i32 i32)"),
    ("random", "random", "bytes", "(param i32 i32)"),
    ("fetch", "http", "fetch", "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)"),
    ("stdout", "stdout", "get-stdout", "(result i32)"),
    ("write", "streams", "[method]output-stream.write", "(param i32 i32 i32) (result i32)"),
];

const IMPORTS: &str = r#"
(import "moltforge:agent/calls@0.1.0" (instance $calls
  (type $e (record (field "code" string) (field "message" string) (field "details" (option string))))
  (export "error" (type $error (eq $e)))
  (export "pending" (type $pending (sub resource)))
  (export "[static]pending.take" (func (param "call" (own $pending)) (result (result string (error $error)))))
  (export "wait" (func (param "calls" (list (borrow $pending))) (result u32)))))
(alias export $calls "pending" (type $pending))
(alias export $calls "error" (type $error))
(import "moltforge:agent/timers@0.1.0" (instance $timers
  (alias outer 1 $pending (type $p)) (export "pending" (type $pending (eq $p)))
  (export "after" (func (param "duration" u64) (result (own $pending))))))
(import "moltforge:agent/tools@0.1.0" (instance $tools
  (alias outer 1 $pending (type $p)) (export "pending" (type $pending (eq $p)))
  (export "call" (func (param "name" string) (param "arguments" string) (result (own $pending))))))
(import "moltforge:agent/llm@0.1.0" (instance $llm
  (alias outer 1 $pending (type $p)) (export "pending" (type $pending (eq $p)))
  (export "stream" (func (param "call" (borrow $pending)) (param "attempt" u64) (param "offset" u64)
    (result (own $pending))))))
(import "moltforge:agent/log@0.1.0" (instance $log
  (type $l (enum "debug" "info" "warn" "error")) (export "level" (type $level (eq $l)))
  (export "write" (func (param "level" $level) (param "message" string)))))
(import "moltforge:agent/random@0.1.0" (instance $random
  (export "bytes" (func (param "count" u32) (result (list u8))))))
(import "moltforge:agent/http@0.1.0" (instance $http
  (alias outer 1 $pending (type $p)) (export "pending" (type $pending (eq $p)))
  (type $r (record (field "method" (option string)) (field "url" string) (field "headers" (list (tuple string string)))
    (field "body" (option string))))
  (export "request" (type $request (eq $r)))
  (export "fetch" (func (param "request" $request) (result (own $pending))))))
(import "wasi:io/streams@0.2.0" (instance $streams
  (export "output-stream" (type $stream (sub resource)))
  (export "[method]output-stream.write" (func (param "self" (borrow $stream)) (param "contents" (list u8))
    (result (result))))))
(alias export $streams "output-stream" (type $stream))
(import "wasi:cli/stdout@0.2.0" (instance $stdout
  (alias outer 1 $stream (type $s)) (export "output-stream" (type $stream (eq $s)))
  (export "get-stdout" (func (result (own $stream))))))
"#;
