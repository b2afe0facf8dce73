//! The table `installation`: secrets that every node has alike.

use crate::error::Error;
use crate::sql::At;

/// The secrets of the installation.
#[derive(Debug)]
pub struct Installation<'c> {
    at: At<'c>,
}

crate::accessor!(installation -> Installation);

impl Installation<'_> {
    /// The secret of this name: the one that is there, or else `new`, which is written. Of two nodes that begin at once
    /// both get the same one.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn secret(&mut self, name: &str, new: [u8; 32]) -> Result<Vec<u8>, Error> {
        self.at
            .query("INSERT INTO installation(name, secret) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(name)
            .bind(new.to_vec())
            .execute()
            .await?;
        self.at.query("SELECT secret FROM installation WHERE name = $1").bind(name).one(|row| row.get("secret")).await
    }
}
