//! A virtual WASI for engine images whose C library wants one (CPython).
//!
//! Clocks are the guest's virtual time, random numbers come from its seed, standard streams, arguments, environment and
//! files are not there. Everything else is an error that ends the guest.

use chacha20::rand_core::Rng;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, ResourceType, Val};
use wasmtime::{Engine, Result};

use super::host::{Host, ended};
use crate::protocol::FailureKind;

/// A guest may ask for so many random bytes at once.
const RANDOM_MAX: u64 = 1 << 20;

/// Defines what `component` imports of `wasi:`.
pub(crate) fn add(engine: &Engine, linker: &mut Linker<Host>, component: &Component) -> Result<()> {
    for (interface, item) in component.component_type().imports(engine) {
        let (Some(_), ComponentItem::ComponentInstance(instance)) = (interface.strip_prefix("wasi:"), item.ty) else {
            continue;
        };
        let mut linker = linker.instance(interface)?;
        for (name, item) in instance.exports(engine) {
            match item.ty {
                ComponentItem::Resource(_) => linker.resource(name, ResourceType::host::<()>(), |_, _| Ok(()))?,
                ComponentItem::ComponentFunc(_) => {
                    let function = format!("{}#{name}", interface.split('@').next().unwrap_or(interface));
                    linker.func_new(name, move |mut store, _, params, results| {
                        answer(store.data_mut(), &function, params, results)
                    })?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn answer(host: &mut Host, function: &str, params: &[Val], results: &mut [Val]) -> Result<()> {
    let value = match (function, params) {
        (
            "wasi:cli/environment#get-environment"
            | "wasi:cli/environment#get-arguments"
            | "wasi:filesystem/preopens#get-directories",
            _,
        ) => Val::List(Vec::new()),
        ("wasi:cli/environment#initial-cwd", _) => Val::Option(None),
        ("wasi:clocks/wall-clock#now", _) => {
            let nanoseconds = u32::try_from(host.now % 1_000_000).unwrap_or(0) * 1000;
            Val::Record(vec![
                ("seconds".into(), Val::U64(host.now / 1_000_000)),
                ("nanoseconds".into(), Val::U32(nanoseconds)),
            ])
        }
        ("wasi:clocks/monotonic-clock#now", _) => Val::U64(host.now.saturating_mul(1000)),
        ("wasi:random/random#get-random-bytes", [Val::U64(count)]) if *count <= RANDOM_MAX => {
            let mut bytes = vec![0; usize::try_from(*count)?];
            host.random.fill_bytes(&mut bytes);
            Val::List(bytes.into_iter().map(Val::U8).collect())
        }
        _ => {
            let message = format!("{function} is not available in the sandbox");
            return Err(ended(FailureKind::Engine, message));
        }
    };
    if let [result] = results {
        *result = value;
    }
    Ok(())
}
