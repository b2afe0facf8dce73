use std::time::Duration;

use moltforge_agent::{Result, log, sleep, state};
use serde::{Deserialize, Serialize};

moltforge_agent::export!(run);

#[derive(Deserialize)]
struct Input {
    name: String,
}

#[derive(Serialize)]
struct Output {
    greeting: String,
    greeted: u32,
}

// Called once for each run. Whatever it awaits from `moltforge_agent` is a step of the journal: after a crash the program is
// started again, and every finished step is answered from there.
async fn run(input: Input) -> Result<Output> {
    let greeted = state::get::<u32>("greeted").await?.unwrap_or(0) + 1;
    log::info(format!("greeting {}", input.name));
    sleep(Duration::from_secs(1)).await?;
    state::set("greeted", &greeted).await?;
    Ok(Output { greeting: format!("Hello, {}!", input.name), greeted })
}
