//! The words of approvals.

use serde::{Deserialize, Serialize};

use crate::execution::text_enum;

text_enum! {
    /// Where an approval stands.
    ApprovalState {
        /// Waits for a decision.
        Pending = "pending",
        /// Its call may begin, exactly as it was approved.
        Approved = "approved",
        /// Its call never begins; the model is told.
        Rejected = "rejected",
        /// Nobody decided in time.
        Expired = "expired",
        /// Its execution ended before anybody decided.
        Cancelled = "cancelled",
        /// Its decision counts no longer; another approval asks anew.
        Reopened = "reopened",
    }
}

text_enum! {
    /// What an approval was answered with.
    Decision {
        /// The call may begin.
        Approved = "approved",
        /// It never begins.
        Rejected = "rejected",
        /// Nobody decided in time.
        Expired = "expired",
    }
}

text_enum! {
    /// What happens when nobody decides in time.
    OnExpiry {
        /// The model is told that nobody decided.
        Reject = "reject",
        /// The execution is paused; a resume asks anew.
        Pause = "pause",
    }
}
