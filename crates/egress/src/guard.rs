//! The decisions: is the host granted, and may every one of its addresses be connected to.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use url::Host;

use crate::Inner;
use crate::address::{Class, classify};
use crate::error::Error;
use crate::grant::Grant;
use crate::host::address_of;
use crate::target::Target;

impl Inner {
    /// Whether the agent requests the host and the operator grants it.
    pub(crate) fn check_host(&self, target: &Target, grant: &Grant) -> Result<(), Error> {
        let (host, port) = (&target.host, target.port);
        if !grant.requests(host, port) {
            return Err(Error::HostNotRequested { host: host.to_string(), port });
        }
        let granted = self.config.allow.iter().any(|rule| rule.covers(host, port))
            || self.config.allow_local.iter().any(|rule| rule.covers(host, port));
        if granted { Ok(()) } else { Err(Error::HostNotGranted { host: host.to_string(), port }) }
    }

    /// The target's addresses, looked up once, every one of them checked.
    pub(crate) async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, Error> {
        let addresses = self.lookup(&target.host, target.port).await?;
        for address in &addresses {
            self.check_address(target, *address)?;
        }
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address, target.port)).collect())
    }

    pub(crate) async fn lookup(&self, host: &Host<String>, port: u16) -> Result<Vec<IpAddr>, Error> {
        let failed = |reason: String| Error::ConnectFailed { host: host.to_string(), port, reason };
        if let Some(address) = address_of(host) {
            return Ok(vec![address]);
        }
        let lookup = self.resolver.resolve(host.to_string());
        let addresses = match tokio::time::timeout(self.config.connect_timeout(), lookup).await {
            Ok(answer) => answer.map_err(|error| failed(error.to_string()))?,
            Err(_) => return Err(failed("the name was not resolved in time".to_owned())),
        };
        if addresses.is_empty() { Err(failed("the name has no address".to_owned())) } else { Ok(addresses) }
    }

    pub(crate) fn check_address(&self, target: &Target, address: IpAddr) -> Result<(), Error> {
        let (host, port) = (&target.host, target.port);
        let refuse = |class: String, grantable: bool| {
            Err(Error::AddressNotAllowed { host: host.to_string(), port, address, class, grantable })
        };
        if self.is_own(address, port) {
            return refuse("moltforge itself".to_owned(), false);
        }
        let mut local = self.config.allow_local.iter().filter(|rule| rule.covers(host, port));
        match classify(address) {
            Class::Public => Ok(()),
            Class::Local(_) if local.next().is_some() => Ok(()),
            Class::Metadata if local.any(|rule| rule.address().is_some()) => Ok(()),
            class @ (Class::Local(_) | Class::Metadata) => refuse(class.to_string(), true),
            class @ Class::Never(_) => refuse(class.to_string(), false),
        }
    }

    /// Whether this is one of MoltForge's own listeners. An address belongs to this machine when a socket can be
    /// bound to it; nothing is sent.
    pub(crate) fn is_own(&self, address: IpAddr, port: u16) -> bool {
        let address = address.to_canonical();
        self.config.own_ports.contains(&port)
            && (matches!(classify(address), Class::Local("loopback" | "link-local") | Class::Never("unspecified"))
                || UdpSocket::bind((address, 0)).is_ok())
    }
}
