//! Commands to copy.

use maud::{Markup, html};

/// A command with a button that copies it; the button is there only when the script is.
pub(crate) fn snippet(label: &str, command: &str) -> Markup {
    html! {
        figure class="snippet" {
            figcaption { (label) }
            pre tabindex="0" { code { (command) } }
            button type="button" class="quiet" data-copy hidden { "Copy" }
        }
    }
}
