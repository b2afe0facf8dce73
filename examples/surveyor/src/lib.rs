//! Looks at the weather of several cities at once, waits, asks, and says how far they are apart.

use std::time::Duration;

use moltforge_agent::{Result, join_all, log, signals, sleep, state, tools};
use serde::{Deserialize, Serialize};
use serde_json::json;

moltforge_agent::export!(run);

#[derive(Deserialize)]
struct Input {
    #[serde(default = "cities")]
    cities: Vec<String>,
    #[serde(default = "pause")]
    pause_seconds: u64,
}

#[derive(Deserialize)]
struct Report {
    city: String,
    celsius: i64,
}

#[derive(Serialize)]
struct Output {
    coldest: String,
    warmest: String,
    apart: i64,
    decision: String,
    surveys: u32,
}

fn cities() -> Vec<String> {
    ["Lisbon", "Oslo", "Rome"].map(str::to_owned).into()
}

fn pause() -> u64 {
    60
}

async fn run(input: Input) -> Result<Output> {
    // all at once; the answers are in the order of the cities
    let calls = input.cities.iter().map(|city| tools::call::<Report>("weather.today", &json!({ "city": city })));
    let reports = join_all(calls).await.into_iter().collect::<Result<Vec<_>>>()?;
    let coldest = reports.iter().min_by_key(|report| report.celsius).ok_or("no city")?;
    let warmest = reports.iter().max_by_key(|report| report.celsius).ok_or("no city")?;
    log::info(format!("it is warmest in {}", warmest.city));

    // nothing is in memory meanwhile, and a restart of the server changes nothing
    sleep(Duration::from_secs(input.pause_seconds)).await?;
    let decision = signals::wait_for("decision", Duration::from_hours(24)).await?;

    let surveys = state::get::<u32>("surveys").await?.unwrap_or(0) + 1;
    state::set("surveys", &surveys).await?;
    Ok(Output {
        coldest: coldest.city.clone(),
        warmest: warmest.city.clone(),
        apart: warmest.celsius - coldest.celsius,
        decision,
        surveys,
    })
}
