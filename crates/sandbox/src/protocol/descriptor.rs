//! Files travel as descriptors: a worker sees no folder that it could open one in.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use tokio::io::{AsyncRead, Interest, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;

/// Sends the beginning of `bytes`, and the descriptor with the first of them. Returns how many were sent.
pub(crate) async fn send(to: &UnixStream, bytes: &[u8], file: &OwnedFd) -> io::Result<usize> {
    to.async_io(Interest::WRITABLE, || {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let files = [file.as_fd()];
        if !control.push(SendAncillaryMessage::ScmRights(&files)) {
            return Err(io::Error::other("no space for a descriptor"));
        }
        Ok(sendmsg(to, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?)
    })
    .await
}

/// Reads bytes and keeps the descriptors that come with them.
pub(crate) struct Receiver {
    socket: OwnedReadHalf,
    files: VecDeque<OwnedFd>,
}

impl Receiver {
    pub(crate) fn new(socket: OwnedReadHalf) -> Self {
        Self { socket, files: VecDeque::new() }
    }

    /// The oldest descriptor that has come.
    pub(crate) fn file(&mut self) -> Option<OwnedFd> {
        self.files.pop_front()
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let socket: &UnixStream = self.socket.as_ref();
        let received = socket.try_io(Interest::READABLE, || {
            Ok(recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, RecvFlags::CMSG_CLOEXEC)?)
        })?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(files) = message {
                self.files.extend(files);
            }
        }
        Ok(received.bytes)
    }
}

impl AsyncRead for Receiver {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let socket: &UnixStream = self.socket.as_ref();
            ready!(socket.poll_read_ready(context))?;
            match self.receive(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, Write};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_file_arrives_with_the_bytes() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"inside").unwrap();
        file.rewind().unwrap();
        let mut receiver = Receiver::new(theirs.into_split().0);
        let (_, mut to) = ours.into_split();
        to.write_all(b"before").await.unwrap();
        assert_eq!(send(to.as_ref(), b"with", &file.into()).await.unwrap(), 4);
        let mut bytes = [0; 10];
        receiver.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"beforewith");
        let mut inside = String::new();
        std::fs::File::from(receiver.file().unwrap()).read_to_string(&mut inside).unwrap();
        assert_eq!(inside, "inside");
        assert!(receiver.file().is_none());
    }
}
