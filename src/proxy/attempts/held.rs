//! A body that is held: in memory up to a size, the rest in a file without a name, which is gone when nobody holds it.
//! Read from its beginning as often as it is needed.

use std::io::SeekFrom;

use bytes::{Bytes, BytesMut};
use pingora_error::{ErrorType, OrErr, Result};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

/// The size of pieces that are made here, of smaller ones or from a file.
const PIECE: usize = 64 * 1024;
/// Pieces below this size are put together: each of them would cost more than it holds.
const SMALL: usize = 8 * 1024;

/// A held body.
pub(super) struct Held {
    /// Bytes that may stay in memory.
    memory: u64,
    pieces: Vec<Bytes>,
    in_memory: u64,
    file: Option<File>,
    /// What came last, and is to become a piece.
    tail: BytesMut,
    length: u64,
    /// The piece that is read next.
    at: usize,
    /// Whether the file has been read from its beginning.
    reading: bool,
}

// === impl Held ===

impl Held {
    /// A body of which so many bytes may stay in memory.
    pub(super) fn new(memory: u64) -> Self {
        Held {
            memory,
            pieces: Vec::new(),
            in_memory: 0,
            file: None,
            tail: BytesMut::new(),
            length: 0,
            at: 0,
            reading: false,
        }
    }

    /// Its length so far.
    pub(super) fn len(&self) -> u64 {
        self.length
    }

    /// Adds a piece at the end; before anything is read.
    pub(super) async fn push(&mut self, piece: Bytes) -> Result<()> {
        self.length += piece.len() as u64;
        if piece.len() < SMALL {
            self.tail.extend_from_slice(&piece);
            return if self.tail.len() < PIECE { Ok(()) } else { self.store_tail().await };
        }
        self.store_tail().await?;
        self.store(piece).await
    }

    /// The next piece; none at the end, until it is rewound.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        self.store_tail().await?;
        if let Some(piece) = self.pieces.get(self.at) {
            self.at += 1;
            return Ok(Some(piece.clone()));
        }
        let Some(file) = &mut self.file else { return Ok(None) };
        let cannot = "a body could not be read from disk";
        if !self.reading {
            file.flush().await.or_err(ErrorType::InternalError, cannot)?;
            file.seek(SeekFrom::Start(0)).await.or_err(ErrorType::InternalError, cannot)?;
            self.reading = true;
        }
        let mut piece = BytesMut::with_capacity(PIECE);
        let read = file.read_buf(&mut piece).await.or_err(ErrorType::InternalError, cannot)?;
        Ok((read > 0).then(|| piece.freeze()))
    }

    /// Back to the beginning.
    pub(super) fn rewind(&mut self) {
        (self.at, self.reading) = (0, false);
    }

    async fn store_tail(&mut self) -> Result<()> {
        if self.tail.is_empty() {
            return Ok(());
        }
        let tail = std::mem::take(&mut self.tail).freeze();
        self.store(tail).await
    }

    async fn store(&mut self, piece: Bytes) -> Result<()> {
        let size = piece.len() as u64;
        if self.file.is_none() && self.in_memory + size <= self.memory {
            self.in_memory += size;
            self.pieces.push(piece);
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(unnamed().await?),
        };
        file.write_all(&piece).await.or_err(ErrorType::InternalError, "a body could not be written to disk")
    }
}

/// A file that has no name from the start: nothing is left of it, however the process ends.
async fn unnamed() -> Result<File> {
    let made = tokio::task::spawn_blocking(tempfile::tempfile).await;
    let made = made.or_err(ErrorType::InternalError, "no file for a body")?;
    made.map(File::from_std).or_err(ErrorType::InternalError, "no file for a body")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    async fn all(held: &mut Held) -> Vec<u8> {
        held.rewind();
        let mut all = Vec::new();
        while let Some(piece) = held.next().await.unwrap() {
            all.extend_from_slice(&piece);
        }
        all
    }

    #[tokio::test]
    async fn gives_back_what_it_got_as_often_as_asked() {
        for size in [1, 100, 10_000, 100_000] {
            let pieces: Vec<Vec<u8>> = (0..400_000 / size).map(|n| vec![n as u8; size]).collect();
            for (memory, on_disk) in [(u64::MAX, false), (400_000, false), (399_999, true), (15_000, true), (0, true)] {
                let mut held = Held::new(memory);
                for piece in &pieces {
                    held.push(piece.clone().into()).await.unwrap();
                }
                assert_eq!(held.len(), 400_000);
                for _ in 0..3 {
                    assert!(all(&mut held).await == pieces.concat(), "{size} {memory}");
                }
                assert_eq!(held.file.is_some(), on_disk, "{size} {memory}");
                assert!(held.in_memory <= memory && held.pieces.len() <= 40, "{size} {memory}: {}", held.pieces.len());
                // Left in the middle.
                held.rewind();
                held.next().await.unwrap();
                assert!(all(&mut held).await == pieces.concat(), "{size} {memory}");
            }
        }
        assert!(all(&mut Held::new(0)).await.is_empty());
    }
}
