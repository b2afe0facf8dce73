//! Parameters: what can be bound in both databases.

use moltforge_types::{
    AgentId, AgentName, ApprovalId, ContentHash, DeploymentId, EnvironmentName, ExecutionId, KeyId, MessageId, NodeId,
    OrganisationId, ProjectId, RequestId, SessionId, Timestamp, TriggerId, VersionId,
};

use crate::error::Error;

/// A parameter. Every integer travels as 64 bits; both databases narrow it to the column and refuse what does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `INTEGER` / `BIGINT`, also booleans and times.
    Integer(Option<i64>),
    /// `TEXT`, also ids, names, hashes and JSON.
    Text(Option<String>),
    /// `BLOB` / `BYTEA`.
    Blob(Option<Vec<u8>>),
}

/// A type that can be bound. A state or a reason is bound by its `as_str()`.
pub trait Bind: Sized {
    /// The parameter for this value.
    ///
    /// # Errors
    /// `text_has_nul`, `number_too_large`.
    fn value(self) -> Result<Value, Error>;

    /// The parameter for `None`.
    fn null() -> Value;
}

impl<T: Bind> Bind for Option<T> {
    fn value(self) -> Result<Value, Error> {
        self.map_or_else(|| Ok(T::null()), T::value)
    }
    fn null() -> Value {
        T::null()
    }
}

fn text(text: String) -> Result<Value, Error> {
    if text.as_bytes().contains(&0) { Err(Error::TextHasNul) } else { Ok(Value::Text(Some(text))) }
}

impl Bind for String {
    fn value(self) -> Result<Value, Error> {
        text(self)
    }
    fn null() -> Value {
        Value::Text(None)
    }
}

impl Bind for &str {
    fn value(self) -> Result<Value, Error> {
        text(self.to_owned())
    }
    fn null() -> Value {
        Value::Text(None)
    }
}

impl Bind for &String {
    fn value(self) -> Result<Value, Error> {
        text(self.clone())
    }
    fn null() -> Value {
        Value::Text(None)
    }
}

impl Bind for Vec<u8> {
    fn value(self) -> Result<Value, Error> {
        Ok(Value::Blob(Some(self)))
    }
    fn null() -> Value {
        Value::Blob(None)
    }
}

impl Bind for &[u8] {
    fn value(self) -> Result<Value, Error> {
        Ok(Value::Blob(Some(self.to_vec())))
    }
    fn null() -> Value {
        Value::Blob(None)
    }
}

impl Bind for u64 {
    fn value(self) -> Result<Value, Error> {
        let number = i64::try_from(self).map_err(|_| Error::NumberTooLarge(self))?;
        Ok(Value::Integer(Some(number)))
    }
    fn null() -> Value {
        Value::Integer(None)
    }
}

impl Bind for Timestamp {
    fn value(self) -> Result<Value, Error> {
        Ok(Value::Integer(Some(self.as_micros())))
    }
    fn null() -> Value {
        Value::Integer(None)
    }
}

macro_rules! bind_integers {
    ($($type:ty),*) => {$(
        impl Bind for $type {
            fn value(self) -> Result<Value, Error> { Ok(Value::Integer(Some(i64::from(self)))) }
            fn null() -> Value { Value::Integer(None) }
        }
    )*};
}
bind_integers!(i64, i32, i16, u32, u16, u8, bool);

macro_rules! bind_display {
    ($($type:ty),*) => {$(
        impl Bind for $type {
            fn value(self) -> Result<Value, Error> { Ok(Value::Text(Some(self.to_string()))) }
            fn null() -> Value { Value::Text(None) }
        }
    )*};
}
bind_display!(
    AgentId,
    ApprovalId,
    DeploymentId,
    ExecutionId,
    KeyId,
    MessageId,
    NodeId,
    OrganisationId,
    ProjectId,
    RequestId,
    SessionId,
    TriggerId,
    VersionId,
    ContentHash,
    &ContentHash,
    AgentName,
    &AgentName,
    EnvironmentName,
    &EnvironmentName
);
