//! The guarded client against real sockets on this machine.

mod headers;
mod limits;
mod origin;
mod pool;
mod redirects;
mod server;
mod ssrf;
mod world;
