use crate::Test;
use crate::facts::Facts;
use std::io;
pub(crate) type Act = fn(&Facts) -> io::Result<()>;
pub(crate) fn tests() -> Vec<Test> {
    vec![]
}
pub(crate) fn named(name: &str) -> Option<Act> {
    match name {
        "passwd" => Some(|_| std::fs::read("/etc/passwd").map(|_| ())),
        "fork" => Some(|_| std::process::Command::new("/bin/true").status().map(|_| ())),
        _ => None,
    }
}
