//! Why a page could not be made.

use moltforge_types::{Fault, Kind};

/// Why a page could not be made. [`crate::finish`] turns it into a page that looks like the rest.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API refused or could not be reached.
    #[error(transparent)]
    Api(#[from] moltforge_client::Error),
    /// No page has this address.
    #[error("there is no page at this address")]
    PageNotFound,
    /// A form that no page of ours sends.
    #[error("the form cannot be read: {0}")]
    Form(String),
}

impl Error {
    /// The HTTP status of its page.
    pub(crate) fn status(&self) -> http::StatusCode {
        match self {
            Self::Api(error) => match error.status() {
                // an answer that is not ours came from something between us and the API
                Some(status) if error.problem().is_some() => http::StatusCode::from_u16(status),
                Some(_) => Ok(http::StatusCode::BAD_GATEWAY),
                None if error.kind() == Kind::Invalid => Ok(http::StatusCode::NOT_FOUND),
                None => Ok(http::StatusCode::SERVICE_UNAVAILABLE),
            }
            .unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR),
            Self::PageNotFound => http::StatusCode::NOT_FOUND,
            Self::Form(_) => http::StatusCode::BAD_REQUEST,
        }
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Api(error) => error.kind(),
            Self::PageNotFound => Kind::NotFound,
            Self::Form(_) => Kind::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Api(error) => error.code(),
            Self::PageNotFound => "page_not_found",
            Self::Form(_) => "form_invalid",
        }
    }
}
