//! Clients that are bound to one origin which the operator set, such as a model provider's.

use std::sync::Arc;

use http::Method;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, RequestBuilder};
use url::Url;

use crate::error::Error;
use crate::target::Target;
use crate::{Egress, Inner};

/// A client for one origin. It follows no redirect and knows no proxy; requests to other origins cannot be made with it,
/// so a key that it carries goes nowhere else. The origin may be on this machine or in a private network, because the
/// operator named it; MoltForge's own ports stay out of reach.
#[derive(Debug, Clone)]
pub struct OriginClient {
    client: Client,
    base: Url,
}

impl Egress {
    /// A client bound to the origin of `base_url`.
    pub fn client_for_origin(&self, base_url: &str) -> Result<OriginClient, Error> {
        let target = Target::parse(base_url)?;
        if target.url.query().is_some() {
            return Err(Error::UrlInvalid("a base url has no query".to_owned()));
        }
        if let Some(address) = crate::host::address_of(&target.host)
            && self.inner.is_own(address, target.port)
        {
            return Err(Error::UrlInvalid("it is moltforge's own address".to_owned()));
        }
        let mut base = target.url.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let bound = Bound { inner: self.inner.clone(), target: target.clone() };
        let client = self.inner.pool.build(target.is_https(), bound)?;
        Ok(OriginClient { client, base })
    }
}

impl OriginClient {
    /// The base URL; its path ends with a slash.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// A request for a path below the base URL. Timeouts and limits are the caller's.
    pub fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Error> {
        let url = self.base.join(path).map_err(|error| Error::UrlInvalid(error.to_string()))?;
        if url.origin() != self.base.origin() {
            return Err(Error::UrlInvalid("it leaves the origin that the client is bound to".to_owned()));
        }
        Ok(self.client.request(method, url))
    }
}

struct Bound {
    inner: Arc<Inner>,
    target: Target,
}

impl Resolve for Bound {
    fn resolve(&self, name: Name) -> Resolving {
        let (inner, target) = (self.inner.clone(), self.target.clone());
        Box::pin(async move {
            if name.as_str() != target.host.to_string() {
                return Err("the client is bound to another host".into());
            }
            let mut addresses = inner.lookup(&target.host, target.port).await?;
            addresses.retain(|address| !inner.is_own(*address, target.port));
            if addresses.is_empty() {
                return Err("all its addresses are moltforge's own".into());
            }
            let port = target.port;
            let addresses: Addrs = Box::new(addresses.into_iter().map(move |address| (address, port).into()));
            Ok(addresses)
        })
    }
}
