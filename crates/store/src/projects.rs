//! The table `project`: the tenant boundary.

use moltforge_types::{OrganisationId, ProjectId, Timestamp};

use crate::error::Error;
use crate::sql::{At, Row};

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// `prj_...`
    pub project_id: ProjectId,
    /// Unique in the organisation.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Project {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self { project_id: row.get("project_id")?, name: row.get("name")?, created_at: row.get("created_at")? })
    }
}

/// The projects of an organisation.
#[derive(Debug)]
pub struct Projects<'c> {
    at: At<'c>,
    organisation_id: OrganisationId,
}

crate::accessor!(projects -> Projects { organisation_id: OrganisationId });

impl Projects<'_> {
    /// Writes a new project.
    ///
    /// # Errors
    /// [`Error::Unique`] when the name is taken in the organisation.
    pub async fn insert(&mut self, name: &str) -> Result<Project, Error> {
        let tx = self.at.tx()?;
        let project = Project { project_id: tx.id(), name: name.to_owned(), created_at: tx.now() };
        self.at
            .query("INSERT INTO project(project_id, organisation_id, name, created_at) VALUES ($1, $2, $3, $4)")
            .bind(project.project_id)
            .bind(self.organisation_id)
            .bind(name)
            .bind(project.created_at)
            .execute()
            .await?;
        Ok(project)
    }

    /// The project of that name.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn find(&mut self, name: &str) -> Result<Option<Project>, Error> {
        self.at
            .query("SELECT project_id, name, created_at FROM project WHERE organisation_id = $1 AND name = $2")
            .bind(self.organisation_id)
            .bind(name)
            .optional(|row| Project::from_row(&row))
            .await
    }

    /// All of them, in order of name.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn list(&mut self, limit: u32) -> Result<Vec<Project>, Error> {
        self.at
            .query("SELECT project_id, name, created_at FROM project WHERE organisation_id = $1 ORDER BY name LIMIT $2")
            .bind(self.organisation_id)
            .bind(limit)
            .all(|row| Project::from_row(&row))
            .await
    }
}
