//! An agent whose input names what it tries; see `crates/sandbox/tests/it/component.rs`.

mod bad;
mod every;
mod std_wasi;

use std::time::Duration;

use moltforge_agent::{Either, Error, Result, clock, join_all, llm, log, race, random, sleep, state, timers, tools};
use serde_json::{Value, json};

moltforge_agent::export!(run);

async fn run(input: Value) -> Result<Value> {
    if let Some(times) = input.as_u64() {
        return often(times).await;
    }
    match input.as_str().unwrap_or_default() {
        "every" => Ok(every::every()),
        "parallel" => parallel().await,
        "given up" => given_up().await,
        "refused" => Ok(json!(tools::call::<Value>("fail", &json!({})).await.map_err(shown))),
        "odd" => state::get::<u32>("text").await.map(|value| json!(value)),
        "stream" => stream().await,
        "same" => same().await,
        "own error" => Err(Error { details: Some(json!({ "n": 1 })), ..Error::new("too_cold", "it freezes") }),
        "wasi" => Ok(std_wasi::tries()),
        other => bad::tries(other).await,
    }
}

/// One call after another: what is measured.
async fn often(times: u64) -> Result<Value> {
    for _ in 0..times {
        state::get::<Value>("key").await?;
    }
    Ok(json!(times))
}

fn shown(error: Error) -> Value {
    json!({ "code": error.code, "message": error.message, "details": error.details })
}

async fn parallel() -> Result<Value> {
    let delays = [30, 10, 20].map(|ms| tools::call::<Value>("echo", &json!({ "ms": ms })));
    let answers = join_all(delays).await.into_iter().collect::<Result<Vec<_>>>()?;
    let begun = clock::now();
    sleep(Duration::from_secs(3600)).await?;
    let slept = clock::now().duration_since(begun).map_err(|error| error.to_string())?;
    log::info(format!("slept {} s", slept.as_secs()));
    let at: Vec<_> = answers.iter().map(|answer| answer["args"]["ms"].clone()).collect();
    Ok(json!({ "at": at, "slept": slept.as_secs() }))
}

async fn given_up() -> Result<Value> {
    let never = tools::call::<Value>("never", &json!({ "ms": u32::MAX }));
    let Either::Right(_) = race(never, sleep(Duration::from_millis(5))).await else { return Err("it came".into()) };
    let late = tools::call::<Value>("late", &json!({ "ms": 50 }));
    Ok(json!(timers::timeout(Duration::from_millis(10), late).await.is_none()))
}

async fn stream() -> Result<Value> {
    let mut stream = llm::stream("count");
    let mut pieces = Vec::new();
    while let Some(piece) = stream.next().await? {
        pieces.push(json!([piece.text, piece.reply, piece.restarted]));
    }
    Ok(json!({ "pieces": pieces, "text": stream.result().await?.text }))
}

async fn same() -> Result<Value> {
    let begun = clock::now();
    let mut seen = vec![json!(random::u64()), json!(random::bytes::<4>())];
    for n in 0..5 {
        sleep(Duration::from_millis(n)).await?;
        seen.push(json!(random::u64() % 1000));
        log::debug(n);
    }
    seen.push(json!(clock::now().duration_since(begun).unwrap_or_default().as_micros()));
    Ok(json!(seen))
}
