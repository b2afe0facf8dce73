//! The table `organisation`: the top of tenancy.

use moltforge_types::{OrganisationId, Timestamp};

use crate::error::Error;
use crate::sql::At;

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// `org_...`
    pub organisation_id: OrganisationId,
    /// Unique.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// All organisations.
#[derive(Debug)]
pub struct Organisations<'c> {
    at: At<'c>,
}

crate::accessor!(organisations -> Organisations);

impl Organisations<'_> {
    /// Writes a new organisation.
    ///
    /// # Errors
    /// [`Error::Unique`] when the name is taken.
    pub async fn insert(&mut self, name: &str) -> Result<Organisation, Error> {
        let tx = self.at.tx()?;
        let organisation = Organisation { organisation_id: tx.id(), name: name.to_owned(), created_at: tx.now() };
        self.at
            .query("INSERT INTO organisation(organisation_id, name, created_at) VALUES ($1, $2, $3)")
            .bind(organisation.organisation_id)
            .bind(name)
            .bind(organisation.created_at)
            .execute()
            .await?;
        Ok(organisation)
    }

    /// The organisation of that name.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn find(&mut self, name: &str) -> Result<Option<Organisation>, Error> {
        self.at
            .query("SELECT organisation_id, name, created_at FROM organisation WHERE name = $1")
            .bind(name)
            .optional(|row| {
                Ok(Organisation {
                    organisation_id: row.get("organisation_id")?,
                    name: row.get("name")?,
                    created_at: row.get("created_at")?,
                })
            })
            .await
    }
}
