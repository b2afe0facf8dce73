//! Agent files from outside: what is accepted, what is refused and where.

mod bad_files;
mod examples;
mod json;
mod properties;
mod schemas;
