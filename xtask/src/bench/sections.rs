//! The sections of docs/benchmarks.md: what is measured, and how.

/// The head of the page.
pub(super) const INTRODUCTION: &str = "# Benchmarks

Written by `cargo xtask bench`; the text stands in `xtask/src/bench/sections.rs`. Goals are ratios or orders of magnitude
to reach, not promises, and no test asserts them: on another machine, or on this one while it is busy, the figures differ.
What is compared is taken in turns within one run: ours, the bare machine's and the peer's.

`cargo xtask bench` measures all of it, one after another; a word measures one part, `--write` keeps its figures here, and
`--quick` tries the harness with small numbers. `--database both` adds PostgreSQL: a server of its own, with a commit that
waits for the disk. A section without figures was not measured on a quiet machine yet. When both cores are busy, every
blocking wait (a sync, a socket) ends at the next tick of the scheduler, 4 ms here: read p99 beside the load.
";

/// The end of the page: why a goal is missed, and what was tried.
pub(super) const MISSED: &str = "## Where a goal is missed

Profiles of 2026-11-23, `perf stat` and `perf record` on the release build.

- **Size of the program** (95.7 MB, 91 MiB; 60 MiB wanted). The table above was measured before programs of agents came: wasmtime with its
  compiler and three engine images are in it now. Without symbols it has 74 MiB. Next: the whole program optimised at once.
- **Memory with its processes** (64 MiB before the first code agent, 60 MiB wanted; 75 MiB until the worker of the first look ended
  with it and a start read no image). Half of it are pages of the program itself that were touched.
- **Trigger to first call in Python.** p99 5.1 ms here, 10 ms wanted; on an older machine (AMD EPYC) it was 11 ms. Beyond the image
  alone, without anything of ours, there is next to nothing of ours: its memory of some 4 MiB is copied as it is touched.
- **W at one client** (1.55 of 1.26 ms). The server changes contexts 21 times a run and takes 1.0 to 1.2 ms of CPU for it, but 0.35 ms at 64
  clients: nothing is computed in between, threads are woken. No function of ours has more than 3 %; the kernel's wake-ups
  and the disk's doorbell lead. Tried: with a loop of idle priority on each core, so that no virtual CPU halts, p50 went
  from 2.1 to 1.65 ms in the same minute. So about half a millisecond is the price of waking halted virtual CPUs. Next: let
  the journal's thread look for the next batch for some 50 us before it sleeps.
- **The gateway** (51 to 54 % of bare axum, 60 % wanted; p99 at the edge of 1 ms). 67 % of all time is the kernel's, for both;
  of the rest no function has 1 %: parsing twice (hyper, then the strict body), the caller's signature and its check, the log's line. Tried: the
  program's allocator in the benchmark as well (53 to 57 %), which is how it is measured from now on. Next: hand the verified caller to services
  of the same process without signing it.
- **Steps on SQLite at 256 in flight** (0.58, and 0.70 the time before; 0.60 wanted). While a batch is on its way the next one forms, so
  batches hold half of what is in flight (129), and raw sends all 256 at once. Tried with 64: 0.53 the time before, 0.65 now, for the same
  code: the ratio depends on how the disk feels. Next: wait for answers that come within the time of one sync.
- **Wake-up with 16 at a time** (p99 5.7 ms on SQLite, 9.8 ms on PostgreSQL beyond the commit; 1 at a time 2.2 and 1.4 ms). Sixteen wake-ups, the
  database and the clients share two cores, and wait for those.
";

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    W,
    Steps,
    Gateway,
    Suspended,
    Signals,
    Growth,
    Fairness,
    Stops,
    Guests,
}

impl Section {
    /// In the order of the page.
    pub(super) const ALL: [Self; 9] = [
        Self::W,
        Self::Steps,
        Self::Gateway,
        Self::Suspended,
        Self::Signals,
        Self::Growth,
        Self::Fairness,
        Self::Stops,
        Self::Guests,
    ];

