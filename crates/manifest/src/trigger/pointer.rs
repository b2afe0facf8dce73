//! JSON pointers (RFC 6901) that authors write.

/// The longest pointer, in bytes.
const MAX_POINTER: usize = 256;

/// Whether a text is a pointer: empty, or segments that each begin with `/`.
pub(super) fn check(text: &str) -> Result<(), String> {
    let shown = || text.chars().take(60).collect::<String>();
    if text.len() > MAX_POINTER {
        return Err(format!("a JSON pointer has at most {MAX_POINTER} bytes, got {}", text.len()));
    }
    if !text.is_empty() && !text.starts_with('/') {
        return Err(format!("expected a JSON pointer such as \"/data/city\", got {:?}", shown()));
    }
    let escapes = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if escapes { Ok(()) } else { Err(format!("in a JSON pointer `~` is written ~0, got {:?}", shown())) }
}
