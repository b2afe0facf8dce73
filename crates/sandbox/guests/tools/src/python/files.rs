//! The files of the bake: as they are, but without times and numbers of the machine, and in the order of their names.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use anyhow::Result;
use componentize_py::Ctx;
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, DescriptorFlags, DescriptorStat, DirectoryEntry, DirectoryEntryStream, ErrorCode, HostDescriptor,
    HostDirectoryEntryStream, MetadataHashValue, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{FsError, FsResult};

use super::{NOW, absent, versioned};

/// What is not asked for.
const ABSENT: [&str; 17] = [
    "filesystem-error-code",
    "[method]descriptor.write-via-stream",
    "[method]descriptor.append-via-stream",
    "[method]descriptor.advise",
    "[method]descriptor.sync-data",
    "[method]descriptor.set-size",
    "[method]descriptor.set-times",
    "[method]descriptor.write",
    "[method]descriptor.sync",
    "[method]descriptor.set-times-at",
    "[method]descriptor.link-at",
    "[method]descriptor.remove-directory-at",
    "[method]descriptor.rename-at",
    "[method]descriptor.symlink-at",
    "[method]descriptor.unlink-file-at",
    "[method]descriptor.is-same-object",
    "[method]descriptor.readlink-at",
];

/// Passes a question on as it is.
macro_rules! pass {
    ($types:ident, $name:literal, $method:ident($($value:ident: $kind:ty),+)) => {
        $types.func_wrap_async($name, |mut store, ($($value,)+): ($($kind,)+)| {
            Box::new(async move {
                let mut view = store.data_mut().filesystem();
                let answer = HostDescriptor::$method(&mut view, $($value),+).await;
                Ok((code(answer)?,))
            })
        })?
    };
}

/// Defines the interface.
pub(super) fn add(linker: &mut Linker<Ctx>) -> Result<()> {
    let mut types = linker.instance(&versioned("wasi:filesystem/types"))?;
    types.resource("descriptor", ResourceType::host::<Descriptor>(), |mut store, handle| {
        HostDescriptor::drop(&mut store.data_mut().filesystem(), Resource::new_own(handle))
    })?;
    types.resource("directory-entry-stream", ResourceType::host::<DirectoryEntryStream>(), |mut store, handle| {
        HostDirectoryEntryStream::drop(&mut store.data_mut().filesystem(), Resource::new_own(handle))
    })?;
    absent(&mut types, &ABSENT)?;
    pass!(types, "[method]descriptor.get-flags", get_flags(descriptor: Resource<Descriptor>));
    pass!(types, "[method]descriptor.get-type", get_type(descriptor: Resource<Descriptor>));
    pass!(types, "[method]descriptor.read", read(descriptor: Resource<Descriptor>, len: u64, offset: u64));
    pass!(types, "[method]descriptor.read-directory", read_directory(descriptor: Resource<Descriptor>));
    // nothing is written: Python goes on without keeping what it compiled
    types.func_wrap_async("[method]descriptor.create-directory-at", |_, (_, _): (Resource<Descriptor>, String)| {
        Box::new(async move { Ok((Err::<(), _>(ErrorCode::ReadOnly),)) })
    })?;
    types.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store, (folder, links, path, how, flags): (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags)| {
            Box::new(async move {
                if how.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE) {
                    return Ok((Err(ErrorCode::ReadOnly),));
                }
                let mut view = store.data_mut().filesystem();
                Ok((code(view.open_at(folder, links, path, how, flags).await)?,))
            })
        },
    )?;
    types.func_wrap(
        "[method]descriptor.read-via-stream",
        |mut store, (descriptor, offset): (Resource<Descriptor>, u64)| {
            let stream = HostDescriptor::read_via_stream(&mut store.data_mut().filesystem(), descriptor, offset);
            Ok((code(stream)?,))
        },
    )?;
    types.func_wrap_async("[method]descriptor.stat", |mut store, (descriptor,): (Resource<Descriptor>,)| {
        Box::new(async move {
            let mut view = store.data_mut().filesystem();
            let stat = view.stat(descriptor).await.map(timeless);
            Ok((code(stat)?,))
        })
    })?;
    types.func_wrap_async(
        "[method]descriptor.stat-at",
        |mut store, (descriptor, flags, path): (Resource<Descriptor>, PathFlags, String)| {
            Box::new(async move {
                let mut view = store.data_mut().filesystem();
                let stat = view.stat_at(descriptor, flags, path).await.map(timeless);
                Ok((code(stat)?,))
            })
        },
    )?;
    types.func_wrap_async("[method]descriptor.metadata-hash", |_, (_,): (Resource<Descriptor>,)| {
        Box::new(async move { Ok((code(Ok(MetadataHashValue { lower: 1, upper: 1 }))?,)) })
    })?;
    types.func_wrap_async(
        "[method]descriptor.metadata-hash-at",
        |_, (_, _, path): (Resource<Descriptor>, PathFlags, String)| {
            let lower = path.bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
            Box::new(async move { Ok((code(Ok(MetadataHashValue { lower, upper: 1 }))?,)) })
        },
    )?;
    entries(&mut types)
}

/// Folders in the order of names. A stream is read to its end before its handle is used again.
fn entries(types: &mut LinkerInstance<'_, Ctx>) -> Result<()> {
    static OPEN: Mutex<Option<HashMap<u32, VecDeque<DirectoryEntry>>>> = Mutex::new(None);
    types.func_wrap_async(
        "[method]directory-entry-stream.read-directory-entry",
        |mut store, (stream,): (Resource<DirectoryEntryStream>,)| {
            Box::new(async move {
                let handle = stream.rep();
                let known = OPEN.lock().expect("no panic").get_or_insert_default().contains_key(&handle);
                if !known {
                    let mut view = store.data_mut().filesystem();
                    let mut list = Vec::new();
                    loop {
                        let entry = view.read_directory_entry(Resource::new_borrow(handle)).await;
                        match code(entry)? {
                            Ok(Some(entry)) => list.push(entry),
                            Ok(None) => break,
                            Err(code) => return Ok((Err(code),)),
                        }
                    }
                    list.sort_by(|a, b| a.name.cmp(&b.name));
                    OPEN.lock().expect("no panic").get_or_insert_default().insert(handle, list.into());
                }
                let mut open = OPEN.lock().expect("no panic");
                let open = open.get_or_insert_default();
                let next = open.get_mut(&handle).and_then(VecDeque::pop_front);
                if next.is_none() {
                    open.remove(&handle);
                }
                Ok((Ok::<_, ErrorCode>(next),))
            })
        },
    )?;
    Ok(())
}

fn timeless(stat: DescriptorStat) -> DescriptorStat {
    let at = Some(Datetime { seconds: NOW, nanoseconds: 0 });
    let size = if stat.type_ == types::DescriptorType::Directory { 4096 } else { stat.size };
    DescriptorStat {
        link_count: 1,
        size,
        data_access_timestamp: at,
        data_modification_timestamp: at,
        status_change_timestamp: at,
        ..stat
    }
}

/// An error that the guest may see, or one that ends it.
fn code<T>(result: FsResult<T>) -> wasmtime::Result<Result<T, ErrorCode>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) => FsError::downcast(error).map(Err),
    }
}
