//! What agent code may ask for: models ([`llm`]) and tools ([`tools`]).
//!
//! Start reading at [`llm::Models`] and [`tools::ToolSet`].
//!
//! **Never here:** journaling, retries, decisions about an execution's state. A call is made once and its outcome is
//! reported as it is, with the honest answer to "may it have happened?".

pub mod error;
pub mod llm;
pub mod tools;

pub use error::Error;
