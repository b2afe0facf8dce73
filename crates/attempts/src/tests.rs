use super::*;
use crate::page::between;

/// What the project promises.
const LEAST: usize = 120;

#[test]
fn the_page_lists_enough_attempts_and_each_has_a_control() {
    let page = read().expect("docs/security-tests.md");
    assert!(page.rows.len() >= LEAST, "{} attempts", page.rows.len());
    let faults: Vec<_> = page.rows.iter().filter_map(Row::fault).collect();
    assert_eq!(faults, Vec::<String>::new());
    for (category, _) in CATEGORIES {
        assert!(page.rows.iter().any(|row| row.category == category), "nothing is tried of {category}");
    }
    let summary = between(&page.text, "summary").map(|(_, _, text)| text.to_owned());
    assert_eq!(summary, Some(page.table()), "write the page anew");
}

#[test]
fn a_row_without_a_control_is_a_fault() {
    let row = Row::new("a", "files", "b", "c", "d");
    assert_eq!(row.fault(), None);
    assert!(Row { control: " ".to_owned(), ..row.clone() }.fault().is_some());
    assert!(Row { category: "luck".to_owned(), ..row }.fault().is_some());
}

#[test]
fn what_is_written_is_read() {
    let row = Row::new("a", "files", "x | y\n<z>", "c", "d");
    let line = format!("| {} | files | {} | c | d |", row.name, summary::cell(&row.tried));
    let read = summary::of(&line).rows;
    assert_eq!(read, [Row { tried: "x | y\\u{a}<z>".to_owned(), ..row }]);
}
