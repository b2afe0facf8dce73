//! Hints between executions get lost or come twice. Only a hint can: the message itself is in the store.

use std::cell::RefCell;

use moltforge_store::Message;

use super::dice::Dice;

thread_local! {
    static FAULTS: RefCell<Option<(Dice, u32)>> = const { RefCell::new(None) };
}

/// From now on, in this thread, so many of a thousand hints are lost or come twice.
pub(super) fn set(faults: Option<(Dice, u32)>) {
    FAULTS.set(faults);
}

/// What becomes of a hint on its way: nothing of it is left when it is lost, and `again` has a copy when it comes twice.
pub(crate) fn meet(message: Message, again: impl FnOnce(Message)) -> Option<Message> {
    let fate = FAULTS.with_borrow(|faults| match faults {
        Some((dice, rate)) if dice.chance(*rate) => dice.below(3),
        _ => 3,
    });
    match fate {
        0 | 1 => None,
        2 => {
            again(message.clone());
            Some(message)
        }
        _ => Some(message),
    }
}
