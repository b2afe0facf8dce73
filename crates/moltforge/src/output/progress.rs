//! A sign of life while something takes its time: on a terminal only, on stderr, gone when done.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Output, text};

/// A spinner with a sentence; nothing where nobody looks. It goes away with the value.
#[derive(Debug)]
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// Starts to show `message`.
    pub fn start(output: Output, message: &str) -> Self {
        if !output.shows_progress() {
            return Self(None);
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed:>}") {
            bar.set_style(style);
        }
        bar.set_message(text::one_line(message, 100));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(Some(bar))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
