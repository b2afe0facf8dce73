//! The table `bundle`: the files of code agents, by their hash.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use moltforge_types::{ProjectId, Timestamp};

use crate::error::Error;
use crate::sql::At;

/// A bundle as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedBundle {
    /// How many bytes it has unpacked.
    pub bytes: u64,
    /// The bytes, compressed (zlib, with its checksum).
    pub body: Vec<u8>,
}

impl PackedBundle {
    /// Compresses a bundle. Takes some milliseconds for each megabyte: not on a thread that others wait for.
    ///
    /// # Errors
    /// Of the compressor.
    pub fn pack(bytes: &[u8]) -> std::io::Result<Self> {
        let mut out = ZlibEncoder::new(Vec::new(), Compression::default());
        out.write_all(bytes)?;
        Ok(Self { bytes: bytes.len() as u64, body: out.finish()? })
    }

    /// The bytes again.
    ///
    /// # Errors
    /// When the body is damaged.
    pub fn unpack(&self) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // never more than was packed, whatever the body says
        ZlibDecoder::new(self.body.as_slice()).take(self.bytes.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 == self.bytes { Ok(bytes) } else { Err(std::io::ErrorKind::InvalidData.into()) }
    }
}

/// One bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// What is in it.
    pub packed: PackedBundle,
    /// When it was first uploaded.
    pub created_at: Timestamp,
}

/// The bundles of a project.
#[derive(Debug)]
pub struct Bundles<'c> {
    at: At<'c>,
    project_id: ProjectId,
}

crate::accessor!(bundles -> Bundles { project_id: ProjectId });

impl Bundles<'_> {
    /// Stores a bundle. One that is there gets the same bytes again: that mends a damaged one. Returns when it was first
    /// stored.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn put(&mut self, sha256: &str, bundle: &PackedBundle) -> Result<Timestamp, Error> {
        let now = self.at.tx()?.now();
        self.at
            .query(
                "INSERT INTO bundle(project_id, sha256, bytes, created_at, used_at, body) VALUES ($1, $2, $3, $4, $4, $5) \
                 ON CONFLICT (project_id, sha256) DO UPDATE SET used_at = excluded.used_at, bytes = excluded.bytes, \
                 body = excluded.body RETURNING created_at",
            )
            .bind(self.project_id)
            .bind(sha256)
            .bind(bundle.bytes)
            .bind(now)
            .bind(bundle.body.as_slice())
            .one(|row| row.get("created_at"))
            .await
    }

    /// Says that a version is made of a bundle in this transaction: until it ends nobody deletes the bundle, and for a
    /// day after. Returns whether it is there.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_used(&mut self, sha256: &str) -> Result<bool, Error> {
        let now = self.at.tx()?.now();
        let rows = self
            .at
            .query("UPDATE bundle SET used_at = $3 WHERE project_id = $1 AND sha256 = $2")
            .bind(self.project_id)
            .bind(sha256)
            .bind(now)
            .execute()
            .await?;
        Ok(rows == 1)
    }

    /// A bundle by its hash.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn find(&mut self, sha256: &str) -> Result<Option<Bundle>, Error> {
        self.at
            .query("SELECT bytes, created_at, body FROM bundle WHERE project_id = $1 AND sha256 = $2")
            .bind(self.project_id)
            .bind(sha256)
            .optional(|row| {
                let packed = PackedBundle { bytes: row.get("bytes")?, body: row.get("body")? };
                Ok(Bundle { packed, created_at: row.get("created_at")? })
            })
            .await
    }

    /// How many there are, and how many bytes they have unpacked.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn total(&mut self) -> Result<(u64, u64), Error> {
        self.at.query(TOTAL).bind(self.project_id).one(|row| Ok((row.get("n")?, row.get("bytes")?))).await
    }
}

/// A sum is a decimal on PostgreSQL, which is not what a number is read from.
const TOTAL: &str =
    "SELECT count(*) AS n, CAST(coalesce(sum(bytes), 0) AS BIGINT) AS bytes FROM bundle WHERE project_id = $1";
