//! `moltforge versions`

use anstyle::Style;
use moltforge_api::PageQuery;
use moltforge_api::versions::{Version, VersionDiff};

use super::show;
use crate::Error;
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, BAD, DIM, Exit, Failure, GOOD, Output, PLAIN, Table};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent's name or id
    agent: String,
    /// Show how two versions differ; with one number, how it differs from the one before
    #[arg(long, value_name = "A..B")]
    diff: Option<String>,
}

/// Lists, or compares.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("show the versions of {}", args.agent);
    let range = args.diff.as_deref().map(parse).transpose().attempt(attempted)?;
    let client = context.connection.client().attempt(attempted)?;
    if let Some((from, to)) = range {
        let diff = client.agents().diff(&args.agent, to, from).await.attempt(attempted)?;
        context.output.data(&diff, |out| difference(out, &diff));
        return Ok(Exit::Done);
    }
    let mut versions = Vec::new();
    let mut page = PageQuery { cursor: None, limit: Some(200) };
    loop {
        let answer = client.agents().versions(&args.agent, &page).await.attempt(attempted)?;
        versions.extend(answer.items);
        if answer.next.is_none() {
            break;
        }
        page.cursor = answer.next;
    }
    context.output.data(&versions, |out| list(out, &versions));
    Ok(Exit::Done)
}

/// `3..5`, or `5` for what 5 changed.
fn parse(text: &str) -> Result<(Option<u32>, u32), Error> {
    let wrong = || Error::argument("--diff", format!("expected two versions such as 1..2, or one, got {text:?}"));
    let number = |text: &str| text.trim().parse::<u32>().ok().filter(|n| *n > 0).ok_or_else(wrong);
    match text.split_once("..") {
        Some((from, to)) => Ok((Some(number(from)?), number(to)?)),
        None => Ok((None, number(text)?)),
    }
}

fn list(out: Output, versions: &[Version]) {
    let mut table = Table::new(&["VERSION", "CONTENT", "CREATED", "BY", "MODEL"], "no versions");
    for version in versions {
        table.row([
            (ACCENT, version.version.to_string().as_str()),
            (DIM, version.content_hash.get(..12).unwrap_or(&version.content_hash)),
            (PLAIN, &show::time(&version.created_at)),
            (DIM, &version.created_by),
            (PLAIN, &version.config.model),
        ]);
    }
    out.table(&table);
}

fn difference(out: Output, diff: &VersionDiff) {
    if diff.changes.is_empty() {
        out.line(&format!("versions {} and {} are the same", diff.from, diff.to));
        return;
    }
    for line in diff.unified.trim_end().lines() {
        out.pieces(&[(line_style(line), line)]);
    }
}

fn line_style(line: &str) -> Style {
    match line.as_bytes().first() {
        Some(b'+') => GOOD,
        Some(b'-') => BAD,
        Some(b'@') => ACCENT,
        _ => PLAIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_versions() {
        assert_eq!(parse("1..3").unwrap(), (Some(1), 3));
        assert_eq!(parse("3").unwrap(), (None, 3));
        for bad in ["", "..", "1..", "a..b", "0", "1..2..3", "-1..2"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
