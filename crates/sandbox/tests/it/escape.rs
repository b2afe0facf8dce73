//! The escape suite: programs and workers that try to get out, each with a control. docs/security-tests.md lists them.

mod attempt;
mod beside;
mod components;
mod javascript;
mod lies;
mod outcome;
mod python;
