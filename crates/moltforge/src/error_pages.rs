//! The pages of the error codes, `docs/errors/<code>.md`, in the binary.

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../docs/errors"]
struct Pages;

/// The page of a code, as Markdown.
pub fn page(code: &str) -> Option<String> {
    let plain = !code.is_empty() && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let file = Pages::get(&format!("{code}.md")).filter(|_| plain)?;
    Some(String::from_utf8_lossy(&file.data).into_owned())
}

/// Every code that has a page, in order.
pub fn codes() -> Vec<String> {
    let mut codes: Vec<String> = Pages::iter().filter_map(|name| name.strip_suffix(".md").map(str::to_owned)).collect();
    codes.sort();
    codes
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_code_has_a_page_and_a_path_has_none() {
        assert!(super::page("port_in_use").is_some_and(|page| page.starts_with("# port_in_use\n")));
        for none in ["", "../errors/port_in_use", "no_such_code", "/etc/passwd"] {
            assert_eq!(super::page(none), None, "{none}");
        }
        assert!(super::codes().contains(&"port_in_use".to_owned()));
    }
}
