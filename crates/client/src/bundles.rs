//! `/v1/bundles`

use moltforge_api::bundles::{BundleQuery, StoredBundle};

use crate::request::Request;
use crate::{Client, Error};

/// The files of code agents.
#[derive(Debug, Clone, Copy)]
pub struct Bundles<'a> {
    pub(crate) client: &'a Client,
}

impl Bundles<'_> {
    /// `PUT /v1/bundles/{sha256}`: `bytes` are those that the hash is of.
    pub async fn put(self, sha256: &str, bytes: Vec<u8>) -> Result<StoredBundle, Error> {
        let mut request = Request::put(&["v1", "bundles", sha256])?.body("application/json", bytes.into());
        request.repeatable = true;
        self.client.json(request).await
    }

    /// `GET /v1/bundles/{sha256}`: its files, and the text of the one that is named.
    pub async fn get(self, sha256: &str, file: Option<&str>) -> Result<StoredBundle, Error> {
        let query = BundleQuery { file: file.map(str::to_owned) };
        self.client.json(Request::get(&["v1", "bundles", sha256])?.query(&query)?).await
    }
}
