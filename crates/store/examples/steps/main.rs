//! Durable steps per second, beside the raw batched commit through the same driver, in interleaved pairs.
//!
//! ```text
//! cargo run --release -p moltforge-store --example steps -- [--dir DIR] [--postgres URL] [--in-flight 1,64,256,1024]
//!     [--seconds 5] [--rounds 3] [--executions 20000] [--output json]
//! ```
//!
//! A step is one journal entry of 512 random bytes and its execution's new row, fenced, on the disk before it is
//! acknowledged. Raw is the same rows into the same kind of table in the same batches, without fence, fold and
//! execution. Batches form as in the engine: what is queued when the last commit returned, at most 256 entries.
//! `--postgres` (or `MOLTFORGE_TEST_POSTGRES`) is a server's URL with the right to create databases; one is made and
//! dropped. `--dir` is the folder for temporary files unless given; what its disk does at best is printed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

mod full;
mod load;
mod raw;
mod settings;

use std::path::PathBuf;

use load::Figures;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

struct Arguments {
    dir: PathBuf,
    postgres: Option<String>,
    in_flight: Vec<usize>,
    seconds: u64,
    rounds: usize,
    executions: usize,
    json: bool,
}

impl Arguments {
    fn parse() -> Result<Self, AnyError> {
        let mut arguments = Self {
            dir: std::env::temp_dir(),
            postgres: std::env::var("MOLTFORGE_TEST_POSTGRES").ok(),
            in_flight: vec![1, 64, 256, 1024],
            seconds: 5,
            rounds: 3,
            executions: 20_000,
            json: false,
        };
        let mut given = std::env::args().skip(1);
        while let Some(name) = given.next() {
            let value = given.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--dir" => arguments.dir = value.into(),
                "--postgres" => arguments.postgres = Some(value),
                "--in-flight" => arguments.in_flight = value.split(',').map(str::parse).collect::<Result<_, _>>()?,
                "--seconds" => arguments.seconds = value.parse()?,
                "--rounds" => arguments.rounds = value.parse::<usize>()?.max(1),
                "--executions" => arguments.executions = value.parse()?,
                "--output" => arguments.json = value == "json",
                _ => return Err(format!("unknown argument {name}").into()),
            }
        }
        Ok(arguments)
    }
}

/// What one number of steps in flight gave, over all rounds.
struct Line {
    database: &'static str,
    lanes: usize,
    in_flight: usize,
    full: Vec<Figures>,
    raw: Vec<Figures>,
}

impl Line {
    fn ratio(&self) -> f64 {
        let ratios = self.full.iter().zip(&self.raw).map(|(full, raw)| full.per_second / raw.per_second);
        median(ratios.collect())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn column(figures: &[Figures], of: impl Fn(&Figures) -> f64) -> f64 {
    median(figures.iter().map(of).collect())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), AnyError> {
    let arguments = Arguments::parse()?;
    std::fs::create_dir_all(&arguments.dir)?;
    let mut settings = settings::machine(&arguments.dir)?;
    let mut lines = Vec::new();

    let folder = tempfile::tempdir_in(&arguments.dir)?;
    let full = full::Bench::sqlite(folder.path().join("data"), arguments.executions).await?;
    let raw = raw::Sqlite::open(&folder.path().join("raw.db"))?;
    settings.push(("sqlite", raw.settings()?));
    for in_flight in &arguments.in_flight {
        let mut line = Line { database: "sqlite", lanes: 1, in_flight: *in_flight, full: vec![], raw: vec![] };
        for round in 0..arguments.rounds {
            eprintln!("sqlite, {in_flight} in flight, round {}", round + 1);
            line.full.push(load::run(full.committers(), *in_flight, arguments.seconds).await?);
            line.raw.push(load::run(vec![raw.committer()], *in_flight, arguments.seconds).await?);
        }
        lines.push(line);
    }
    full.check().await?;

    if let Some(server) = &arguments.postgres {
        let database = settings::Database::create(server).await?;
        let full = full::Bench::postgres(database.url(), arguments.executions).await?;
        let raw = raw::Postgres::open(&database.url()).await?;
        settings.push(("postgres", raw.settings().await?));
        for in_flight in &arguments.in_flight {
            let width = full.committers().len();
            let mut line =
                Line { database: "postgres", lanes: width, in_flight: *in_flight, full: vec![], raw: vec![] };
            for round in 0..arguments.rounds {
                eprintln!("postgres, {in_flight} in flight, round {}", round + 1);
                raw.checkpoint().await?;
                line.full.push(load::run(full.committers(), *in_flight, arguments.seconds).await?);
                raw.checkpoint().await?;
                line.raw.push(load::run(raw.committers(width).await?, *in_flight, arguments.seconds).await?);
            }
            lines.push(line);
        }
        full.check().await?;
        drop((full, raw));
        database.drop().await?;
    }
    if arguments.json {
        print_json(&settings, &lines);
    } else {
        print_table(&settings, &lines);
    }
    Ok(())
}

fn print_table(settings: &[(&str, String)], lines: &[Line]) {
    for (name, value) in settings {
        println!("{name}: {value}");
    }
    println!(
        "\n| database | in flight | lanes | steps/s | p50 / p99 ms | batch | raw steps/s | raw p50 / p99 ms | ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for line in lines {
        println!(
            "| {} | {} | {} | {:.0} | {:.2} / {:.2} | {:.0} | {:.0} | {:.2} / {:.2} | {:.2} |",
            line.database,
            line.in_flight,
            line.lanes,
            column(&line.full, |f| f.per_second),
            column(&line.full, |f| f.p50_ms),
            column(&line.full, |f| f.p99_ms),
            column(&line.full, |f| f.batch),
            column(&line.raw, |f| f.per_second),
            column(&line.raw, |f| f.p50_ms),
            column(&line.raw, |f| f.p99_ms),
            line.ratio(),
        );
    }
}

fn print_json(settings: &[(&str, String)], lines: &[Line]) {
    let settings: serde_json::Map<_, _> =
        settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
    let lines: Vec<_> = lines
        .iter()
        .map(|line| {
            serde_json::json!({
                "database": line.database,
                "in_flight": line.in_flight,
                "lanes": line.lanes,
                "steps_per_second": column(&line.full, |f| f.per_second),
                "p50_ms": column(&line.full, |f| f.p50_ms),
                "p99_ms": column(&line.full, |f| f.p99_ms),
                "batch": column(&line.full, |f| f.batch),
                "raw_steps_per_second": column(&line.raw, |f| f.per_second),
                "raw_p50_ms": column(&line.raw, |f| f.p50_ms),
                "raw_p99_ms": column(&line.raw, |f| f.p99_ms),
                "ratio": line.ratio(),
            })
        })
        .collect();
    println!("{}", serde_json::json!({ "settings": settings, "lines": lines }));
}
