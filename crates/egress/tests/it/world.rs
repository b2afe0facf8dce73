//! Configurations, grants and names for the tests.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use moltforge_egress::{Egress, EgressConfig, Grant, Resolve};
use moltforge_types::{Id as _, ProjectId};

/// What the operator grants.
pub(crate) fn config(allow: &[&str], allow_local: &[&str]) -> EgressConfig {
    EgressConfig {
        allow: allow.iter().map(|rule| rule.parse().unwrap()).collect(),
        allow_local: allow_local.iter().map(|rule| rule.parse().unwrap()).collect(),
        connect_timeout_seconds: 2,
        ..EgressConfig::default()
    }
}

/// What the agent requests.
pub(crate) fn grant(hosts: &[&str]) -> Grant {
    Grant::new(ProjectId::from_u128(1), hosts.iter().map(|rule| rule.parse().unwrap()))
}

/// An egress and a grant for exactly these local servers.
pub(crate) fn local(hosts: &[String]) -> (Egress, Grant) {
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    (Egress::new(config(&[], &hosts)), grant(&hosts))
}

/// A resolver that answers each lookup of a name with its next list, the last one for ever.
#[derive(Default)]
pub(crate) struct Names {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    lookups: AtomicUsize,
}

impl Names {
    pub(crate) fn new(names: &[(&str, &[&str])]) -> Arc<Self> {
        let this = Self::default();
        for (name, answers) in names {
            let answers = answers.iter().map(|list| list.split(' ').map(|a| a.parse().unwrap()).collect()).collect();
            this.answers.lock().unwrap().insert((*name).to_owned(), answers);
        }
        Arc::new(this)
    }

    pub(crate) fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }
}

impl Resolve for Names {
    fn resolve(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answer = match answers.get_mut(&name) {
            Some(lists) if lists.len() > 1 => Ok(lists.remove(0)),
            Some(lists) => Ok(lists[0].clone()),
            None => Err(io::Error::other(format!("no such name: {name}"))),
        };
        std::future::ready(answer).boxed()
    }
}
