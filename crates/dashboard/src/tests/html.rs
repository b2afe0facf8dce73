//! A strict reader of the HTML that we write: every element closed in order, every attribute quoted and unique.

/// A page as a flat list of its elements, in order.
pub(super) struct Document {
    pub(super) elements: Vec<Element>,
}

/// One element and all text within it.
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) text: String,
}

impl Element {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

const VOID: [&str; 5] = ["meta", "link", "input", "br", "hr"];

impl Document {
    pub(super) fn parse(source: &str) -> Result<Self, String> {
        let mut rest = source.strip_prefix("<!DOCTYPE html>").ok_or("no doctype")?;
        let mut elements: Vec<Element> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        while !rest.is_empty() {
            let (text, tag) = rest.split_once('<').unwrap_or((rest, ""));
            for at in &open {
                elements[*at].text.push_str(text);
            }
            if text.contains('>') {
                return Err(format!("a stray > in {:?}", text.chars().take(60).collect::<String>()));
            }
            if rest.len() == text.len() {
                break;
            }
            let (tag, after) = split_tag(tag)?;
            rest = after;
            if let Some(name) = tag.strip_prefix('/') {
                let last = open.pop().ok_or_else(|| format!("</{name}> closes nothing"))?;
                if elements[last].name != name {
                    return Err(format!("</{name}> closes <{}>", elements[last].name));
                }
                continue;
            }
            let element = element(tag.trim_end_matches('/').trim_end())?;
            let void = VOID.contains(&element.name.as_str()) || tag.ends_with('/');
            elements.push(element);
            if !void {
                open.push(elements.len() - 1);
            }
        }
        match open.last() {
            Some(at) => Err(format!("<{}> stays open", elements[*at].name)),
            None => Ok(Self { elements }),
        }
    }
}

/// Up to the `>` that is not within quotes.
fn split_tag(source: &str) -> Result<(&str, &str), String> {
    let mut quoted = false;
    for (at, byte) in source.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Ok((&source[..at], &source[at + 1..])),
            b'<' if !quoted => break,
            _ => {}
        }
    }
    Err(format!("a tag without an end: {:?}", source.chars().take(60).collect::<String>()))
}

fn element(tag: &str) -> Result<Element, String> {
    let (name, mut rest) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(format!("<{name}> is no name"));
    }
    let mut attributes: Vec<(String, String)> = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            break;
        }
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let attribute = &rest[..end];
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let (inside, after) = quoted.split_once('"').ok_or("an open quote")?;
            value = decode(inside);
            rest = after;
        } else if rest.starts_with('=') {
            return Err(format!("{attribute} of <{name}> is not quoted"));
        }
        let plain =
            !attribute.is_empty() && attribute.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b':');
        if !plain || attributes.iter().any(|(n, _)| n == attribute) {
            return Err(format!("{attribute:?} of <{name}>"));
        }
        attributes.push((attribute.to_owned(), value));
    }
    Ok(Element { name: name.to_owned(), attributes, text: String::new() })
}

fn decode(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}
