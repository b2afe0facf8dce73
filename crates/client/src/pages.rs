//! All pages of a list as one stream.

use std::collections::VecDeque;
use std::future::Future;

use futures::{Stream, stream};
use moltforge_api::Page;

use crate::Error;

enum Next {
    Page(Option<String>),
    /// The last page has been fetched, or a page failed.
    Nothing,
}

struct Walk<T, F> {
    fetch: F,
    items: VecDeque<T>,
    next: Next,
}

/// The items of every page from `cursor` on. A page is fetched when its first item is asked for; an error ends the stream.
pub(crate) fn all<T, F, R>(cursor: Option<String>, fetch: F) -> impl Stream<Item = Result<T, Error>> + Send + 'static
where
    T: Send + 'static,
    F: Fn(Option<String>) -> R + Send + 'static,
    R: Future<Output = Result<Page<T>, Error>> + Send + 'static,
{
    stream::unfold(Walk { fetch, items: VecDeque::new(), next: Next::Page(cursor) }, |mut walk| async {
        loop {
            if let Some(item) = walk.items.pop_front() {
                return Some((Ok(item), walk));
            }
            let Next::Page(cursor) = std::mem::replace(&mut walk.next, Next::Nothing) else { return None };
            match (walk.fetch)(cursor).await {
                Ok(page) => {
                    walk.next = page.next.map_or(Next::Nothing, |cursor| Next::Page(Some(cursor)));
                    walk.items = page.items.into();
                }
                Err(error) => return Some((Err(error), walk)),
            }
        }
    })
}
