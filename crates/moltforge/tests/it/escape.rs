//! The escape suite through the whole server: two projects, real programs, real requests. docs/security-tests.md lists it.

mod capabilities;
mod http;
mod limits;
mod network;
pub(crate) mod processes;
mod programs;
pub(crate) mod sides;

use moltforge_attempts::Row;

use self::sides::Sides;

/// What must happen and what the control is, when they are the same for many.
struct Words {
    expected: &'static str,
    control: &'static str,
}

/// The rows of a suite, and what went wrong.
#[derive(Default)]
struct Report {
    rows: Vec<Row>,
    faults: Vec<String>,
}

impl Report {
    /// One attempt and its control, judged by one check before this is called with what it saw.
    fn add(&mut self, name: &str, category: &str, tried: &str, words: &Words, attempt: bool, control: bool) {
        if attempt {
            self.faults.push(format!("{name}: it succeeded"));
        }
        if !control {
            self.faults.push(format!("{name}: its control did not succeed"));
        }
        self.rows.push(Row::new(name, category, tried, words.expected, words.control));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_out_of_a_server() {
    let sides = Sides::start().await;
    let mut report = Report::default();
    programs::all(&sides, &mut report).await;
    http::all(&sides, &mut report).await;
    capabilities::all(&sides, &mut report).await;
    network::all(&sides, &mut report).await;
    processes::all(&sides, &mut report).await;
    limits::all(&sides, &mut report).await;
    assert!(report.faults.is_empty(), "{} faults:\n{}", report.faults.len(), report.faults.join("\n"));
    moltforge_attempts::check_page("server", &report.rows);
}
