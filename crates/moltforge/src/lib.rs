//! The program: it composes the roles and is the command line.
//!
//! Start at [`cli`] for the commands, at [`roles`] for how services become a server, at [`server`] for its life.
//!
//! **Never here:** a rule of the platform. Commands are clients of the API like any other; roles are put together, not
//! written.

pub mod agent_files;
pub mod cli;
pub mod commands;
pub mod config;
pub mod connection;
pub mod dev;
pub mod error;
pub mod error_pages;
pub mod first_key;
pub mod guests;
pub mod logs;
pub mod output;
pub mod private_file;
pub mod programs;
pub mod roles;
pub mod server;
pub mod webhook_key;

pub use error::Error;
