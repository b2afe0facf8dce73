//! `llm.chunk`: a program reads a model's reply while it is written.
//!
//! Each piece is a step of its own, so a rebuilt program gets the same pieces. The pieces are not the reply: after a crash
//! or a failed attempt the model is asked again, and what a program has read until then is void. It sees that by the
//! attempt's number, and by `from`, which is 0 again.

use moltforge_types::journal::ErrorInfo;
use serde::Deserialize;
use serde_json::{Value, json};

use super::state::{Execution, Heard, Pending};
use super::{Action, Context, Outcome, advance, completion};

/// The capability.
pub(crate) const CHUNK: &str = "llm.chunk";

/// Bytes of one piece.
const MAX_PIECE: usize = 64 * 1024;

/// Where a program is in a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Its call of `llm.complete`.
    pub call: u32,
    /// The attempt whose pieces it has; 0 when it has none.
    #[serde(default)]
    pub attempt: u64,
    /// Bytes of it that it has.
    #[serde(default)]
    pub from: u32,
}

/// What `llm.complete` answers, as far as it matters here.
#[derive(Deserialize)]
struct Replied {
    text: String,
    attempt: u64,
}

/// Whether a call is a program's read of a reply.
pub(super) fn is_one(execution: &Execution, call: &Pending) -> bool {
    execution.spec.is_code() && call.tool == CHUNK
}

/// Whether a call reads a reply that is still expected. Such reads are not counted: each waits for something new.
pub(super) fn reads_along(execution: &Execution, name: &str, arguments: &str) -> bool {
    name == CHUNK && place(arguments).is_ok_and(|place| expected(execution, place.call).is_some())
}

/// Whether a read waits for what no longer comes: the reply has ended, or nobody wants it.
pub(super) fn is_over(execution: &Execution, call: &Pending) -> bool {
    is_one(execution, call) && place(&call.arguments).is_ok_and(|place| expected(execution, place.call).is_none())
}

/// Reads what there is, or waits for more.
pub(super) fn begin(execution: &mut Execution, call: &Pending, context: Context, out: &mut Outcome) {
    let place = match place(&call.arguments) {
        Ok(place) => place,
        Err(error) => return advance::fail(execution, call, error, true, context, out),
    };
    if let Some(of) = expected(execution, place.call) {
        execution.in_flight.insert(call.step);
        out.actions.push(Action::ReadReply { step: call.step, of, place });
        return;
    }
    advance::abort(execution, |step| step == call.step, out);
    let Some(heard) = ended(execution, place.call) else {
        let message = format!("{} is no call of llm.complete that anybody waits for", place.call);
        return advance::fail(execution, call, ErrorInfo::new("tool_arguments_invalid", message), true, context, out);
    };
    let reply: Option<Replied> = if heard.ok { serde_json::from_str(&heard.content).ok() } else { None };
    // an error is the answer of the other call
    let piece = reply.map_or_else(|| nothing(place, true), |reply| piece(place, reply.attempt, &reply.text, true));
    advance::succeed(execution, call, piece, context, out);
}

/// The piece of a reply after a place; its beginning, when the place is in another attempt.
pub(crate) fn piece(place: Place, attempt: u64, text: &str, is_whole: bool) -> Value {
    let from = if attempt == place.attempt { place.from as usize } else { 0 };
    // a place within a character is none
    let (from, rest) = text.get(from..).map_or((0, text), |rest| (from, rest));
    let piece = &rest[..rest.floor_char_boundary(MAX_PIECE)];
    let done = is_whole && piece.len() == rest.len();
    json!({ "attempt": attempt, "from": from, "to": from + piece.len(), "text": piece, "done": done })
}

/// Nothing new.
pub(crate) fn nothing(place: Place, done: bool) -> Value {
    let Place { attempt, from, .. } = place;
    json!({ "attempt": attempt, "from": from, "to": from, "text": "", "done": done })
}

fn place(arguments: &str) -> Result<Place, ErrorInfo> {
    serde_json::from_str(arguments).map_err(|error| ErrorInfo::new("tool_arguments_invalid", error.to_string()))
}

/// The step of a model call that has no answer yet.
fn expected(execution: &Execution, id: u32) -> Option<u32> {
    let id = id.to_string();
    let call = execution.pending.iter().find(|call| call.call_id == id && completion::is_one(execution, call))?;
    Some(call.step)
}

/// The answer of a model call.
fn ended(execution: &Execution, id: u32) -> Option<&Heard> {
    let life = &execution.guest;
    life.calls.iter().find(|made| made.id == id && made.name == completion::COMPLETE)?;
    life.heard.iter().find(|heard| heard.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_begins_where_the_one_before_ended() {
        let place = Place { call: 1, attempt: 7, from: 3 };
        let rest = json!({ "attempt": 7, "from": 3, "to": 6, "text": "def", "done": false });
        assert_eq!(piece(place, 7, "abcdef", false), rest);
        assert_eq!(piece(place, 7, "abc", true), json!({ "attempt": 7, "from": 3, "to": 3, "text": "", "done": true }));
    }

    #[test]
    fn another_attempt_and_a_place_that_is_none_begin_anew() {
        let place = Place { call: 1, attempt: 7, from: 1 };
        let anew = json!({ "attempt": 8, "from": 0, "to": 3, "text": "abc", "done": true });
        assert_eq!(piece(place, 8, "abc", true), anew);
        assert_eq!(piece(place, 7, "éa", true)["from"], 0);
        assert_eq!(piece(place, 7, "", true)["from"], 0);
    }

    #[test]
    fn a_long_reply_comes_in_pieces_of_whole_characters() {
        let text = "é".repeat(40_000);
        let first = piece(Place { call: 1, attempt: 0, from: 0 }, 7, &text, true);
        assert_eq!(first["text"].as_str().unwrap().len(), MAX_PIECE);
        assert_eq!(first["done"], false);
        let next = Place { call: 1, attempt: 7, from: u32::try_from(MAX_PIECE).unwrap() };
        let second = piece(next, 7, &text, true);
        assert_eq!((second["text"].as_str().unwrap().len(), &second["done"]), (80_000 - MAX_PIECE, &json!(true)));
    }
}
