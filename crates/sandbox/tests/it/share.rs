//! Projects share processors evenly, however many guests each has.

use std::time::Duration;

use moltforge_sandbox::{GuestRequest, Limits};

use crate::meter::hundredths;
use crate::world::{agent, sandbox};

#[tokio::test]
async fn a_project_with_many_endless_loops_takes_nothing_from_another_s_share() {
    let sandbox = sandbox();
    let loops = |project: &str| GuestRequest {
        project: project.into(),
        limits: Limits { cpu: Duration::from_mins(5), ..Limits::default() },
        ..agent("export default () => { for (;;); }")
    };
    let mut hogs = Vec::new();
    for _ in 0..50 {
        hogs.push(sandbox.run(loops("hog")).await.unwrap());
    }
    let mine = sandbox.run(loops("mine")).await.unwrap();
    let (theirs, mine) = (hogs[0].process_id().unwrap(), mine.process_id().map(|id| (id, mine)).unwrap());
    let used = || (hundredths(theirs), hundredths(mine.0));
    // both are ready and at work
    while used().0 < 20 || used().1 < 20 {
        // a real wait: other processes begin
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = used();
    let began = std::time::Instant::now();
    while used().1 < before.1 + 150 {
        assert!(began.elapsed() < Duration::from_mins(2), "{:?} since {before:?}", used());
        // a real wait: the kernel shares meanwhile
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let now = used();
    let (theirs, ours) = (now.0 - before.0, now.1 - before.1);
    println!("{ours} hundredths of a second beside {theirs}");
    // one guest of ours has as much as fifty of theirs
    assert!(ours * 3 > theirs * 2, "{ours} beside {theirs}");
    drop(mine.1);
}
