//! A panic in a task of a run is a finding, not a line on the terminal.

use std::cell::RefCell;
use std::panic;
use std::sync::Once;

thread_local! {
    static HEARD: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Collects the panics of this thread from now on.
pub(super) fn listen() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let ours = HEARD.with_borrow_mut(|heard| {
                let Some(heard) = heard else { return false };
                let text = info.to_string();
                if !text.contains("a simulated bug") {
                    heard.push(text);
                }
                true
            });
            if !ours {
                before(info);
            }
        }));
    });
    HEARD.set(Some(Vec::new()));
}

/// What was collected; later panics are printed again.
pub(super) fn heard() -> Vec<String> {
    HEARD.take().unwrap_or_default()
}
