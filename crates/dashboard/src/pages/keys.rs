//! `/keys`: who may call the API, and with what rights.

use axum::extract::Path;
use http::StatusCode;
use maud::{Markup, html};
use moltforge_api::keys::{CreateKey, CreatedKey, Key};
use moltforge_api::{PageQuery, ProblemItem};
use moltforge_types::{Fault as _, Kind, Scope, Timestamp};

use super::{Form, Result, View};
use crate::browser::Browser;
use crate::components::badge::{actor, badge};
use crate::components::form::{Confirm, confirm, described, field};
use crate::components::icon::{Icon, icon};
use crate::components::layout::{Frame, Section, empty, heading};
use crate::components::snippet::snippet;
use crate::components::table::{column, table, wide};
use crate::flash::Flash;
use crate::paths::{self, pattern};
use crate::{Error, finish, text, time};

/// The keys.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) keys: Vec<Key>,
    /// A key that was just made: its secret is shown now and never again.
    pub(crate) created: Option<CreatedKey>,
    /// Why the last try failed.
    pub(crate) error: Option<String>,
    pub(crate) problems: Vec<ProblemItem>,
    /// The name that was typed then.
    pub(crate) name: String,
}

/// `GET /keys`
pub(crate) async fn show(browser: Browser) -> Result {
    let page = load(&browser, Page::default()).await?;
    Ok(browser.page(&page).await)
}

/// `POST /keys`: answers with the page itself, since a redirect would have to carry the secret.
pub(crate) async fn create(browser: Browser, form: Form) -> Result {
    let name = form.filled("name").unwrap_or_default();
    let scopes = Scope::ALL.iter().map(|scope| scope.as_str()).filter(|scope| form.0.contains_key(*scope));
    let scopes: Vec<String> = scopes.map(str::to_owned).collect();
    // without any, the API gives a key all that its maker may
    if scopes.is_empty() {
        let error = Some("Choose at least one scope.".to_owned());
        let page = load(&browser, Page { error, name, ..Default::default() }).await?;
        return Ok(browser.page(&page).await);
    }
    let body = CreateKey { name: name.clone(), scopes, expires_at: expiry(&form, browser.now)? };
    let page = match browser.client.keys().create(&body).await {
        Ok(created) => Page { created: Some(created), ..Default::default() },
        Err(error) if matches!(error.kind(), Kind::Invalid | Kind::Conflict) => {
            Page { error: Some(error.to_string()), problems: error.items().to_vec(), name, ..Default::default() }
        }
        Err(error) => return Err(Error::Api(error)),
    };
    let page = load(&browser, page).await?;
    Ok(browser.page(&page).await)
}

/// `POST /keys/{key}/revoke`
pub(crate) async fn revoke(browser: Browser, Path(key): Path<String>) -> Result {
    browser.client.keys().revoke(&key).await?;
    Ok(finish::done(pattern::KEYS, Flash::Revoked))
}

async fn load(browser: &Browser, page: Page) -> Result<Page> {
    let keys = browser.client.keys().list(&PageQuery { limit: Some(200), ..Default::default() }).await?.items;
    Ok(Page { keys, ..page })
}

fn expiry(form: &Form, now: Timestamp) -> Result<Option<String>> {
    const DAY: std::time::Duration = std::time::Duration::from_hours(24);
    Ok(form.number("days")?.map(|days| now.plus(DAY.saturating_mul(days)).to_string()))
}

impl View for Page {
    fn frame(&self) -> Frame {
        Frame::new("Keys", Section::Keys)
    }

    fn status(&self) -> StatusCode {
        if self.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
    }

    fn body(&self, now: Timestamp) -> Markup {
        html! {
            (heading(None, &html! { "Keys" }, None))
            p class="lead" { "A key lets a program call the API within this project. Give each its own, with no more than it needs." }
            @if let Some(created) = &self.created { (secret(created)) }
            section class="card" aria-labelledby="keys-title" {
                h2 id="keys-title" { "Keys of this project" }
                @if self.keys.is_empty() { (empty("No keys.", &html! { p { "Make one below." } })) }
                @else { (table("Keys", &[column("Name"), wide("May"), wide("Last used"), column("State")], &self.rows(now))) }
            }
            section class="card" aria-labelledby="create-title" {
                h2 id="create-title" { "Make a key" }
                (self.form())
            }
        }
    }
}

