//! A model's text as clean Markdown: no raw HTML, no images, links that show where they lead.

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::components::json;
use crate::text;

/// Renders at most `limit` characters.
pub(crate) fn markdown(source: &str, limit: usize) -> Markup {
    let (head, rest) = text::clip(source, limit);
    if rest > 0 {
        // half a document is not Markdown any more
        return json::block(source, limit);
    }
    let mut out = String::new();
    pulldown_cmark::html::push_html(&mut out, Cleaned::new(Parser::new_ext(head, options())));
    html! { div class="prose" dir="auto" { (PreEscaped(out)) } }
}

fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH
}

/// Drops what is not allowed and writes links by itself. The state is a stack of the open links' targets.
struct Cleaned<'a, I: Iterator<Item = Event<'a>>> {
    inner: I,
    links: Vec<Option<String>>,
}

impl<'a, I: Iterator<Item = Event<'a>>> Cleaned<'a, I> {
    fn new(inner: I) -> Self {
        Self { inner, links: Vec::new() }
    }

    fn open(&mut self, target: &str) -> Option<Event<'a>> {
        let allowed = ["https://", "http://"].iter().any(|scheme| target.to_ascii_lowercase().starts_with(scheme));
        self.links.push(allowed.then(|| target.to_owned()));
        allowed.then(|| {
            let target: String = target.chars().filter(|c| text::is_harmless(*c)).collect();
            let tag = html! { a href=(target) rel="noreferrer nofollow noopener" { "\u{1}" } }.into_string();
            // the opening tag alone; the text follows as the parser's own events
            Event::InlineHtml(tag.split('\u{1}').next().unwrap_or_default().to_owned().into())
        })
    }

    fn close(&mut self) -> Option<Event<'a>> {
        let target = self.links.pop().flatten()?;
        let shown = html! { span class="target" { " (" (text::one_line(&target, 120)) ")" } }.into_string();
        Some(Event::InlineHtml(format!("</a>{shown}").into()))
    }
}

impl<'a, I: Iterator<Item = Event<'a>>> Iterator for Cleaned<'a, I> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let event = match self.inner.next()? {
                Event::Html(_)
                | Event::InlineHtml(_)
                | Event::Start(Tag::HtmlBlock)
                | Event::End(TagEnd::HtmlBlock) => None,
                Event::Start(Tag::Image { .. }) => Some(Event::Text(CowStr::Borrowed("[image: "))),
                Event::End(TagEnd::Image) => Some(Event::Text(CowStr::Borrowed("]"))),
                Event::Start(Tag::Link { dest_url, .. }) => self.open(&dest_url),
                Event::End(TagEnd::Link) => self.close(),
                Event::Start(Tag::Heading { level, .. }) => Some(Event::Start(Tag::Heading {
                    level: lower(level),
                    id: None,
                    classes: Vec::new(),
                    attrs: Vec::new(),
                })),
                Event::End(TagEnd::Heading(level)) => Some(Event::End(TagEnd::Heading(lower(level)))),
                // the class would be a model's text
                Event::Start(Tag::CodeBlock(_)) => {
                    Some(Event::Start(Tag::CodeBlock(pulldown_cmark::CodeBlockKind::Indented)))
                }
                other => Some(other),
            };
            if event.is_some() {
                return event;
            }
        }
    }
}

/// The page has its own first three levels.
const fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H4,
        HeadingLevel::H2 => HeadingLevel::H5,
        _ => HeadingLevel::H6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str) -> String {
        markdown(source, 10_000).into_string()
    }

    #[test]
    fn html_and_images_are_dropped() {
        let page = render(
            "a <img src=x onerror=alert(1)> **b** ![alt](https://evil.example/x.png)\n\n<script>alert(1)</script>\n",
        );
        assert!(!page.contains("<img") && !page.contains("<script") && !page.contains("evil.example"), "{page}");
        assert!(page.contains("<strong>b</strong>") && page.contains("[image: alt]"), "{page}");
    }

    #[test]
    fn a_link_shows_where_it_leads() {
        let page = render("[bank](https://evil.example/\"onclick=x)");
        assert!(!page.contains("\"onclick"), "{page}");
        let page = render("[bank](https://evil.example/a)");
        assert!(
            page.contains(r#"<a href="https://evil.example/a" rel="noreferrer nofollow noopener">bank</a>"#),
            "{page}"
        );
        assert!(page.contains("(https://evil.example/a)"), "{page}");
        for bad in ["[x](javascript:alert(1))", "[x](data:text/html,y)", "[x](/sign-out)", "<javascript:alert(1)>"] {
            assert!(!render(bad).contains("<a"), "{bad}");
        }
    }

    #[test]
    fn a_language_tag_is_no_class() {
        assert!(!render("```\"><script>\nx\n```").contains("class=\"language"));
    }
}
