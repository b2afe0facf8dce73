//! What a process is confined by.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{JailError, Step};
use crate::policy::Enforcement;

/// What came of a confinement. A worker sends it to its server, which logs what is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The steps that hold.
    pub enforced: Vec<Step>,
    /// Those that do not: empty unless the policy says [`Enforcement::BestEffort`].
    pub missing: Vec<Missing>,
    /// Why something may be missing, in the operator's words.
    pub reason: Option<String>,
    /// What is weaker than it could be on another kernel, though something else covers it.
    pub notes: Vec<String>,
    #[serde(skip)]
    left_out: Vec<Step>,
}

/// A step that the kernel refused and the policy let pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Which.
    pub step: Step,
    /// Why.
    pub why: String,
}

impl Report {
    pub(crate) fn new(enforcement: &Enforcement) -> Self {
        let reason = match enforcement {
            Enforcement::Required => None,
            Enforcement::BestEffort { reason } => Some(reason.clone()),
        };
        Self { reason, ..Self::default() }
    }

    /// Whether every step holds.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && Step::OF_A_PROCESS.iter().all(|step| self.enforced.contains(step))
    }

    /// Notes a step that must hold.
    pub(crate) fn required(&mut self, step: Step, done: Result<(), JailError>) -> Result<(), JailError> {
        done?;
        self.enforced.push(step);
        Ok(())
    }

    /// Steps that a test does without.
    pub(crate) fn leave_out(&mut self, steps: &[Step]) {
        self.left_out = steps.to_vec();
    }

    /// Does a step that the policy may let pass. Whether it holds.
    pub(crate) fn wanted(
        &mut self,
        step: Step,
        act: impl FnOnce() -> Result<(), JailError>,
    ) -> Result<bool, JailError> {
        if self.left_out.contains(&step) {
            self.missing.push(Missing { step, why: "left out by a test".to_owned() });
            return Ok(false);
        }
        match act() {
            Ok(()) => self.enforced.push(step),
            Err(error) if self.reason.is_some() => {
                self.missing.push(Missing { step: error.step(), why: error.why().to_owned() });
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        Ok(true)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.missing.is_empty() {
            f.write_str("confined")?;
        } else {
            write!(f, "NOT CONFINED, allowed because: {}", self.reason.as_deref().unwrap_or_default())?;
            for missing in &self.missing {
                write!(f, "; without {} ({})", missing.step, missing.why)?;
            }
        }
        self.notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_loud_and_needs_a_reason() {
        let refused = || Err(JailError::new(Step::Landlock, "no"));
        let mut strict = Report::new(&Enforcement::Required);
        assert_eq!(strict.wanted(Step::Landlock, refused).unwrap_err().step(), Step::Landlock);
        let mut lax = Report::new(&Enforcement::BestEffort { reason: "old kernel".to_owned() });
        assert!(!lax.wanted(Step::Landlock, refused).unwrap());
        assert!(!lax.is_complete());
        let nothing = Report::default();
        assert!(!nothing.is_complete(), "that nothing is missing does not say that it holds");
        assert!(Report { enforced: Step::OF_A_PROCESS.to_vec(), ..nothing }.is_complete());
        assert_eq!(lax.to_string(), "NOT CONFINED, allowed because: old kernel; without Landlock (no)");
        assert!(lax.required(Step::Limits, refused()).is_err(), "no reason lets this pass");
    }
}