/// The one time that a secret is shown.
fn secret(created: &CreatedKey) -> Markup {
    html! {
        section class="callout tone-good secret" aria-labelledby="secret-title" {
            h2 id="secret-title" { (icon(Icon::Key)) "The key " (text::one_line(&created.key.name, 100)) }
            p { "Copy it now: it is shown this once, and only its hash is kept." }
            (snippet("Secret", &created.secret))
        }
    }
}

fn standing(key: &Key, now: Timestamp) -> &'static str {
    let expired = key.expires_at.as_deref().and_then(time::parse).is_some_and(|at| at <= now);
    match (&key.revoked_at, expired) {
        (Some(_), _) => "revoked",
        (None, true) => "expired",
        (None, false) => "active",
    }
}

impl Page {
    fn rows(&self, now: Timestamp) -> Markup {
        html! {
            @for (n, key) in self.keys.iter().enumerate() {
                @let standing = standing(key, now);
                tr {
                    th scope="row" {
                        (text::one_line(&key.name, 100)) " " code class="id" { (key.hint) "…" }
                        p class="dim" { "made " (time::relative(&key.created_at, now)) " by " (actor(&key.created_by)) }
                    }
                    td class="wide" { @for scope in &key.scopes { code class="chip" { (scope) } " " } }
                    td class="wide" { @match &key.last_used_at { Some(at) => (time::relative(at, now)), None => span class="dim" { "never" } } }
                    td {
                        @if standing == "active" {
                            @if let Some(at) = &key.expires_at { p class="dim" { "expires " (time::relative(at, now)) } }
                            (revoke_button(n, key))
                        } @else { (badge(standing)) }
                    }
                }
            }
        }
    }

    fn form(&self) -> Markup {
        let problem =
            |pointer: &str| self.problems.iter().find(|item| item.pointer == pointer).map(|item| item.message.as_str());
        let name_error = problem("/name");
        let name = html! {
            input id="name" name="name" required maxlength="100" value=(self.name) autocomplete="off"
                aria-describedby=[described("name", true, name_error.is_some())] aria-invalid=[name_error.is_some().then_some("true")];
        };
        let days = html! {
            select id="days" name="days" {
                option value="30" { "in 30 days" }
                option value="90" selected { "in 90 days" }
                option value="365" { "in a year" }
                option value="" { "never" }
            }
        };
        html! {
            @if let Some(error) = &self.error { p class="callout tone-bad" role="alert" { (icon(Icon::Alert)) span { (text::one_line(error, 500)) } } }
            form method="post" action=(pattern::KEYS) {
                div class="row" {
                    (field("name", "Name", Some("What it is for."), name_error, &name))
                    (field("days", "Expires", None, None, &days))
                }
                fieldset {
                    legend { "It may" }
                    div class="scopes" {
                        @for scope in Scope::ALL {
                            div class="field flag" {
                                input id={ "scope-" (scope.as_str().replace(':', "-")) } name=(scope.as_str()) type="checkbox" value="on" checked[scope.as_str().ends_with(":read")];
                                label for={ "scope-" (scope.as_str().replace(':', "-")) } { code { (scope.as_str()) } " " span class="dim" { (meaning(scope)) } }
                            }
                        }
                    }
                    @if let Some(message) = problem("/scopes") { p class="error" { (icon(Icon::Alert)) span { (message) } } }
                }
                div class="buttons" { button type="submit" class="primary" { "Make the key" } }
            }
        }
    }
}

fn revoke_button(n: usize, key: &Key) -> Markup {
    confirm(&Confirm {
        id: &format!("revoke-{n}"),
        label: "Revoke",
        icon: Some(Icon::Stop),
        class: "quiet",
        question: &format!("Revoke the key {}?", text::one_line(&key.name, 60)),
        consequence: html! { p { "Programs that use it are refused from now on, and sessions that were opened with it end. This cannot be taken back." } },
        action: &paths::revoke(&key.key_id),
        fields: html! {},
        yes: "Yes, revoke it",
        danger: true,
    })
}

const fn meaning(scope: Scope) -> &'static str {
    match scope {
        Scope::AgentsRead => "see agents, versions, deployments",
        Scope::AgentsWrite => "create, change, deploy and delete agents",
        Scope::ExecutionsRead => "see executions, their steps and events",
        Scope::ExecutionsWrite => "start, signal, pause, resume and cancel",
        Scope::ApprovalsDecide => "decide about calls that wait for an approval",
        Scope::KeysRead => "see keys, never their secret",
        Scope::KeysWrite => "make and revoke keys",
        Scope::MonitoringRead => "see metrics and the audit log",
    }
}
