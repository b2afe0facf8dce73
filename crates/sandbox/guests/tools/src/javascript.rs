//! QuickJS-ng, our glue and the prelude, compiled by zig.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Where things are.
pub struct Sources<'a> {
    pub zig: &'a str,
    pub quickjs: &'a Path,
    pub guests: &'a Path,
}

const FLAGS: [&str; 13] = [
    "cc",
    "--target=wasm32-wasi",
    "-O2",
    "-std=gnu11",
    "-DNDEBUG",
    "-D_GNU_SOURCE",
    "-D_WASI_EMULATED_SIGNAL",
    "-D_WASI_EMULATED_PROCESS_CLOCKS",
    "-fno-strict-aliasing",
    "-fno-sanitize=undefined",
    "-w",
    "-s",
    "-mexec-model=reactor",
];
const GLUE: [&str; 6] = ["quickjs.c", "engine.c", "host.c", "modules.c", "system.c", "utf8.c"];
const LIBRARY: [&str; 3] = ["libregexp.c", "libunicode.c", "dtoa.c"];
/// The stack in linear memory, and the most that a memory may grow to whatever the worker allows.
const LIMITS: [&str; 2] = ["-Wl,-z,stack-size=1048576", "-Wl,--max-memory=1073741824"];

impl Sources<'_> {
    /// The module.
    pub fn compile(&self, work: &Path) -> Result<Vec<u8>> {
        let engine = self.guests.join("javascript/engine");
        fs::create_dir_all(work)?;
        let prelude = work.join("prelude.c");
        fs::write(&prelude, prelude_source(&self.guests.join("javascript/prelude"))?)?;
        let out = work.join("javascript.core.wasm");
        let mut zig = Command::new(self.zig);
        zig.args(FLAGS);
        for (folder, name) in [(self.quickjs, "quickjs"), (&engine, "engine"), (work, "work")] {
            zig.arg(format!("-ffile-prefix-map={}={name}", folder.display()));
        }
        zig.arg(format!("-DQUICKJS_SOURCE=\"{}\"", self.quickjs.join("quickjs.c").display()));
        zig.arg("-I").arg(self.quickjs).arg("-I").arg(&engine);
        zig.args(GLUE.map(|file| engine.join(file))).arg(&prelude).args(LIBRARY.map(|file| self.quickjs.join(file)));
        zig.args(LIMITS).arg("-o").arg(&out);
        zig.env("ZIG_GLOBAL_CACHE_DIR", work.join("zig")).env("ZIG_LOCAL_CACHE_DIR", work.join("zig-local"));
        let status = zig.status().with_context(|| format!("start {}", self.zig))?;
        if !status.success() {
            bail!("zig ended with {status}");
        }
        fs::read(&out).with_context(|| format!("read {}", out.display()))
    }
}

/// The files of the prelude as C, in the order of their names.
fn prelude_source(folder: &Path) -> Result<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .with_context(|| format!("list {}", folder.display()))?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    names.sort();
    let mut out = String::from("#include \"engine.h\"\n");
    for (index, name) in names.iter().enumerate() {
        let bytes = fs::read(folder.join(name))?;
        let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
        writeln!(out, "static const char text_{index}[] = {{ {}, 0 }};", list.join(","))?;
    }
    out.push_str("const mf_builtin mf_prelude[] = {\n");
    for (index, name) in names.iter().enumerate() {
        writeln!(out, "    {{ \"moltforge:{name}\", text_{index}, sizeof text_{index} - 1 }},")?;
    }
    out.push_str("};\nconst size_t mf_prelude_len = sizeof mf_prelude / sizeof mf_prelude[0];\n");
    Ok(out)
}
