//! `/v1/bundles`

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Body of `PUT /v1/bundles/{sha256}`: the files of a code agent. The hash in the path is that of the body, byte for
/// byte; the same files in another order or with other white space are another bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Their names, relative and with `/` between folders, and what is in them.
    pub files: BTreeMap<String, FileContent>,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum FileContent {
    /// Text.
    Text(String),
    /// A WebAssembly component.
    Component {
        /// Its bytes in base 64.
        base64: String,
    },
}

impl FileContent {
    /// The text; `None` of a component.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Component { .. } => None,
        }
    }

    /// How many bytes the file has.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Component { base64 } => base64.trim_end_matches('=').len() * 3 / 4,
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A bundle that the project has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoredBundle {
    /// The SHA-256 of the bundle.
    pub sha256: String,
    /// Bytes of its files together.
    pub bytes: u64,
    /// Its files in order of their names.
    pub files: Vec<BundleFile>,
    /// When it was first uploaded.
    pub created_at: String,
}

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BundleFile {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
    /// Its text, when it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Query of `GET /v1/bundles/{sha256}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BundleQuery {
    /// The name of the file whose text is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}
