//! What just happened, told on the next page. The address carries a code, never a text: nobody can put words there.

/// A message after a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flash {
    /// A version was made live.
    Deployed,
    /// The version before is live again.
    RolledBack,
    /// An environment has no live version any more.
    Undeployed,
    /// An execution was accepted.
    Started,
    /// An execution is held.
    Paused,
    /// An execution goes on.
    Resumed,
    /// An execution was stopped.
    Cancelled,
    /// An execution was stopped at once.
    Killed,
    /// A copy was started.
    Forked,
    /// An agent is held.
    AgentPaused,
    /// An agent's kill switch was pulled.
    AgentKilled,
    /// An agent goes on.
    AgentResumed,
    /// A signal was accepted.
    Signalled,
    /// A trigger is held.
    TriggerPaused,
    /// A trigger goes on.
    TriggerResumed,
    /// A trigger was fired.
    Fired,
    /// A call was approved.
    Approved,
    /// A call was rejected.
    Rejected,
    /// The other side was asked about a call.
    Probed,
    /// An operator decided about a call.
    EffectDecided,
    /// A key was revoked.
    Revoked,
    /// The session has ended.
    SignedOut,
}

impl Flash {
    const ALL: [Self; 22] = [
        Self::Deployed,
        Self::RolledBack,
        Self::Undeployed,
        Self::Started,
        Self::Paused,
        Self::Resumed,
        Self::Cancelled,
        Self::Killed,
        Self::Forked,
        Self::AgentPaused,
        Self::AgentKilled,
        Self::AgentResumed,
        Self::Signalled,
        Self::TriggerPaused,
        Self::TriggerResumed,
        Self::Fired,
        Self::Approved,
        Self::Rejected,
        Self::Probed,
        Self::EffectDecided,
        Self::Revoked,
        Self::SignedOut,
    ];

    /// The code in the address.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Deployed => "deployed",
            Self::RolledBack => "rolled-back",
            Self::Undeployed => "undeployed",
            Self::Started => "started",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Cancelled => "cancelled",
            Self::Killed => "killed",
            Self::Forked => "forked",
            Self::AgentPaused => "agent-paused",
            Self::AgentKilled => "agent-killed",
            Self::AgentResumed => "agent-resumed",
            Self::Signalled => "signalled",
            Self::TriggerPaused => "trigger-paused",
            Self::TriggerResumed => "trigger-resumed",
            Self::Fired => "fired",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Probed => "probed",
            Self::EffectDecided => "effect-decided",
            Self::Revoked => "revoked",
            Self::SignedOut => "signed-out",
        }
    }

    /// The text on the page.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Deployed => "Deployed. New executions run this version; those under way keep theirs.",
            Self::RolledBack => "Rolled back. New executions run the version that was live before.",
            Self::Undeployed => "Undeployed. The environment accepts no new executions; those under way go on.",
            Self::Started => "Started. This page follows the execution while it runs.",
            Self::Paused => "Pause accepted. Finished steps are kept; nothing runs until somebody resumes it.",
            Self::Resumed => "Resume accepted. The execution goes on where it was.",
            Self::Cancelled => "Cancel accepted. The execution does not run again.",
            Self::Killed => "Kill accepted. The receipt below says what was on its way.",
            Self::Forked => "Started as a copy. The copied steps stand below; what they did is not done again.",
            Self::AgentPaused => "Paused. Its executions go on when somebody resumes the agent; new ones wait.",
            Self::AgentKilled => "The kill switch is pulled. Its executions are stopped, new ones are refused.",
            Self::AgentResumed => "Resumed. The agent's executions go on, and new ones begin.",
            Self::Signalled => "Signal accepted. It is delivered once.",
            Self::TriggerPaused => "Paused. Nothing fires this trigger until somebody resumes it.",
            Self::TriggerResumed => "Resumed. Runs whose time passed meanwhile are not made up for.",
            Self::Fired => "Fired. What came of it stands below.",
            Self::Approved => "Approved. The call begins exactly as it was shown, once.",
            Self::Rejected => "Rejected. The call is never made, and the model is told.",
            Self::Probed => "The other side was asked. What it said stands with the effect.",
            Self::EffectDecided => "Decided. It is recorded with your name.",
            Self::Revoked => "Revoked. The key and its sessions are refused from now on.",
            Self::SignedOut => "Signed out.",
        }
    }

    /// The message of a code from an address; anything else is no message.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flash| flash.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_codes_speak() {
        for flash in Flash::ALL {
            assert_eq!(Flash::from_code(flash.code()), Some(flash));
        }
        assert_eq!(Flash::from_code("<script>"), None);
    }
}
