//! A time limit that costs nothing for what is ready at once, or as soon as the connection has been looked at again.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::time::Sleep;

/// What `work` gives, or `None` when it takes longer than `limit`.
///
/// A timer is set at the second look that finds nothing: most bodies are there by then, because they came in one packet
/// with their head, and setting a timer may wake the thread that keeps time.
pub(crate) async fn within<F: Future>(limit: Duration, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    let mut looked_once = false;
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    std::future::poll_fn(|cx| {
        if let Poll::Ready(output) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        if !looked_once {
            looked_once = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        timer.as_mut().poll(cx).map(|()| None)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_ends_with_the_work_or_with_the_time() {
        let second = Duration::from_secs(1);
        assert_eq!(within(second, std::future::ready(7)).await, Some(7));
        assert_eq!(within(second, tokio::task::yield_now()).await, Some(()));
        assert_eq!(within(Duration::from_millis(1), std::future::pending::<()>()).await, None);
        let (send, receive) = tokio::sync::oneshot::channel();
        let later = tokio::spawn(within(Duration::from_mins(1), receive));
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        send.send(7).unwrap();
        assert_eq!(later.await.unwrap(), Some(Ok(7)));
    }
}
