//! Icons: drawn here, 16 units square, in the colour of the text around them. They never stand for meaning alone:
//! a word is always beside them.

use maud::{Markup, PreEscaped, html};

/// An icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Icon {
    /// Overview.
    Overview,
    /// Agents.
    Agent,
    /// Executions.
    Execution,
    /// Keys.
    Key,
    /// Completed, succeeded.
    Check,
    /// Failed.
    Cross,
    /// Paused.
    Pause,
    /// Running, run.
    Play,
    /// Waiting for a time or a signal.
    Clock,
    /// Scheduled.
    Dot,
    /// Cancelled.
    Stop,
    /// Trying again.
    Retry,
    /// Nobody knows.
    Question,
    /// Something needs attention.
    Alert,
    /// A model call.
    Model,
    /// A tool call.
    Tool,
    /// Light or dark.
    Contrast,
    /// Sign out.
    Leave,
}

impl Icon {
    const fn path(self) -> &'static str {
        match self {
            Self::Overview => {
                r#"<path d="M2.5 2.5h4.4v6H2.5zM9.1 2.5h4.4v3.6H9.1zM9.1 8.3h4.4v5.2H9.1zM2.5 10.7h4.4v2.8H2.5z"/>"#
            }
            Self::Agent => r#"<path d="M8 1.8 13.4 5v6L8 14.2 2.6 11V5z"/><path d="M5.9 7v1.6M10.1 7v1.6"/>"#,
            Self::Execution => r#"<path d="M2 4h7M4.5 8h8M7 12h7"/>"#,
            Self::Key => r#"<circle cx="5" cy="11" r="2.7"/><path d="m7 9 6-6M10.6 5.4l2 2"/>"#,
            Self::Check => r#"<circle cx="8" cy="8" r="6"/><path d="m5.3 8.2 1.9 1.9 3.6-4"/>"#,
            Self::Cross => r#"<circle cx="8" cy="8" r="6"/><path d="m5.9 5.9 4.2 4.2M10.1 5.9l-4.2 4.2"/>"#,
            Self::Pause => r#"<circle cx="8" cy="8" r="6"/><path d="M6.4 5.8v4.4M9.6 5.8v4.4"/>"#,
            Self::Play => r#"<circle cx="8" cy="8" r="6"/><path d="m6.8 5.6 3.6 2.4-3.6 2.4z" fill="currentColor"/>"#,
            Self::Clock => r#"<circle cx="8" cy="8" r="6"/><path d="M8 4.8V8l2.2 1.4"/>"#,
            Self::Dot => {
                r#"<circle cx="8" cy="8" r="6" stroke-dasharray="2.2 2.5"/><circle cx="8" cy="8" r="1.2" fill="currentColor"/>"#
            }
            Self::Stop => r#"<circle cx="8" cy="8" r="6"/><path d="m3.9 12.1 8.2-8.2"/>"#,
            Self::Retry => r#"<path d="M13.2 8a5.2 5.2 0 1 1-1.5-3.7M13.4 2.2v2.6h-2.6"/>"#,
            Self::Question => {
                r#"<circle cx="8" cy="8" r="6"/><path d="M6.3 6.4a1.7 1.7 0 1 1 2.5 1.5c-.5.3-.8.6-.8 1.2M8 11v.2"/>"#
            }
            Self::Alert => r#"<path d="M8 2.2 14.2 13H1.8zM8 6.4v3.2M8 11.3v.2"/>"#,
            Self::Model => {
                r#"<path d="M8 1.8c.5 3.4 2.3 5.4 6 6.2-3.7.8-5.5 2.8-6 6.2-.5-3.4-2.3-5.4-6-6.2 3.7-.8 5.5-2.8 6-6.2z"/>"#
            }
            Self::Tool => {
                r#"<path d="M9.6 6.4 3 13M13.7 4.6 11.5 6.8 9.2 4.5l2.2-2.2a3.2 3.2 0 0 0-4 4.2M9.3 8.6a3.2 3.2 0 0 0 4.4-4"/>"#
            }
            Self::Contrast => {
                r#"<circle cx="8" cy="8" r="5.8"/><path d="M8 2.2a5.8 5.8 0 0 1 0 11.6z" fill="currentColor"/>"#
            }
            Self::Leave => r#"<path d="M9.5 2.5H3v11h6.5M6.5 8h7.2M11 5.2 13.8 8 11 10.8"/>"#,
        }
    }
}

/// An icon beside a word: hidden from screen readers.
pub(crate) fn icon(icon: Icon) -> Markup {
    html! {
        svg class="icon" viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false" {
            (PreEscaped(icon.path()))
        }
    }
}

/// The mark: a shell that opens around an ember.
pub(crate) fn mark() -> Markup {
    html! {
        svg class="mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true" focusable="false" {
            path class="mark-shell" d="M13.5 3.2 4 8.7v14.6l9.5 5.5v-6.1l-4.3-2.5v-8.4l4.3-2.5z" {}
            path class="mark-shell" d="m18.5 3.2 9.5 5.5v14.6l-9.5 5.5v-6.1l4.3-2.5v-8.4l-4.3-2.5z" {}
            path class="mark-ember" d="M16 10.6 19.4 16 16 21.4 12.6 16z" {}
        }
    }
}
