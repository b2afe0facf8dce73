//! Compares what a rebuilt guest asks for with what it asked for before.

use sha2::{Digest, Sha256};

use crate::protocol::{Asked, Call, Cancelled};

/// Characters of arguments that a divergence shows.
const SHOWN: usize = 300;

/// A call, as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The call's id.
    pub id: u32,
    /// The capability.
    pub name: String,
    /// SHA-256 of the text of its arguments.
    pub args: [u8; 32],
    /// How many completions the guest had consumed.
    pub after: u32,
}

impl From<&Call> for Made {
    fn from(call: &Call) -> Self {
        let args = Sha256::digest(&call.args).into();
        Self { id: call.id, name: call.name.clone(), args, after: call.after }
    }
}

/// What a guest asked for before, in order.
#[derive(Debug, Clone, Default)]
pub struct Commands {
    calls: Vec<Made>,
    cancelled: Vec<Cancelled>,
    calls_seen: usize,
    cancelled_seen: usize,
}

/// A rebuilt guest does something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Divergence {
    /// It makes another call.
    Call {
        /// What it did before.
        before: Box<Made>,
        /// What it does now.
        now: Box<Made>,
        /// The beginning of its arguments now. Those before are in the journal.
        arguments: String,
    },
    /// It cancels another call, or at another time.
    Cancelled {
        /// What it did before.
        before: Cancelled,
        /// What it does now.
        now: Cancelled,
    },
    /// It waits or ends without a call that it made before.
    MissingCall(Made),
    /// It waits or ends without cancelling a call that it cancelled before.
    MissingCancel(Cancelled),
}

/// What is new: everything that was asked for before is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct New {
    /// Calls.
    pub calls: Vec<Call>,
    /// Calls that are no longer wanted.
    pub cancelled: Vec<Cancelled>,
}

impl Commands {
    /// What is in the journal. Ids are 1, 2, 3, ...
    pub fn new(calls: Vec<Made>, cancelled: Vec<Cancelled>) -> Self {
        Self { calls, cancelled, calls_seen: 0, cancelled_seen: 0 }
    }

    /// Compares, remembers what is new and returns it.
    pub fn check(&mut self, asked: Asked) -> Result<New, Divergence> {
        let mut new = New::default();
        for call in asked.calls {
            let now = Made::from(&call);
            match self.calls.get(self.calls_seen) {
                Some(before) if *before == now => {}
                Some(before) => {
                    let (before, now) = (Box::new(before.clone()), Box::new(now));
                    let shown = call.args.chars().take(SHOWN);
                    let arguments = shown.map(|c| if c.is_control() { ' ' } else { c }).collect();
                    return Err(Divergence::Call { before, now, arguments });
                }
                None => {
                    self.calls.push(now);
                    new.calls.push(call);
                }
            }
            self.calls_seen += 1;
        }
        for now in asked.cancelled {
            match self.cancelled.get(self.cancelled_seen) {
                Some(before) if *before == now => {}
                Some(before) => return Err(Divergence::Cancelled { before: *before, now }),
                None => {
                    self.cancelled.push(now);
                    new.cancelled.push(now);
                }
            }
            self.cancelled_seen += 1;
        }
        if asked.blocked {
            // whatever it did before it got this far must have come by now
            self.missing(|after| after <= asked.consumed)?;
        }
        Ok(new)
    }

    /// The guest has ended; nothing may be missing.
    pub fn finish(&self) -> Result<(), Divergence> {
        self.missing(|_| true)
    }

    /// Whether everything that was asked for before was asked for again.
    pub fn is_caught_up(&self) -> bool {
        self.calls_seen == self.calls.len() && self.cancelled_seen == self.cancelled.len()
    }

    fn missing(&self, due: impl Fn(u32) -> bool) -> Result<(), Divergence> {
        if let Some(call) = self.calls.get(self.calls_seen).filter(|call| due(call.after)) {
            return Err(Divergence::MissingCall(call.clone()));
        }
        if let Some(cancelled) = self.cancelled.get(self.cancelled_seen).filter(|cancelled| due(cancelled.after)) {
            return Err(Divergence::MissingCancel(*cancelled));
        }
        Ok(())
    }
}

impl std::fmt::Display for Divergence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let call = |made: &Made| {
            format!("call {} of {} ({}) after {} answers", made.id, made.name, hex::encode(&made.args[..4]), made.after)
        };
        match self {
            Self::Call { before, now, arguments } => {
                write!(f, "before: {}; now: {}: {arguments}", call(before), call(now))
            }
            Self::Cancelled { before, now } => write!(
                f,
                "before: call {} cancelled after {} answers; now: call {} after {}",
                before.id, before.after, now.id, now.after
            ),
            Self::MissingCall(before) => write!(f, "before: {}; now: nothing", call(before)),
            Self::MissingCancel(before) => {
                write!(f, "before: call {} cancelled after {} answers; now: not", before.id, before.after)
            }
        }
    }
}

#[cfg(test)]
mod tests;
