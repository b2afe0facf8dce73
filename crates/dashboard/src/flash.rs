//! What just happened, told on the next page. The address carries a code, never a text: nobody can put words there.

macro_rules! flashes {
    ($($name:ident = $code:literal: $message:literal;)*) => {
        /// A message after a redirect.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Flash { $(#[doc = $message] $name,)* }

        impl Flash {
            const ALL: &[Self] = &[$(Self::$name,)*];

            /// What the address carries.
            pub(crate) const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The text on the page.
            pub(crate) const fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }
        }
    };
}

flashes! {
    Deployed = "deployed": "Deployed. New executions run this version; those under way keep theirs.";
    RolledBack = "rolled-back": "Rolled back. New executions run the version that was live before.";
    Undeployed = "undeployed": "Undeployed. The environment accepts no new executions; those under way go on.";
    Started = "started": "Started. This page follows the execution while it runs.";
    Paused = "paused": "Pause accepted. Finished steps are kept; nothing runs until somebody resumes it.";
    Resumed = "resumed": "Resume accepted. The execution goes on where it was.";
    Cancelled = "cancelled": "Cancel accepted. The execution does not run again.";
    Killed = "killed": "Kill accepted. The receipt below says what was on its way.";
    Forked = "forked": "Started as a copy. The copied steps stand below; what they did is not done again.";
    AgentHeld = "agent-held": "Held. Nothing of the agent begins from now on.";
    AgentResumed = "agent-resumed": "Resumed. The agent's executions go on, and new ones begin.";
    ProjectHeld = "project-held": "Held. Nothing of the project begins from now on.";
    ProjectResumed = "project-resumed": "Resumed. The project's executions go on, and new ones begin.";
    Signalled = "signalled": "Signal accepted. It is delivered once.";
    TriggerPaused = "trigger-paused": "Paused. Nothing fires this trigger until somebody resumes it.";
    TriggerResumed = "trigger-resumed": "Resumed. Runs whose time passed meanwhile are not made up for.";
    Fired = "fired": "Fired. What came of it stands below.";
    Approved = "approved": "Approved. The call begins exactly as it was approved, once.";
    Rejected = "rejected": "Rejected. The call is never made, and the model is told.";
    Probed = "probed": "The other side was asked. What it said stands with the effect.";
    EffectDecided = "effect-decided": "Decided. It is recorded with your name.";
    Revoked = "revoked": "Revoked. The key and its sessions are refused from now on.";
    SignedOut = "signed-out": "Signed out.";
}

impl Flash {
    /// The message of a code from an address; anything else is no message.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|flash| flash.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_codes_speak() {
        for flash in Flash::ALL {
            assert_eq!(Flash::from_code(flash.code()), Some(*flash));
        }
        assert_eq!(Flash::from_code("<script>"), None);
    }
}
