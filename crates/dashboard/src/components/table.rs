//! Tables: real ones, with a caption and header cells. Columns marked `wide` leave on a narrow screen.

use maud::{Markup, html};

/// One column: its header and whether a narrow screen may leave it out.
pub(crate) struct Column {
    name: &'static str,
    class: &'static str,
}

/// A column that always shows.
pub(crate) const fn column(name: &'static str) -> Column {
    Column { name, class: "" }
}

/// A column that a narrow screen leaves out; its cells need the class `wide` too.
pub(crate) const fn wide(name: &'static str) -> Column {
    Column { name, class: "wide" }
}

/// A column of numbers, aligned to the right.
pub(crate) const fn number(name: &'static str) -> Column {
    Column { name, class: "num wide" }
}

/// A table. `rows` are `tr` elements whose first cell is a row header.
pub(crate) fn table(caption: &str, columns: &[Column], rows: &Markup) -> Markup {
    html! {
        div class="table" {
            table {
                caption class="unseen" { (caption) }
                thead {
                    tr { @for column in columns { th scope="col" class=[(!column.class.is_empty()).then_some(column.class)] { (column.name) } } }
                }
                tbody { (rows) }
            }
        }
    }
}

/// The way to the next page of a list.
pub(crate) fn pager(next: Option<&str>, first: Option<&str>) -> Markup {
    html! {
        @if next.is_some() || first.is_some() {
            nav class="pager" aria-label="Pages" {
                @if let Some(first) = first { a class="button" href=(first) { "← First page" } }
                @if let Some(next) = next { a class="button" rel="next" href=(next) { "Next page →" } }
            }
        }
    }
}