    /// Its heading.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::W => "Workload W",
            Self::Steps => "Steps per second",
            Self::Gateway => "Gateway",
            Self::Suspended => "Suspended executions",
            Self::Signals => "Wake-up by signal",
            Self::Growth => "Growth",
            Self::Fairness => "Fairness",
            Self::Stops => "Interruptions",
            Self::Guests => "Guests",
        }
    }

    /// What takes its figures.
    pub(super) fn command(self) -> &'static str {
        match self {
            Self::W => "cargo xtask bench w --write",
            Self::Steps => "cargo xtask bench steps --database both --write",
            Self::Gateway => "cargo xtask bench gateway --write",
            Self::Suspended => "cargo xtask bench suspended --count 1000000 --write",
            Self::Signals => "cargo xtask bench signals --database both --write",
            Self::Growth => "cargo xtask bench growth --database both --write",
            Self::Fairness => "cargo xtask bench fairness --database both --write",
            Self::Stops => "cargo xtask bench stops --database both --write",
            Self::Guests => "cargo xtask bench guests --write",
        }
    }

    /// What it measures.
    pub(super) fn about(self) -> &'static str {
        match self {
            Self::W => {
                "One agent run: a model call, a tool call (`math.add`, in process), a second model call, the answer; three
durable steps, one HTTP request in, the answer out. The model is a stand-in on loopback that answers at once. For
MoltForge it is `POST /v1/executions` with `Prefer: wait=30`, with authentication, rate limit, validation and log on. The
peer runs the same three steps as a workflow. Beside it: starts, memory and size of the program, and executions that wait
for a signal, of both."
            }
            Self::Steps => {
                "A step is one journal entry of 512 bytes and its execution's new row, fenced, on the disk before it is
acknowledged. Raw is the same rows in the same batches through the same driver, without fence, fold and execution. Goal:
60 % of raw at the same number in flight."
            }
            Self::Gateway => {
                "A GET and a POST through the gateway with everything on (authentication, limit, validation, log), beside the
same handler on a bare server. Goal: 60 % of its requests each second, and at most 1 ms more at p99."
            }
            Self::Suspended => {
                "Executions that wait for a signal for up to 30 days, made the way the API makes them: accepted, claimed, one
model step, suspended. A second process then opens the same database, as after a restart: how long it takes until it works,
its memory, another execution among them, wake-ups spread over all of them from the oldest to the newest, and timers that
come due. Goal: 1,000,000 on one node of 24 GiB; nothing that is done when a node starts or when one wakes up may grow with
their number. (The number by state, which /metrics shows, does: it reads an index, and is kept for twenty times as long as
that took.)"
            }
            Self::Signals => {
                "From the call of `signal` to the moment at which the model call after it begins, of executions that are not in
memory: the row is found, the journal read, the signal and the wake-up committed, the call let out: two statements and one
batch, each one round trip. The journal's own watch says how long that very commit took; goal: at most 5 ms at p99 beyond
it. With 16 at a time they share commits, and two cores."
            }
            Self::Growth => {
                "One execution in which a model and a tool take turns 5,000 times, 10,000 steps, and which then waits for a
signal. Goal: journal bytes and time of a step are the same early and late. Its snapshots hold the conversation, so they
grow with it; a new node then reads the execution from the last one and the entries after it."
            }
            Self::Fairness => {
                "A loud project queues 10,000 executions that hold a slot for 100 ms each, on a node with 16 slots. A quiet
project starts one every 25 ms, which asks for a quarter of the slots: how long its executions take alone and beside the
loud one. Then both have a queue: the share that each is served."
            }
            Self::Stops => {
                "Kill, cancel, pause and resume, one after another, from the request to its answer, which comes when it is
durable and every call is gone: of executions with a model call on its way, of suspended ones that are not in memory, and
of a tree. A receipt says by itself how long the stop took."
            }
            Self::Guests => {
                "Programs of code agents. In the sandbox alone: workers are real processes with their whole confinement, and the
other side is what an engine does, in memory, without a server or a disk. Beside each figure stands its floor, measured in
turns: the same image in the process that measures, by wasmtime and nothing of ours; a byte to another process and back;
whole processes. Goals: from the trigger to the first instruction at most 1 ms at p99 for JavaScript and a component, 10 ms
for Python, with a warm image; 10,000 JavaScript guests at once on one node. Through the program: over HTTP, with the
journal on the disk; a call is asked for and answered durably before the next one leaves. The component is
`crates/sandbox/guests/agent`, in Rust."
            }
        }
    }
}
