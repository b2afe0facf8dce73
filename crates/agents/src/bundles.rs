//! Bundles: the files of code agents, uploaded before the version that is made of them.

use std::time::Duration;

use moltforge_api::AgentConfig;
use moltforge_api::bundles::{Bundle, BundleFile, StoredBundle};
use moltforge_api::config::AgentKind;
use moltforge_manifest::{Diagnostic, bundle};
use moltforge_store::{PackedBundle, Tx};
use moltforge_types::{Principal, Timestamp};

use crate::error::Error;
use crate::{Agents, ProgramToCheck};

/// The most bundles of a project.
const MAX_BUNDLES: u64 = 10_000;
/// The most bytes of a project's bundles together.
const MAX_TOTAL: u64 = 4 << 30;
/// An upload that no version was made of is kept for this long.
const KEPT: Duration = Duration::from_hours(24);
/// Stored bundles of a project that are in memory at once, some dozen mebibytes each; who wants another one waits.
pub(crate) const AT_ONCE: usize = 4;
/// Bundles that one transaction deletes.
const SWEEP: u32 = 100;

impl Agents {
    /// Stores a bundle under its hash. Safe to repeat; the second part says whether it is new.
    ///
    /// # Errors
    /// `bundle_hash_mismatch`, `bundle_invalid`, `bundle_limit`.
    pub async fn put_bundle(
        &self,
        principal: &Principal,
        sha256: &str,
        bytes: Vec<u8>,
    ) -> Result<(StoredBundle, bool), Error> {
        let project_id = principal.project_id;
        // megabytes of somebody's text: not on a thread that others wait for
        let read = move || {
            let hash = bundle::hash(&bytes);
            let parsed = bundle::parse(&bytes).map_err(Error::bundle_invalid)?;
            let packed = PackedBundle::pack(&bytes).map_err(Error::BundleDamaged)?;
            Ok::<_, Error>((hash, parsed, packed))
        };
        let (hash, parsed, packed) = tokio::task::spawn_blocking(read).await.map_err(Error::Lost)??;
        if hash != sha256 {
            return Err(Error::BundleHashMismatch { named: shown(sha256), hash });
        }
        let mut tx = self.store.begin().await?;
        let mut bundles = tx.bundles(project_id);
        let is_new = !bundles.set_used(&hash).await?;
        if is_new {
            let (count, bytes) = bundles.total().await?;
            if count >= MAX_BUNDLES || bytes.saturating_add(packed.bytes) > MAX_TOTAL {
                return Err(Error::BundleLimit { count: MAX_BUNDLES, bytes: MAX_TOTAL });
            }
        }
        let created_at = bundles.put(&hash, &packed).await?;
        tx.commit().await?;
        Ok((view(hash, &parsed, created_at, None), is_new))
    }

    /// The files of a bundle, and the text of the one that is named.
    ///
    /// # Errors
    /// `bundle_not_found`.
    pub async fn bundle(&self, principal: &Principal, sha256: &str, file: Option<&str>) -> Result<StoredBundle, Error> {
        let _turn = self.bundles.enter(principal.project_id).await;
        let (parsed, created_at) = self.stored_bundle(principal, sha256).await?.ok_or_else(|| missing(sha256))?;
        Ok(view(sha256.to_owned(), &parsed, created_at, file))
    }

    /// Deletes bundles that nothing refers to. Returns how many.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sweep_bundles(&self) -> Result<u64, Error> {
        let now = self.store.ambient().now().as_micros();
        let kept = i64::try_from(KEPT.as_micros()).unwrap_or(i64::MAX);
        let before = Timestamp::from_micros(now.saturating_sub(kept));
        let mut swept = 0;
        loop {
            let mut tx = self.store.begin().await?;
            let gone = tx.retention().sweep_bundles(before, SWEEP).await?;
            tx.commit().await?;
            swept += gone;
            if gone < u64::from(SWEEP) {
                return Ok(swept);
            }
        }
    }

    /// Of a program: its files are there, they have the file that it names, and that can be read.
    pub(crate) async fn check_program(&self, principal: &Principal, config: &AgentConfig) -> Result<(), Error> {
        let AgentConfig { kind: AgentKind::Code, code: Some(code), bundle, .. } = config else { return Ok(()) };
        let Some(sha256) = bundle else {
            let message = "a program comes with its files: upload them with PUT /v1/bundles/{sha256} and name them here, \
                           or use `moltforge deploy`";
            return Err(fault("/bundle", message));
        };
        // it is in memory until it was looked at
        let _turn = self.bundles.enter(principal.project_id).await;
        let (files, _) = self.stored_bundle(principal, sha256).await?.ok_or_else(|| absent(sha256))?;
        if !files.files.contains_key(code) {
            let names: Vec<_> = files.files.keys().take(20).map(String::as_str).collect();
            return Err(fault("/code", format!("the bundle has no file {code:?}; it has {}", names.join(", "))));
        }
        let program = ProgramToCheck { project_id: principal.project_id, code: code.clone(), files };
        (self.programs)(program).await.map_err(Error::ProgramInvalid)
    }

    /// Keeps the bundle of a version that is about to be written.
    pub(crate) async fn use_bundle(tx: &mut Tx, principal: &Principal, config: &AgentConfig) -> Result<(), Error> {
        match &config.bundle {
            Some(sha256) if !tx.bundles(principal.project_id).set_used(sha256).await? => Err(absent(sha256)),
            _ => Ok(()),
        }
    }

    async fn stored_bundle(&self, principal: &Principal, sha256: &str) -> Result<Option<(Bundle, Timestamp)>, Error> {
        let found = self.store.bundles(principal.project_id).find(sha256).await?;
        let Some(found) = found else { return Ok(None) };
        let (created_at, named) = (found.created_at, sha256.to_owned());
        let read = move || {
            let bytes = found.packed.unpack().map_err(Error::BundleDamaged)?;
            if bundle::hash(&bytes) != named {
                return Err(Error::BundleDamaged(std::io::ErrorKind::InvalidData.into()));
            }
            bundle::parse(&bytes).map_err(|_| Error::BundleDamaged(std::io::ErrorKind::InvalidData.into()))
        };
        let parsed = tokio::task::spawn_blocking(read).await.map_err(Error::Lost)??;
        Ok(Some((parsed, created_at)))
    }
}

fn view(sha256: String, bundle: &Bundle, created_at: Timestamp, file: Option<&str>) -> StoredBundle {
    let files: Vec<_> = bundle
        .files
        .iter()
        .map(|(name, content)| BundleFile {
            name: name.clone(),
            bytes: content.len() as u64,
            text: content.text().filter(|_| file == Some(name.as_str())).map(str::to_owned),
        })
        .collect();
    let bytes = files.iter().map(|file| file.bytes).sum();
    StoredBundle { sha256, bytes, files, created_at: created_at.to_string() }
}

fn shown(sha256: &str) -> String {
    sha256.chars().take(100).collect()
}

fn missing(sha256: &str) -> Error {
    Error::BundleNotFound(shown(sha256))
}

fn absent(sha256: &str) -> Error {
    fault("/bundle", format!("the project has no bundle {sha256}: upload it with PUT /v1/bundles/{sha256}"))
}

fn fault(pointer: &str, message: impl Into<String>) -> Error {
    Error::invalid(vec![Diagnostic::unplaced(pointer, message)], "")
}
