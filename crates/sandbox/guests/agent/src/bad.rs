//! What ends as a failure.

use moltforge_agent::bindings::moltforge::agent::{calls, log, random, state, timers, tools};
use moltforge_agent::{Result, sleep};
use serde_json::Value;

pub async fn tries(what: &str) -> Result<Value> {
    match what {
        "panic" => panic!("what now"),
        "fatal" => log::fatal("I give up"),
        "deadlock" => std::future::pending().await,
        "wait for nothing" => {
            calls::wait(&[]);
        }
        "loop" => loop {
            std::hint::black_box(0);
        },
        "memory" => {
            let mut kept = Vec::new();
            loop {
                kept.push(std::hint::black_box(vec![1_u8; 1 << 20]));
            }
        }
        "recursion" => {
            std::hint::black_box(deeper(1));
        }
        "hoard" => {
            let text = serde_json::json!({ "text": "x".repeat(500_000) }).to_string();
            let mut kept = Vec::new();
            loop {
                kept.push(tools::call("echo", &text));
                sleep(std::time::Duration::from_millis(1)).await?;
            }
        }
        "many calls" => {
            let mut kept = Vec::new();
            loop {
                kept.push(timers::after(60_000));
            }
        }
        "no json" => drop(state::set("k", "{")),
        "injection" => drop(state::set("k", r#"1,"key":"other""#)),
        "no name" => drop(tools::call("no name", "{}")),
        "much random" => drop(random::bytes(1 << 17)),
        "logs" => loop {
            log::write(log::Level::Info, &"y".repeat(1000));
        },
        _ => return Err("there is no such try".into()),
    }
    Ok(Value::Null)
}

fn deeper(n: u64) -> u64 {
    let kept = std::hint::black_box([n; 64]);
    deeper(n + 1) + kept[n as usize % 64]
}
