//! Pages: opaque cursors and limits.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::problem::ApiResult;

/// Items of a page when nobody says.
pub const DEFAULT_LIMIT: u32 = 50;
/// The most items of a page.
pub const MAX_LIMIT: u32 = 200;
/// Longer cursors were not given out by us.
const MAX_CURSOR: usize = 1024;

/// Where the next page begins, as text that tells a client nothing.
pub fn encode<T: Serialize>(position: &T) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(position).unwrap_or_default())
}

/// The position in a cursor.
///
/// # Errors
/// 400 `cursor_invalid` for whatever [`encode`] did not make of a `T`.
pub fn decode<T: DeserializeOwned>(cursor: &str) -> ApiResult<T> {
    if cursor.len() > MAX_CURSOR {
        return Err(Error::CursorInvalid.into());
    }
    let json = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| Error::CursorInvalid)?;
    Ok(serde_json::from_slice(&json).map_err(|_| Error::CursorInvalid)?)
}

/// The items of a page: 1 to 200, 50 when absent.
///
/// # Errors
/// 400 `limit_invalid` outside that range.
pub fn page_limit(limit: Option<u32>) -> ApiResult<u32> {
    match limit {
        None => Ok(DEFAULT_LIMIT),
        Some(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
        Some(got) => Err(Error::LimitInvalid { max: MAX_LIMIT, got }.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_round_trips_and_foreign_ones_are_refused() {
        let text = encode(&("agt_x", 7));
        assert_eq!(decode::<(String, u32)>(&text).unwrap(), ("agt_x".to_owned(), 7));
        for bad in ["", "!", "AAAA", &encode(&"other"), &"A".repeat(2000)] {
            assert_eq!(decode::<(String, u32)>(bad).unwrap_err().code(), "cursor_invalid", "{bad}");
        }
    }

    #[test]
    fn limits() {
        assert_eq!(page_limit(None).unwrap(), 50);
        assert_eq!(page_limit(Some(200)).unwrap(), 200);
        for bad in [0, 201, u32::MAX] {
            assert_eq!(page_limit(Some(bad)).unwrap_err().code(), "limit_invalid");
        }
    }
}
