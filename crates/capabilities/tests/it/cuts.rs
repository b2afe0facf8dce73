//! A cut stream is never taken for a short answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use moltforge_capabilities::llm::{ChunkSink, ModelError};

use crate::provider::{broken, calls, ended, text};
use crate::server::Step;
use crate::world::{agent, request, user, world};

/// Cuts the response wherever it can be cut, once by breaking the connection and once by ending it cleanly.
async fn cut_everywhere(frames: Vec<String>) {
    type Cut = fn(&[String], usize) -> Vec<Step>;
    let all = frames.concat();
    // whole as soon as the frame with the finish reason has ended
    let whole_from = all.rfind("finish_reason\":\"").unwrap();
    let whole_from = whole_from + all[whole_from..].find("\n\n").unwrap() + 2;
    let config = agent("tools = [\"math.add\"]\n");
    for cut in [broken as Cut, ended as Cut] {
        let (place, source) = (Arc::new(AtomicUsize::new(0)), frames.clone());
        let at = place.clone();
        let (_server, models) = world(move |_| cut(&source, at.load(Ordering::SeqCst))).await;
        // around every end of a frame, and at every third byte between
        let ends = |at: usize| all.as_bytes()[at.saturating_sub(3)..(at + 2).min(all.len())].contains(&b'\n');
        for at in (0..=all.len()).filter(|at| at % 3 == 0 || ends(*at)) {
            place.store(at, Ordering::SeqCst);
            let reply = models.complete(request(&config, vec![user("hello")]), ChunkSink::none()).await;
            match reply {
                Ok(reply) => {
                    assert!(at >= whole_from, "cut at {at} of {}: {reply:?}", all.len());
                    assert!(reply.text == "Hello, world" || reply.tool_calls.len() == 2, "{reply:?}");
                }
                Err(ModelError::Transient { code: "model_stream_cut", .. }) => assert!(at < whole_from, "cut at {at}"),
                Err(error) => panic!("cut at {at}: {error:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_text_cut_anywhere() {
    cut_everywhere(text(&["Hello", ", ", "world"])).await;
}

#[tokio::test]
async fn tool_calls_cut_anywhere() {
    cut_everywhere(calls(&[("x", "math_add", "{\"a\":1,\"b\":2}"), ("y", "math_add", "{}")], 5)).await;
}
