//! `/v1/triggers` and `/v1/events`

use futures::Stream;
use moltforge_api::triggers::{
    CreateTrigger, Fire, FireTrigger, ListTriggers, PublishEvent, Published, Trigger, TriggerSecret, UpdateTrigger,
};
use moltforge_api::{Page, PageQuery};

use crate::request::Request;
use crate::{Client, Error, pages};

/// The triggers of the caller's project.
#[derive(Debug, Clone, Copy)]
pub struct Triggers<'a> {
    pub(crate) client: &'a Client,
}

impl Triggers<'_> {
    /// `POST /v1/triggers`: for a webhook the answer shows its secret, so it is never repeated by itself.
    pub async fn create(self, body: &CreateTrigger) -> Result<TriggerSecret, Error> {
        self.client.json(Request::post(&["v1", "triggers"])?.json(body)?).await
    }

    /// `GET /v1/triggers`: one page, oldest first.
    pub async fn list(self, filter: &ListTriggers) -> Result<Page<Trigger>, Error> {
        self.client.json(Request::get(&["v1", "triggers"])?.query(filter)?).await
    }

    /// `GET /v1/triggers`: all pages, fetched as the stream is read.
    pub fn list_all(self, filter: ListTriggers) -> impl Stream<Item = Result<Trigger, Error>> + Send + 'static {
        let client = self.client.clone();
        pages::all(filter.cursor.clone(), move |cursor| {
            let (client, filter) = (client.clone(), ListTriggers { cursor, ..filter.clone() });
            async move { client.triggers().list(&filter).await }
        })
    }

    /// `GET /v1/triggers/{trigger}`
    pub async fn get(self, trigger: &str) -> Result<Trigger, Error> {
        self.client.json(Request::get(&["v1", "triggers", trigger])?).await
    }

    /// `PATCH /v1/triggers/{trigger}`
    pub async fn patch(self, trigger: &str, body: &UpdateTrigger) -> Result<Trigger, Error> {
        self.client.json(Request::patch(&["v1", "triggers", trigger])?.json(body)?).await
    }

    /// `DELETE /v1/triggers/{trigger}`
    pub async fn delete(self, trigger: &str) -> Result<(), Error> {
        self.client.nothing(Request::delete(&["v1", "triggers", trigger])?).await
    }

    /// `POST /v1/triggers/{trigger}/pause`
    pub async fn pause(self, trigger: &str) -> Result<Trigger, Error> {
        self.client.json(Request::post(&["v1", "triggers", trigger, "pause"])?).await
    }

    /// `POST /v1/triggers/{trigger}/resume`
    pub async fn resume(self, trigger: &str) -> Result<Trigger, Error> {
        self.client.json(Request::post(&["v1", "triggers", trigger, "resume"])?).await
    }

    /// `POST /v1/triggers/{trigger}/fire`. `idempotency_key` makes it safe to repeat.
    pub async fn fire(self, trigger: &str, body: &FireTrigger, idempotency_key: Option<&str>) -> Result<Fire, Error> {
        let request = Request::post(&["v1", "triggers", trigger, "fire"])?.idempotency_key(idempotency_key)?;
        self.client.json(request.json(body)?).await
    }

    /// `POST /v1/triggers/{trigger}/secret`: a new secret, shown this once.
    pub async fn rotate(self, trigger: &str) -> Result<TriggerSecret, Error> {
        self.client.json(Request::post(&["v1", "triggers", trigger, "secret"])?).await
    }

    /// `GET /v1/triggers/{trigger}/fires`: one page, newest first.
    pub async fn fires(self, trigger: &str, page: &PageQuery) -> Result<Page<Fire>, Error> {
        self.client.json(Request::get(&["v1", "triggers", trigger, "fires"])?.query(page)?).await
    }

    /// `POST /v1/events`: safe to repeat, since source and id name the event.
    pub async fn publish(self, event: &PublishEvent) -> Result<Published, Error> {
        self.client.json(Request::post(&["v1", "events"])?.json(event)?).await
    }
}
