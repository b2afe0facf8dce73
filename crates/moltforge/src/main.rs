//! moltforge
fn main() {}
