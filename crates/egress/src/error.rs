//! Why a request was refused or has no response.

use std::net::IpAddr;
use std::time::Duration;

use moltforge_types::{Fault, Kind};

/// An error of this crate. Its text is fit for the agent that made the request: it holds no header, body or query.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL cannot be requested.
    #[error("the url cannot be requested: {0}")]
    UrlInvalid(String),
    /// A header that belongs to the transport, or too many of them.
    #[error("the request header cannot be sent: {0}")]
    HeaderNotAllowed(String),
    /// A method that is not forwarded.
    #[error("the method {0} cannot be requested")]
    MethodNotAllowed(String),
    /// The agent's file does not ask for the host.
    #[error(
        "{host}:{port} is not granted: the agent does not request it; its author can add \"{host}:{port}\" to hosts in the agent's file"
    )]
    HostNotRequested {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// The operator does not grant the host.
    #[error(
        "{host}:{port} is not granted: the agent requests it, the operator does not grant it; the operator can add \"{host}:{port}\" to egress.allow (or to egress.allow_local for an address in a private network or on this machine)"
    )]
    HostNotGranted {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// An address of the host may not be connected to.
    #[error("{host}:{port} has the address {address} ({class}), which is not allowed{}", advice(*.grantable, host, *port))]
    AddressNotAllowed {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The address.
        address: IpAddr,
        /// What it is.
        class: String,
        /// Whether an operator's grant would allow it.
        grantable: bool,
    },
    /// More redirects than are followed.
    #[error("more than {0} redirects")]
    RedirectLimit(usize),
    /// The response is larger than asked for.
    #[error("the response is larger than {limit} bytes")]
    ResponseTooLarge {
        /// The limit that was passed.
        limit: usize,
    },
    /// It took longer than allowed.
    #[error("no whole response within {} s", after.as_secs_f64())]
    Timeout {
        /// The limit.
        after: Duration,
    },
    /// It had to wait for others for longer than it has time.
    #[error("within {} s there was no turn for it; it waited for {what}", after.as_secs_f64())]
    Busy {
        /// Its time.
        after: Duration,
        /// What it waited for.
        what: String,
    },
    /// No connection; nothing was sent.
    #[error("cannot connect to {host}:{port}: {reason}")]
    ConnectFailed {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What the network said.
        reason: String,
    },
    /// The connection broke before the whole response came.
    #[error("the connection to {host}:{port} broke before the whole response came: {reason}")]
    ResponseCut {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What the network said.
        reason: String,
    },
    /// A client cannot be made.
    #[error("cannot prepare a client: {0}")]
    Client(String),
    /// Any of the others, after a request with an effect may have reached somebody.
    #[error("{0}")]
    AfterSending(Box<Error>),
}

fn advice(grantable: bool, host: &str, port: u16) -> String {
    if grantable { format!("; the operator can add \"{host}:{port}\" to egress.allow_local") } else { String::new() }
}

impl Error {
    /// Whether the request may have been sent and acted upon, with no answer to tell.
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Self::AfterSending(_))
    }

    /// Whether the same request may work later.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind(), Kind::Timeout | Kind::Unavailable)
    }

    pub(crate) fn after_sending(self, sent: bool) -> Self {
        if sent && !self.outcome_unknown() { Self::AfterSending(Box::new(self)) } else { self }
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::UrlInvalid(_) | Self::HeaderNotAllowed(_) | Self::MethodNotAllowed(_) => Kind::Invalid,
            Self::HostNotRequested { .. } | Self::HostNotGranted { .. } | Self::AddressNotAllowed { .. } => {
                Kind::Forbidden
            }
            Self::RedirectLimit(_) => Kind::Conflict,
            Self::ResponseTooLarge { .. } => Kind::TooLarge,
            Self::Timeout { .. } | Self::Busy { .. } => Kind::Timeout,
            Self::ConnectFailed { .. } | Self::ResponseCut { .. } => Kind::Unavailable,
            Self::Client(_) => Kind::Internal,
            Self::AfterSending(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::UrlInvalid(_) => "url_invalid",
            Self::HeaderNotAllowed(_) => "header_not_allowed",
            Self::MethodNotAllowed(_) => "method_not_allowed_outbound",
            Self::HostNotRequested { .. } | Self::HostNotGranted { .. } => "host_not_granted",
            Self::AddressNotAllowed { .. } => "address_not_allowed",
            Self::RedirectLimit(_) => "redirect_limit",
            Self::ResponseTooLarge { .. } => "response_too_large",
            Self::Timeout { .. } => "egress_timeout",
            Self::Busy { .. } => "egress_busy",
            Self::ConnectFailed { .. } => "connect_failed",
            Self::ResponseCut { .. } => "response_cut",
            Self::Client(_) => "egress_client_failed",
            Self::AfterSending(error) => error.code(),
        }
    }
}

/// The innermost cause of a transport error: the outer ones repeat the URL.
pub(crate) fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = if std::ptr::addr_eq(std::ptr::from_ref(cause), std::ptr::from_ref(error)) {
        "the request failed".to_owned()
    } else {
        cause.to_string()
    };
    text.chars().take(200).collect()
}
