//! What can be done with an agent's versions, and with the agent itself.

use axum::extract::Path;
use moltforge_api::deployments::{Deploy, Rollback};

use crate::browser::Browser;
use crate::flash::Flash;
use crate::pages::{Form, Result, set_hold};
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

/// `POST /agents/{agent}/hold`
pub(crate) async fn hold(browser: Browser, Path(agent): Path<String>, form: Form) -> Result {
    set_hold(&browser, Some(&agent), &form).await?;
    Ok(finish::done(&paths::agent(&agent), Flash::AgentHeld))
}

/// `POST /agents/{agent}/lift`
pub(crate) async fn lift(browser: Browser, Path(agent): Path<String>) -> Result {
    browser.client.holds().lift(Some(&agent)).await?;
    Ok(finish::done(&paths::agent(&agent), Flash::AgentResumed))
}
