//! x
use anyhow::Result;
#[derive(clap::Args)]
pub(crate) struct Args {}
pub(crate) fn run(_: &Args) -> Result<()> {
    Ok(())
}
pub(crate) fn tally(_: &std::path::Path) -> Result<crate::stage::Tally> {
    Ok(crate::stage::Tally::default())
}
