//! x
use anyhow::Result;
#[derive(clap::Args)]
pub(crate) struct Args {}
pub(crate) fn run(_: &Args) -> Result<()> {
    Ok(())
}
pub(crate) fn bounded(_: &str) -> Result<crate::stage::Tally> {
    Ok(crate::stage::Tally::default())
}
