//! What can be done with an agent's versions.

use axum::extract::Path;
use moltforge_api::deployments::{Deploy, Rollback};

use crate::browser::Browser;
use crate::flash::Flash;
use crate::pages::{Form, Result};
use crate::{finish, paths};

/// `POST /agents/{agent}/deploy`
pub(crate) async fn deploy(browser: Browser, Path(agent): Path<String>, form: Form) -> Result {
    let body = Deploy { version: form.number("version")?, environment: form.filled("environment") };
    browser.client.agents().deploy(&agent, &body, None).await?;
    Ok(finish::done(&paths::agent(&agent), Flash::Deployed))
}

/// `POST /agents/{agent}/rollback`
pub(crate) async fn rollback(browser: Browser, Path(agent): Path<String>, form: Form) -> Result {
    let body = Rollback { environment: form.filled("environment"), version: form.number("version")? };
    browser.client.agents().rollback(&agent, &body, None).await?;
    Ok(finish::done(&paths::agent(&agent), Flash::RolledBack))
}

/// `POST /agents/{agent}/undeploy`
pub(crate) async fn undeploy(browser: Browser, Path(agent): Path<String>, form: Form) -> Result {
    let environment = form.filled("environment").unwrap_or_else(|| "production".to_owned());
    browser.client.agents().undeploy(&agent, &environment).await?;
    Ok(finish::done(&paths::agent(&agent), Flash::Undeployed))
}
