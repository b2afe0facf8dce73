//! Workers that are not ours: whatever they say, the server is unharmed, and their guests are lost with a reason.

use std::time::Duration;

use moltforge_sandbox::{Config, Enforcement, Event, Sandbox};

use crate::world::{agent, config};

const WAITS: &str = "export default async (i, { tools }) => { await tools.call('a', {}) }";

/// The reason for which a guest is lost whose worker is this shell script.
async fn reason(script: &str) -> String {
    let worker = vec!["-c".into(), script.into()];
    // the images are compiled already, or by ours
    crate::world::sandbox().prepare("proj_1", &agent("").image).await.unwrap();
    let sandbox = Sandbox::new(Config { program: "/bin/sh".into(), worker, ..config() }).unwrap();
    let mut guest = sandbox.run(agent(WAITS)).await.unwrap();
    let event = tokio::time::timeout(Duration::from_mins(1), guest.next()).await.unwrap();
    let Event::Lost(reason) = event else { panic!("{event:?}") };
    assert!(!guest.has_begun(), "its program is not to blame: {reason}");
    reason
}

#[tokio::test]
async fn one_that_ends_or_speaks_nonsense() {
    assert!(reason("head -c 1 > /dev/null; exit 3").await.contains("ended before it was ready"));
    assert!(reason("printf 'garbage in, garbage out' >&0; sleep 60").await.contains("does not speak our language"));
    assert!(reason("printf '\\377\\377\\377\\377' >&0; sleep 60").await.contains("does not speak our language"));
    // three bytes: an `Ended` of a guest, cut off
    assert!(reason("printf '\\003\\000\\000\\000\\002\\001\\001' >&0; sleep 60").await.contains("our language"));
    // a whole `Used`
    assert!(
        reason("printf '\\005\\000\\000\\000\\004\\001\\000\\000\\000' >&0; sleep 60")
            .await
            .contains("before it was ready")
    );
}

#[tokio::test]
async fn one_of_another_version() {
    let ready = format!("printf '\\042\\000\\000\\000\\000{}\\000' >&0; sleep 60", "x".repeat(32));
    assert!(reason(&ready).await.contains("another version"));
}

/// What happens to a guest whose worker is ready and then says this.
async fn heard(frames: &[&[u8]]) -> Event {
    heard_by(config().enforcement, frames).await
}

async fn heard_by(enforcement: Enforcement, frames: &[&[u8]]) -> Event {
    let mut bytes = String::new();
    for frame in frames {
        bytes += &hex::encode(u32::try_from(frame.len()).unwrap().to_le_bytes());
        bytes += &hex::encode(frame);
    }
    let worker = vec!["hostile".into(), bytes.into(), "01".into()];
    let sandbox = Sandbox::new(Config { worker, enforcement: enforcement.clone(), ..config() }).unwrap();
    let mut guest = sandbox.run(agent(WAITS)).await.unwrap();
    let event = tokio::time::timeout(Duration::from_mins(1), guest.next()).await.unwrap();
    assert_eq!(guest.has_begun(), enforcement != Enforcement::Required, "{event:?}");
    event
}

/// The reason for which it is lost.
async fn said(frames: &[&[u8]]) -> String {
    let event = heard(frames).await;
    let Event::Lost(reason) = event else { panic!("{event:?}") };
    assert!(reason.contains("broke the protocol"), "{reason}");
    reason
}

// messages, as bytes: their number, the guest, and so on
const USED: u8 = 4;
const ASKED: u8 = 1;
const NOTHING_USED: [u8; 3] = [0, 0, 0];

#[tokio::test]
async fn one_that_keeps_the_protocol_is_heard() {
    let call = [&[ASKED, 1, 1, 1, 1, b'a', 2, b'{', b'}', 0, 0, 0, 0, 1], NOTHING_USED.as_slice()].concat();
    let Event::Asked(asked) = heard(&[&call]).await else { panic!("it is not heard") };
    assert_eq!((asked.calls[0].id, asked.calls[0].args.as_str(), asked.blocked), (1, "{}", true));
    // the same is not, where the operator does not let it be unconfined
    let event = heard_by(Enforcement::Required, &[&call]).await;
    let Event::Lost(reason) = event else { panic!("{event:?}") };
    assert!(reason.contains("not confined as it must be"), "{reason}");
}

#[tokio::test]
async fn one_that_breaks_the_protocol() {
    assert!(said(&[b"\xff\xff"]).await.contains("protocol"));
    assert!(said(&[&[0; 34]]).await.contains("ready twice"));
    assert!(said(&[&[&[USED, 77], NOTHING_USED.as_slice()].concat()]).await.contains("no guest 77"));
    assert!(said(&[&[&[USED, 1], NOTHING_USED.as_slice()].concat()]).await.contains("not new"));
    assert!(said(&[&[USED, 1, 0, 0, 0, 0]]).await.contains("bytes behind the message"));
    // one call with the id 2, waits
    let call = [&[ASKED, 1, 1, 2, 1, b'a', 2, b'{', b'}', 0, 0, 0, 0, 1], NOTHING_USED.as_slice()].concat();
    assert!(said(&[&call]).await.contains("call 2 comes after call 0"));
    // more calls announced than bytes follow
    assert!(said(&[&[ASKED, 1, 0xff, 0xff, 0xff, 0xff, 0x0f]]).await.contains("protocol"));
}
