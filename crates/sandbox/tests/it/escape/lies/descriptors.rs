//! Descriptors that a worker sends along: the server must not keep them.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

use moltforge_attempts::Row;
use moltforge_sandbox::{Config, Event, Sandbox};
use rustix::net::{
    RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use super::words::Asked;
use crate::world::{agent, config};

/// As many as one message takes, about.
const COUNT: usize = 200;

/// The check of both: this process has that many more descriptors than before.
fn taken(before: usize) -> bool {
    open() >= before + COUNT
}

fn open() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

pub(super) async fn are_not_taken() -> (Row, Option<String>) {
    let before = open();
    let hex = |bytes: &[u8]| hex::encode(bytes).into();
    let said = Asked::default().frame();
    let worker = vec!["hostile".into(), hex(&said), hex(&[1]), hex(&[]), hex(&[0; COUNT])];
    let sandbox = Sandbox::new(Config { worker, ..config() }).unwrap();
    let mut guest = sandbox.run(agent("export default () => 1")).await.unwrap();
    let event = guest.next().await;
    let mut fault = None;
    if taken(before) || !matches!(event, Event::Asked(_)) {
        fault = Some(format!("descriptors of a worker are kept: {event:?}"));
    }
    drop(guest);
    if !control() {
        fault = Some("descriptors that are asked for do not come".to_owned());
    }
    let tried = format!("a message with {COUNT} descriptors");
    let control = "who asks for the descriptors of such a message has them";
    let row = Row::new("descriptors", "protocol", &tried, "the message is heard, no descriptor is kept", control);
    (row, fault)
}

/// Sends as many to itself, and asks for them.
fn control() -> bool {
    let before = open();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(COUNT))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    let files = vec![ours.as_fd(); COUNT];
    assert!(rights.push(SendAncillaryMessage::ScmRights(&files)));
    sendmsg(&ours, &[IoSlice::new(b"x")], &mut rights, SendFlags::empty()).unwrap();
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(COUNT))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    recvmsg(&theirs, &mut [IoSliceMut::new(&mut [0])], &mut rights, RecvFlags::empty()).unwrap();
    // they are closed with what they came in
    taken(before)
}
