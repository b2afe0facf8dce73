//! The parts that pages are made of.

pub(crate) mod account;
pub(crate) mod badge;
pub(crate) mod diff;
pub(crate) mod form;
pub(crate) mod hold;
pub(crate) mod icon;
pub(crate) mod json;
pub(crate) mod layout;
pub(crate) mod markdown;
pub(crate) mod scale;
pub(crate) mod schema_form;
pub(crate) mod snippet;
pub(crate) mod table;
pub(crate) mod timeline;
