//! Calls on their way.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bindings::moltforge::agent::calls::{self, Pending};
use crate::{Error, Result};

/// A call that was made: a future of its answer. Dropping it gives the call up.
#[must_use = "a call that is dropped is given up: `.await` it"]
pub struct Call<T> {
    state: State,
    value: PhantomData<fn() -> T>,
}

enum State {
    Made(Rc<RefCell<Slot>>),
    /// It could not be made.
    Failed(Option<Error>),
}

struct Slot {
    /// Until its answer is taken.
    pending: Option<Pending>,
    is_answered: bool,
    waker: Option<Waker>,
}

thread_local! {
    static OPEN: RefCell<Vec<Weak<RefCell<Slot>>>> = const { RefCell::new(Vec::new()) };
}

impl<T: DeserializeOwned> Call<T> {
    pub(crate) fn new(pending: Pending) -> Self {
        let slot = Rc::new(RefCell::new(Slot { pending: Some(pending), is_answered: false, waker: None }));
        OPEN.with_borrow_mut(|open| open.push(Rc::downgrade(&slot)));
        Self { state: State::Made(slot), value: PhantomData }
    }

    /// With the JSON of an argument, which may be a value that has none.
    pub(crate) fn with(value: &(impl Serialize + ?Sized), make: impl FnOnce(String) -> Pending) -> Self {
        match serde_json::to_string(value) {
            Ok(text) => Self::new(make(text)),
            Err(error) => Self { state: State::Failed(Some(error.into())), value: PhantomData },
        }
    }

    /// For what is asked about the call itself.
    pub(crate) fn with_pending<R>(&self, ask: impl FnOnce(&Pending) -> R) -> Option<R> {
        match &self.state {
            State::Made(slot) => slot.borrow().pending.as_ref().map(ask),
            State::Failed(_) => None,
        }
    }
}

impl<T: DeserializeOwned> Future for Call<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        let answer = match &mut self.state {
            State::Failed(error) => Some(Err(error.take().unwrap_or_else(|| Error::from("awaited twice")))),
            State::Made(slot) => {
                let mut slot = slot.borrow_mut();
                slot.waker = Some(context.waker().clone());
                let pending = if slot.is_answered { slot.pending.take() } else { None };
                pending.map(|pending| Pending::take(pending).map_err(Error::from))
            }
        };
        match answer {
            None => Poll::Pending,
            Some(answer) => Poll::Ready(answer.and_then(|text| read(&text))),
        }
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        let mut odd = Error::new("answer_unexpected", format!("the answer is not what was expected: {error}"));
        odd.details = serde_json::from_str(text).ok().map(|answer: Value| serde_json::json!({ "answer": answer }));
        odd
    })
}

/// Waits until one call more has its answer, and wakes whoever waits for it. `false` when no call is open.
pub(crate) fn wait() -> bool {
    let slots: Vec<_> = OPEN.with_borrow_mut(|open| {
        open.retain(|slot| slot.upgrade().is_some_and(|slot| !slot.borrow().is_answered));
        open.iter().filter_map(Weak::upgrade).collect()
    });
    if slots.is_empty() {
        return false;
    }
    let at = {
        let borrowed: Vec<_> = slots.iter().map(|slot| slot.borrow()).collect();
        // each has one until it is answered
        let pending: Vec<_> = borrowed.iter().filter_map(|slot| slot.pending.as_ref()).collect();
        calls::wait(&pending) as usize
    };
    let Some(slot) = slots.get(at) else { return false };
    let waker = {
        let mut slot = slot.borrow_mut();
        slot.is_answered = true;
        slot.waker.take()
    };
    // whoever is woken may look at the call
    if let Some(waker) = waker {
        waker.wake();
    }
    true
}
