//! The figures of workload W, each beside its goal.

use std::fmt::Write as _;

use serde_json::Value;

use super::machine::Machine;
use super::measure::{CLIENTS, Growth, Latency, Starts, Suspended, Throughput};
use super::whole::Effort;

/// Everything that was measured.
pub(super) struct Results {
    pub machine: Machine,
    pub floor: Vec<Value>,
    pub starts: Starts,
    pub latency: Vec<Latency>,
    pub throughput: Vec<Throughput>,
    pub growth: Growth,
    pub suspended: Vec<Suspended>,
    pub effort: Effort,
}

impl Results {
    /// As Markdown.
    pub(super) fn figures(&self) -> String {
        let mut page = String::new();
        let effort = self.effort;
        let _ = writeln!(
            page,
            "{}- settings: SQLite, WAL, `synchronous=FULL`; {} runs per latency pass, {} s per throughput pass after \
             1 s of warm-up, {} passes in turns, medians; client, model and servers share the cores",
            self.machine, effort.count, effort.seconds, effort.rounds
        );
        self.goals(&mut page);
        self.workload(&mut page);
        self.memory(&mut page);
        page.push_str("\n#### The disk's floor\n\n| | p50 ms | p99 ms |\n|---|---|---|\n");
        for line in &self.floor {
            let latency = &line["latency"];
            let name = line["floor"].as_str().unwrap_or_default();
            let _ = writeln!(page, "| {name} | {} | {} |", latency["p50_ms"], latency["p99_ms"]);
        }
        page
    }

    fn goals(&self, page: &mut String) {
        page.push_str("\n#### Goals\n\n| What | Goal | Measured |\n|---|---|---|\n");
        let mut line = |what: &str, goal: &str, measured: &str| {
            let _ = writeln!(page, "| {what} | {goal} | {measured} |");
        };
        let floor = self.floor.last().and_then(|line| line["latency"]["p50_ms"].as_f64()).unwrap_or(0.0);
        let (ours, peer) = (self.latency.first(), self.latency.get(1));
        if let Some(ours) = ours {
            let against = format!("3 fsyncs + 1 ms = {:.2} ms", 3.0 * floor + 1.0);
            line("W, p50 at one client", &against, &format!("{:.2} ms", ours.p50));
            if let Some(peer) = peer {
                let share = format!("{:.2} of {:.2} ms", ours.p50 / peer.p50, peer.p50);
                line("W, p50 against the peer's", "<= 0.33", &share);
            }
        }
        if let (Some(ours), Some(peer)) = (self.at(0, 64), self.at(1, 64)) {
            let times = format!(
                "{:.1}x ({:.0} and {:.0} runs/s)",
                ours.per_second / peer.per_second,
                ours.per_second,
                peer.per_second
            );
            line("W, throughput at 64 clients against the peer's", ">= 5x", &times);
            let share = format!("{:.2} ({:.2} and {:.2} ms)", ours.cpu_ms / peer.cpu_ms, ours.cpu_ms, peer.cpu_ms);
            line("W, CPU per run at 64 clients against the peer's", "<= 0.25", &share);
        }
        let starts = &self.starts;
        line("First start to ready", "<= 1,000 ms", &format!("{:.0} ms", starts.first_ms));
        line("Second start to ready", "<= 200 ms", &format!("{:.0} ms", starts.second_ms));
        line("Idle memory with children (PSS)", "<= 60 MiB", &format!("{:.1} MiB", starts.idle_mib));
        line("Program", "<= 60 MiB", &format!("{:.1} MiB", starts.binary_mib));
        let growth = &self.growth;
        let bytes = format!("{:.0} and {:.0} bytes", growth.early_bytes, growth.late_bytes);
        line("Journal per step, of the first and of the last 100 of 2,001", "the same", &bytes);
        let time = format!("{:.0} and {:.0} us", growth.early_us, growth.late_us);
        line("Time per step, of the first and of the last 100 of 2,001", "the same", &time);
    }

    fn at(&self, subject: usize, clients: u64) -> Option<&Throughput> {
        let name = self.latency.get(subject)?.name;
        self.throughput.iter().find(|figure| figure.name == name && figure.clients == clients)
    }

    fn workload(&self, page: &mut String) {
        page.push_str("\n#### Runs\n\n| | p50 / p99 ms, one client |");
        for clients in CLIENTS {
            let _ = write!(page, " runs/s at {clients} |");
        }
        page.push_str(" p99 ms at 64 / 256 | CPU ms per run at 1 / 64 / 256 |\n|---|---|---|---|---|---|---|---|\n");
        for (index, latency) in self.latency.iter().enumerate() {
            let _ = write!(page, "| {} | {:.2} / {:.2} |", latency.name, latency.p50, latency.p99);
            for clients in CLIENTS {
                if let Some(figure) = self.at(index, clients) {
                    let _ = write!(page, " {:.0} [{:.0}-{:.0}] |", figure.per_second, figure.least, figure.most);
                }
            }
            let p99 = |clients| self.at(index, clients).map_or(0.0, |figure| figure.p99);
            let cpu = |clients| self.at(index, clients).map_or(0.0, |figure| figure.cpu_ms);
            let _ = writeln!(
                page,
                " {:.1} / {:.1} | {:.2} / {:.2} / {:.2} |",
                p99(64),
                p99(256),
                cpu(1),
                cpu(64),
                cpu(256)
            );
        }
    }

    fn memory(&self, page: &mut String) {
        page.push_str("\n#### Executions that wait\n\n");
        page.push_str("| | executions | starts/s | PSS before, MiB | PSS 10 s after, MiB | CPU while all wait |\n");
        page.push_str("|---|---|---|---|---|---|\n");
        for figure in &self.suspended {
            let _ = writeln!(
                page,
                "| {} | {} | {:.0} | {:.0} | {:.0} | {:.1} % of a core |",
                figure.name,
                figure.count,
                figure.starts_per_second,
                figure.before_mib,
                figure.after_mib,
                figure.cpu_percent
            );
        }
        page.push_str("\n\"Before\" is after the throughput passes, not fresh.\n");
    }
}
