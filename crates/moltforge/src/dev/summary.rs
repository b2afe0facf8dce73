//! The box at the end of the start: where everything is.

use crate::output::{ACCENT, BOLD, DIM, Output, PLAIN};

/// What the box says.
#[derive(Debug)]
pub struct Summary {
    /// The one-time sign-in address of the dashboard.
    pub dashboard: String,
    /// The API's address.
    pub api: String,
    /// The API key.
    pub key: String,
    /// The data folder.
    pub data: String,
    /// Things to try.
    pub next: Vec<String>,
}

/// Draws it on stderr, as wide as its longest line.
pub fn print(out: Output, summary: &Summary) {
    let rows = [
        ("Dashboard", summary.dashboard.as_str(), "(signs in once, within 5 minutes)"),
        ("API", &summary.api, ""),
        ("API key", &summary.key, ""),
        ("Data", &summary.data, ""),
    ];
    let width = |text: &str| text.chars().count();
    let inner =
        rows.iter().map(|(_, value, note)| 11 + width(value) + if note.is_empty() { 0 } else { 1 + width(note) });
    let inner = inner.chain(summary.next.iter().map(|next| 11 + width(next))).max().unwrap_or(0) + 2;
    let rule = "─".repeat(inner);
    out.notes(&[(DIM, "╭"), (DIM, &rule), (DIM, "╮")]);
    let line = |name: &str, value: &str, note: &str, style| {
        let used = 11 + width(value) + if note.is_empty() { 0 } else { 1 + width(note) };
        let name = format!("{name:<11}");
        let note = if note.is_empty() { String::new() } else { format!(" {note}") };
        let fill = " ".repeat(inner.saturating_sub(used + 2));
        out.notes(&[(DIM, "│ "), (DIM, &name), (style, value), (DIM, &note), (PLAIN, &fill), (DIM, " │")]);
    };
    for (index, (name, value, note)) in rows.into_iter().enumerate() {
        line(name, value, note, if index == 0 { BOLD } else { PLAIN });
    }
    line("", "", "", PLAIN);
    for (index, next) in summary.next.iter().enumerate() {
        line(if index == 0 { "Try" } else { "" }, next, "", ACCENT);
    }
    out.notes(&[(DIM, "╰"), (DIM, &rule), (DIM, "╯")]);
}
