//! A virtual WASI for what standard libraries import: CPython's, and those of the languages that components are written in.
//!
//! Clocks are the guest's virtual time, random numbers come from its seed, what it writes to its standard streams is its log.
//! Its standard input is closed; arguments, environment and files are not there. Everything else is an error that ends the
//! guest.

mod streams;

use chacha20::rand_core::Rng;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, Resource, ResourceType, Val};
use wasmtime::{Engine, Result, StoreContextMut};

use super::host::{Host, ended};
use crate::protocol::{FailureKind, World};

pub(crate) use streams::Lines;

/// A guest may ask for so many random bytes at once.
const RANDOM_MAX: u64 = 1 << 20;

/// Defines what `component` imports of `wasi:`. Of the streams an engine has none: what its programs print it logs by itself.
pub(crate) fn add(engine: &Engine, linker: &mut Linker<Host>, component: &Component, world: World) -> Result<()> {
    let has_streams = world == World::Agent;
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
                    linker.func_new(name, move |store, _, params, results| {
                        let values = answer(store, &function, params, has_streams)?;
                        for (result, value) in results.iter_mut().zip(values) {
                            *result = value;
                        }
                        Ok(())
                    })?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// What a function returns: at most one value.
fn answer(mut store: StoreContextMut<'_, Host>, function: &str, params: &[Val], has_streams: bool) -> Result<Vec<Val>> {
    let numbers = numbers(&mut store, params)?;
    if has_streams && let Some(value) = streams::answer(&mut store, function, params, &numbers)? {
        return Ok(value);
    }
    let host = store.data_mut();
    let value = match (function, params) {
        (
            "wasi:cli/environment#get-environment"
            | "wasi:cli/environment#get-arguments"
            | "wasi:filesystem/preopens#get-directories",
            _,
        ) => Val::List(Vec::new()),
        ("wasi:cli/environment#initial-cwd", _) => Val::Option(None),
        ("wasi:clocks/wall-clock#now", _) => time(host.now),
        ("wasi:clocks/wall-clock#resolution", _) => time(1),
        ("wasi:clocks/monotonic-clock#now", _) => Val::U64(host.now.saturating_mul(1000)),
        ("wasi:clocks/monotonic-clock#resolution", _) => Val::U64(1000),
        (
            "wasi:random/random#get-random-bytes" | "wasi:random/insecure#get-insecure-random-bytes",
            [Val::U64(count)],
        ) if *count <= RANDOM_MAX => {
            let mut bytes = vec![0; usize::try_from(*count)?];
            host.random.fill_bytes(&mut bytes);
            Val::List(bytes.into_iter().map(Val::U8).collect())
        }
        ("wasi:random/random#get-random-u64" | "wasi:random/insecure#get-insecure-random-u64", _) => {
            Val::U64(host.random.next_u64())
        }
        ("wasi:random/insecure-seed#insecure-seed", _) => {
            Val::Tuple(vec![Val::U64(host.random.next_u64()), Val::U64(host.random.next_u64())])
        }
        ("wasi:cli/exit#exit" | "wasi:cli/exit#exit-with-code", _) => {
            return Err(ended(FailureKind::Exception, "the program called exit: an agent ends when `run` returns"));
        }
        _ => {
            let message = format!("{function} is not available in the sandbox");
            return Err(ended(FailureKind::Engine, message));
        }
    };
    Ok(vec![value])
}

/// Microseconds as a time of a clock.
fn time(microseconds: u64) -> Val {
    let nanoseconds = u32::try_from(microseconds % 1_000_000).unwrap_or(0) * 1000;
    Val::Record(vec![
        ("seconds".into(), Val::U64(microseconds / 1_000_000)),
        ("nanoseconds".into(), Val::U32(nanoseconds)),
    ])
}

/// The resources among parameters, as the numbers that they are. Each is given back: none is kept beyond the call.
fn numbers(store: &mut StoreContextMut<'_, Host>, params: &[Val]) -> Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for param in params {
        let all = if let Val::List(all) = param { all.as_slice() } else { std::slice::from_ref(param) };
        for value in all {
            if let Val::Resource(any) = value {
                numbers.push(Resource::<()>::try_from_resource_any(*any, &mut *store)?.rep());
            }
        }
    }
    Ok(numbers)
}

/// A resource that is a number and nothing else.
fn resource(store: &mut StoreContextMut<'_, Host>, number: u32) -> Result<Val> {
    Ok(Val::Resource(Resource::<()>::new_own(number).try_into_resource_any(store)?))
}
