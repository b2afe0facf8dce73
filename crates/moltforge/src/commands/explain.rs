//! `moltforge explain`: the page of an error code, offline.

use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};
use crate::{Error, error_pages};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The code, e.g. port_in_use; every code is listed without one
    code: Option<String>,
}

/// Prints the page, or all codes.
pub fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let Some(code) = &args.code else {
        let codes = error_pages::codes();
        context.output.data(&codes, |out| codes.iter().for_each(|code| out.line(code)));
        return Ok(Exit::Done);
    };
    let page = error_pages::page(code)
        .ok_or_else(|| {
            Error::argument("CODE", format!("there is no error code {code:?}; `moltforge explain` lists all"))
        })
        .attempt(|| format!("explain {code}"))?;
    context.output.data(&serde_json::json!({ "code": code, "page": page }), |out| out.line(page.trim_end()));
    Ok(Exit::Done)
}
