//! Frames: four bytes of length, then the message.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::FRAME_MAX;

/// The frame of a message.
pub(crate) fn encode<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let mut frame = postcard::to_extend(message, vec![0; 4]).map_err(invalid)?;
    let length = frame.len() - 4;
    if length > FRAME_MAX {
        return Err(invalid(format!("a message of {length} bytes, at most {FRAME_MAX}")));
    }
    let length = u32::try_from(length).map_err(invalid)?;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    Ok(frame)
}

/// The next message; nothing when the other side closed between two messages.
pub(crate) async fn read<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    if from.read(&mut length[..1]).await? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut length[1..]).await?;
    let length = u32::from_le_bytes(length) as usize;
    if length > FRAME_MAX {
        return Err(invalid(format!("a message of {length} bytes, at most {FRAME_MAX}")));
    }
    let mut body = Vec::new();
    // grows with what really comes, not with what was announced
    let got = from.take(length as u64).read_to_end(&mut body).await?;
    if got < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let (message, rest) = postcard::take_from_bytes(&body).map_err(invalid)?;
    if !rest.is_empty() {
        return Err(invalid("bytes behind the message"));
    }
    Ok(Some(message))
}

fn invalid(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Completion, ToWorker};

    fn deliver(text: &str) -> ToWorker {
        ToWorker::Deliver { guest: 7, completion: Completion { id: 1, at: 2, value: Ok(text.into()) } }
    }

    #[tokio::test]
    async fn what_is_written_is_read() {
        let bytes = [encode(&deliver("a")).unwrap(), encode(&deliver("b")).unwrap()].concat();
        let mut from = bytes.as_slice();
        let first: Option<ToWorker> = read(&mut from).await.unwrap();
        assert_eq!(format!("{first:?}"), format!("{:?}", Some(deliver("a"))));
        assert!(read::<ToWorker>(&mut from).await.unwrap().is_some());
        assert!(read::<ToWorker>(&mut from).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_is_no_message_is_refused() {
        let frame = encode(&deliver("abc")).unwrap();
        for end in 1..frame.len() {
            assert!(read::<ToWorker>(&mut &frame[..end]).await.is_err(), "cut at {end}");
        }
        let mut longer = frame.clone();
        longer[0] += 1;
        longer.push(0);
        assert!(read::<ToWorker>(&mut longer.as_slice()).await.is_err());
        assert!(read::<ToWorker>(&mut u32::MAX.to_le_bytes().as_slice()).await.is_err());
        // announces much and brings little: nothing is reserved for it
        let mut little = u32::try_from(FRAME_MAX).unwrap().to_le_bytes().to_vec();
        little.push(1);
        assert!(read::<ToWorker>(&mut little.as_slice()).await.is_err());
    }

    #[test]
    fn a_message_that_nobody_would_read_is_not_written() {
        assert!(encode(&deliver(&"x".repeat(FRAME_MAX))).is_err());
    }
}
