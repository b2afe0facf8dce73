//! Tables for people: no lines, columns two blanks apart, narrow enough for the terminal, whole in a pipe.

use anstyle::Style;
use comfy_table::{Attribute, Cell, ContentArrangement, presets};

use super::text;

/// The most characters of one cell.
const MOST: usize = 120;

/// A table: a header and rows of cells.
#[derive(Debug)]
pub struct Table {
    header: &'static [&'static str],
    rows: Vec<Vec<(Style, String)>>,
    /// What is said instead of an empty table.
    empty: String,
}

impl Table {
    /// A table with these columns; `empty` is said when there are no rows.
    pub fn new(header: &'static [&'static str], empty: impl Into<String>) -> Self {
        Self { header, rows: Vec::new(), empty: empty.into() }
    }

    /// Adds a row. Cells are cleaned and cut to one line.
    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = (Style, &'a str)>) {
        self.rows.push(cells.into_iter().map(|(style, text)| (style, text::one_line(text, MOST))).collect());
    }

    pub(super) fn render(&self, terminal: bool) -> String {
        if self.rows.is_empty() {
            return self.empty.clone();
        }
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        let arrangement = if terminal { ContentArrangement::Dynamic } else { ContentArrangement::Disabled };
        table.set_content_arrangement(arrangement);
        if terminal {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table.set_header(self.header.iter().map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
        for row in &self.rows {
            table.add_row(row.iter().map(|(style, text)| cell(*style, text)));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n")
    }
}

fn cell(style: Style, text: &str) -> Cell {
    let mut cell = Cell::new(text);
    if let Some(anstyle::Color::Ansi(color)) = style.get_fg_color() {
        cell = cell.fg(match color {
            anstyle::AnsiColor::Green => comfy_table::Color::Green,
            anstyle::AnsiColor::Yellow => comfy_table::Color::Yellow,
            anstyle::AnsiColor::Red => comfy_table::Color::Red,
            _ => comfy_table::Color::Cyan,
        });
    }
    if style.get_effects().contains(anstyle::Effects::DIMMED) {
        cell = cell.add_attribute(Attribute::Dim);
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_hostile_text_is_clean() {
        let mut table = Table::new(&["NAME", "STATE"], "nothing");
        table.row([(Style::new(), "a"), (Style::new(), "live")]);
        table.row([(Style::new(), "longer\n\u{1b}[31mname"), (Style::new(), "x")]);
        assert_eq!(table.render(false), "NAME         STATE\na            live\nlonger name  x");
        assert_eq!(Table::new(&["NAME"], "no agents yet").render(false), "no agents yet");
    }
}
