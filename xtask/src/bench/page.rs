//! docs/benchmarks.md: what each section measures stands in [`Section`]; its figures stay until they are taken again.

use std::fmt::Write as _;

use super::sections::{INTRODUCTION, MISSED, Section};

/// Figures begin with this heading, and go to the end of their section.
const FIGURES: &str = "\n### Figures\n";

/// The page: the figures of `old`, but for those that were measured now.
pub(super) fn page(old: &str, measured: Option<&(Section, String)>) -> String {
    let mut page = INTRODUCTION.to_owned();
    for section in Section::ALL {
        let figures = match measured {
            Some((of, figures)) if *of == section => Some(figures.as_str()),
            _ => figures(old, section),
        };
        let _ = write!(page, "\n## {}\n\n{}\n\n```sh\n{}\n```\n", section.title(), section.about(), section.command());
        if let Some(figures) = figures {
            let _ = write!(page, "{FIGURES}\n{}\n", figures.trim());
        }
    }
    let _ = write!(page, "\n{MISSED}");
    page
}

/// What a page says about a section.
fn figures(page: &str, section: Section) -> Option<&str> {
    let (_, from) = page.split_once(&format!("\n## {}\n", section.title()))?;
    let (section, _) = from.split_once("\n## ").unwrap_or((from, ""));
    section.split_once(FIGURES).map(|(_, figures)| figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stay_until_they_are_taken_again() {
        let one = page("", Some(&(Section::Signals, "- a\n\n| 1 |".to_owned())));
        let two = page(&one, Some(&(Section::Growth, "- b".to_owned())));
        assert_eq!(figures(&two, Section::Signals).map(str::trim), Some("- a\n\n| 1 |"));
        assert_eq!(page(&two, None), two);
        let three = page(&two, Some(&(Section::Signals, "- c".to_owned())));
        assert!(!three.contains("- a") && three.contains("- b") && three.contains("- c"), "{three}");
        assert_eq!(figures(&three, Section::Stops), None);
    }

    #[test]
    fn the_page_says_what_the_sections_say() {
        let path = crate::workspace::root().join("docs/benchmarks.md");
        let text = std::fs::read_to_string(path).expect("the page");
        assert_eq!(page(&text, None), text, "`cargo xtask bench page` writes it again");
    }
}
