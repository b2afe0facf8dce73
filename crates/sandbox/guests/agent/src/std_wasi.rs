//! What the standard library of a language calls of WASI.

use serde_json::{Value, json};

wit_bindgen::generate!({ path: "wasi.wit", world: "wasi", generate_all });

use wasi::cli::{environment, stderr, stdout};
use wasi::clocks::wall_clock;
use wasi::filesystem::preopens;
use wasi::random::{insecure_seed, random};

pub fn tries() -> Value {
    let out = stdout::get_stdout();
    let written = [
        out.check_write().is_ok(),
        out.write(b"one\ntw").is_ok(),
        out.write(b"o\nthree").is_ok(),
        out.blocking_flush().is_ok(),
        stderr::get_stderr().blocking_write_and_flush(b"warned\n").is_ok(),
    ];
    let seeds = insecure_seed::insecure_seed();
    json!({
        "written": written,
        "environment": environment::get_environment().len() + environment::get_arguments().len(),
        "directories": preopens::get_directories().len(),
        "seconds": wall_clock::now().seconds,
        "random": random::get_random_bytes(4).len(),
        "differ": random::get_random_u64() != random::get_random_u64() && seeds.0 != seeds.1,
    })
}
