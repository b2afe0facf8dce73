//! Packed entries: how a part of a journal looks in the table `archive`, and reading both tables as one.
//!
//! A body is zlib (RFC 1950, with its checksum) over entries one after the other: `seq` (8 bytes), `kind` (2), `at` (8),
//! length of the payload (4), all little-endian, and the payload as it stood in the journal.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use moltforge_types::{ExecutionId, Timestamp};

use super::EntryRow;
use crate::error::Error;
use crate::sql::Db;

/// Entries of one body, at most.
pub(crate) const MAX_ENTRIES: usize = 512;
/// Payload bytes of one body, at most; an entry that is larger has a body of its own.
pub(crate) const MAX_BYTES: u64 = 1 << 20;
/// The most that a body may unpack to: no entry is near it, and a damaged one cannot take more memory.
const MAX_UNPACKED: u64 = 64 << 20;

/// Entries as one body.
pub(crate) fn pack(rows: &[EntryRow]) -> std::io::Result<Vec<u8>> {
    let mut out = ZlibEncoder::new(Vec::new(), Compression::default());
    for row in rows {
        out.write_all(&row.seq.to_le_bytes())?;
        out.write_all(&row.kind.to_le_bytes())?;
        out.write_all(&row.at.as_micros().to_le_bytes())?;
        let length = u32::try_from(row.payload.len()).map_err(std::io::Error::other)?;
        out.write_all(&length.to_le_bytes())?;
        out.write_all(&row.payload)?;
    }
    out.finish()
}

/// The entries of a body.
pub(crate) fn unpack(body: &[u8]) -> std::io::Result<Vec<EntryRow>> {
    let mut bytes = Vec::new();
    ZlibDecoder::new(body).take(MAX_UNPACKED).read_to_end(&mut bytes)?;
    let mut rest = bytes.as_slice();
    let mut rows = Vec::new();
    while !rest.is_empty() {
        let seq = u64::from_le_bytes(take(&mut rest)?);
        let kind = i16::from_le_bytes(take(&mut rest)?);
        let at = Timestamp::from_micros(i64::from_le_bytes(take(&mut rest)?));
        let length = u32::from_le_bytes(take(&mut rest)?) as usize;
        let (payload, after) = rest.split_at_checked(length).ok_or(std::io::ErrorKind::UnexpectedEof)?;
        rows.push(EntryRow { seq, kind, at, payload: payload.to_vec() });
        rest = after;
    }
    Ok(rows)
}

fn take<const N: usize>(rest: &mut &[u8]) -> std::io::Result<[u8; N]> {
    let (bytes, after) = rest.split_first_chunk::<N>().ok_or(std::io::ErrorKind::UnexpectedEof)?;
    *rest = after;
    Ok(*bytes)
}

/// The entries of an execution after `after_seq`, wherever they are. Entries move from the journal to the archive, the
/// first ones first: what a look at the journal does not find there any more, a look at the archive after it does.
pub(super) async fn entries(
    db: &Db,
    execution_id: ExecutionId,
    after_seq: u64,
    limit: u32,
) -> Result<Vec<EntryRow>, Error> {
    let mut found: Vec<EntryRow> = Vec::new();
    let mut after = after_seq;
    loop {
        let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        if left == 0 {
            return Ok(found);
        }
        let hot = super::hot_entries(db, execution_id, after, left).await?;
        if hot.first().is_some_and(|row| row.seq == after + 1) {
            found.extend(hot);
            return Ok(found);
        }
        let Some(packed) = packed(db, execution_id, after).await? else {
            found.extend(hot);
            return Ok(found);
        };
        let wanted = packed.into_iter().filter(|row| row.seq > after).take(left as usize);
        let before = found.len();
        found.extend(wanted);
        match found.last() {
            Some(last) if found.len() > before => after = last.seq,
            _ => return Ok(found),
        }
    }
}

/// The last entries of an execution, wherever they are. The last ones are packed last.
pub(super) async fn last_entries(db: &Db, execution_id: ExecutionId, limit: u32) -> Result<Vec<EntryRow>, Error> {
    let mut found = super::hot_last_entries(db, execution_id, limit).await?;
    loop {
        let first = found.first().map_or(u64::MAX, |row| row.seq);
        if first == 1 || found.len() >= limit as usize {
            return Ok(found);
        }
        let body: Option<Vec<u8>> = db
            .query(
                "SELECT a.body FROM archive a WHERE a.execution_id = $1 AND a.first_seq < $2 \
                 ORDER BY a.first_seq DESC LIMIT 1",
            )
            .bind(execution_id)
            .bind(first.min(i64::MAX as u64))
            .optional(|row| row.get("body"))
            .await?;
        let Some(body) = body else { return Ok(found) };
        let packed = unpack(&body).map_err(|error| Error::Internal { table: "archive", source: error.into() })?;
        let mut packed: Vec<_> = packed.into_iter().filter(|row| row.seq < first).collect();
        if packed.is_empty() {
            return Ok(found);
        }
        packed.drain(..packed.len().saturating_sub(limit as usize - found.len()));
        packed.append(&mut found);
        found = packed;
    }
}

/// The first body with entries after `after`.
async fn packed(db: &Db, execution_id: ExecutionId, after: u64) -> Result<Option<Vec<EntryRow>>, Error> {
    let body: Option<Vec<u8>> = db
        .query(
            "SELECT a.body FROM archive a WHERE a.execution_id = $1 AND a.last_seq > $2 ORDER BY a.first_seq LIMIT 1",
        )
        .bind(execution_id)
        .bind(after)
        .optional(|row| row.get("body"))
        .await?;
    body.map(|body| unpack(&body).map_err(|error| Error::Internal { table: "archive", source: error.into() }))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<EntryRow> {
        let row = |seq: u64, text: &str| EntryRow {
            seq,
            kind: 7,
            at: Timestamp::from_micros(-5),
            payload: text.as_bytes().to_vec(),
        };
        vec![row(1, "{}"), row(2, ""), row(3, &"x".repeat(100_000))]
    }

    #[test]
    fn what_is_packed_comes_out_the_same() {
        let body = pack(&rows()).expect("packed");
        assert!(body.len() < 1_000, "{}", body.len());
        assert_eq!(unpack(&body).expect("unpacked"), rows());
    }

    #[test]
    fn damage_is_an_error() {
        let body = pack(&rows()).expect("packed");
        for at in 0..body.len() {
            let mut damaged = body.clone();
            damaged[at] ^= 0x10;
            assert_ne!(unpack(&damaged).ok(), Some(rows()), "byte {at}");
        }
        assert!(unpack(&body[..body.len() - 6]).is_err());
    }
}
