//! Names to addresses.

use std::io;
use std::net::IpAddr;

use futures::FutureExt as _;
use futures::future::BoxFuture;

/// Looks names up. Not trusted: every answer is checked before anything connects to it.
pub trait Resolve: Send + Sync {
    /// The addresses of `name`.
    fn resolve(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The operating system's resolver.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.map(|address| address.ip()).collect()) }
            .boxed()
    }
}
