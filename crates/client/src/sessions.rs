//! `/v1/sessions` and `/v1/sign-in-codes`: how a browser signs in.

use http::HeaderValue;
use http::header::SET_COOKIE;
use moltforge_api::sessions::{OpenSession, Session, SignInCode};

use crate::request::Request;
use crate::{Client, Error};

/// A session and the cookies that carry it: the gateway made them, the browser gets them unchanged.
#[derive(Debug, Clone)]
pub struct OpenedSession {
    /// The session.
    pub session: Session,
    /// The values of `Set-Cookie`.
    pub cookies: Vec<HeaderValue>,
}

/// The cookies that remove a session from the browser.
#[derive(Debug, Clone)]
pub struct ClosedSession {
    /// The values of `Set-Cookie`.
    pub cookies: Vec<HeaderValue>,
}

/// Dashboard sessions.
#[derive(Debug, Clone, Copy)]
pub struct Sessions<'a> {
    pub(crate) client: &'a Client,
}

impl Sessions<'_> {
    /// `POST /v1/sessions`: from an API key or from the code of a one-time URL.
    pub async fn open(self, body: &OpenSession) -> Result<OpenedSession, Error> {
        let request = Request::post(&["v1", "sessions"])?.json(body)?;
        let attempt = request.attempt();
        let response = self.client.send(request).await?.success(&attempt).await?;
        let cookies = response.headers.get_all(SET_COOKIE).iter().cloned().collect();
        Ok(OpenedSession { session: response.json(&attempt).await?, cookies })
    }

    /// `DELETE /v1/sessions`: ends the session that the request's cookie carries.
    pub async fn close(self) -> Result<ClosedSession, Error> {
        let request = Request::delete(&["v1", "sessions"])?;
        let attempt = request.attempt();
        let response = self.client.send(request).await?.success(&attempt).await?;
        Ok(ClosedSession { cookies: response.headers.get_all(SET_COOKIE).iter().cloned().collect() })
    }
}

/// Codes for one-time sign-in URLs.
#[derive(Debug, Clone, Copy)]
pub struct SignInCodes<'a> {
    pub(crate) client: &'a Client,
}

impl SignInCodes<'_> {
    /// `POST /v1/sign-in-codes`: a code for `/sign-in?code=...`, good once within five minutes.
    pub async fn create(self) -> Result<SignInCode, Error> {
        self.client.json(Request::post(&["v1", "sign-in-codes"])?).await
    }
}
