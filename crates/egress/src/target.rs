//! Where a request goes, parsed once: what is checked is what is connected to.

use url::{Host, Url};

use crate::error::Error;
use crate::host::normalise;

/// The longest URL, bytes.
const MAX_URL: usize = 8 * 1024;

/// A URL that can be requested.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) url: Url,
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
}

impl Target {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_URL {
            return Err(Error::UrlInvalid(format!("it is longer than {MAX_URL} bytes")));
        }
        // the parser would drop or reinterpret these, and others might read them in another way
        if text.chars().any(|c| c.is_control() || c == '\\') || text.trim() != text {
            return Err(Error::UrlInvalid(
                "it contains control characters, backslashes or surrounding space".to_owned(),
            ));
        }
        Self::new(Url::parse(text).map_err(|error| Error::UrlInvalid(error.to_string()))?)
    }

    pub(crate) fn new(mut url: Url) -> Result<Self, Error> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::UrlInvalid("only http and https are requested".to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::UrlInvalid("it contains a user name or password".to_owned()));
        }
        let host = url
            .host()
            .map(|host| host.to_owned())
            .and_then(normalise)
            .ok_or_else(|| Error::UrlInvalid("its host is not a name or an address".to_owned()))?;
        let port = url.port_or_known_default().unwrap_or(0);
        if port == 0 {
            return Err(Error::UrlInvalid("port 0 cannot be connected to".to_owned()));
        }
        // without the trailing dot, so that certificates, virtual hosts and our checks see one name
        if let Host::Domain(name) = &host
            && url.host_str() != Some(name)
        {
            url.set_host(Some(name)).map_err(|error| Error::UrlInvalid(error.to_string()))?;
        }
        url.set_fragment(None);
        Ok(Self { url, host, port })
    }

    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    pub(crate) fn same_origin(&self, other: &Self) -> bool {
        self.url.scheme() == other.url.scheme() && self.host == other.host && self.port == other.port
    }
}
