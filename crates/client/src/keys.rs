//! `/v1/keys`

use moltforge_api::keys::{CreateKey, CreatedKey, Key};
use moltforge_api::{Page, PageQuery};

use crate::request::Request;
use crate::{Client, Error};

/// The API keys of the caller's project.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    pub(crate) client: &'a Client,
}

impl Keys<'_> {
    /// `POST /v1/keys`: the answer is the only one that shows the secret, so it is never repeated by itself.
    pub async fn create(self, body: &CreateKey) -> Result<CreatedKey, Error> {
        self.client.json(Request::post(&["v1", "keys"])?.json(body)?).await
    }

    /// `GET /v1/keys`: one page.
    pub async fn list(self, page: &PageQuery) -> Result<Page<Key>, Error> {
        self.client.json(Request::get(&["v1", "keys"])?.query(page)?).await
    }

    /// `GET /v1/keys/{key}`
    pub async fn get(self, key: &str) -> Result<Key, Error> {
        self.client.json(Request::get(&["v1", "keys", key])?).await
    }

    /// `DELETE /v1/keys/{key}`: refused from now on.
    pub async fn revoke(self, key: &str) -> Result<(), Error> {
        self.client.nothing(Request::delete(&["v1", "keys", key])?).await
    }
}
