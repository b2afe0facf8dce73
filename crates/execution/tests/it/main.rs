//! The execution service on real stores, with the scripted model and a real HTTP server for its tools.

mod approvals;
mod crash;
mod effects;
mod faulty;
mod flows;
mod long;
mod pressure;
mod server;
<<<<<<< HEAD
mod triggers;
=======
mod stops;
>>>>>>> db3ed51 (Test trees and holds on both databases, and answer whoever asks beside a refusal)
mod world;
