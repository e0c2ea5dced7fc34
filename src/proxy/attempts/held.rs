//! A body that is held: in memory up to a size, the rest in a file without a name, which is gone when nobody holds it.
//! Read from its beginning as often as it is needed.

use std::io::SeekFrom;

use bytes::{Bytes, BytesMut};
use pingora_error::{ErrorType, OrErr, Result};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

/// The size of the pieces that come out of a file.
const PIECE: usize = 64 * 1024;

/// A held body.
pub(super) struct Held {
    /// Bytes that may stay in memory.
    memory: u64,
    pieces: Vec<Bytes>,
    in_memory: u64,
    file: Option<File>,
    length: u64,
    /// The piece that is read next.
    at: usize,
    /// Whether the file stands at its beginning.
    rewound: bool,
}

// === impl Held ===

impl Held {
    /// A body of which so many bytes may stay in memory.
    pub(super) fn new(memory: u64) -> Self {
        Held { memory, pieces: Vec::new(), in_memory: 0, file: None, length: 0, at: 0, rewound: false }
    }

    /// Its length so far.
    pub(super) fn len(&self) -> u64 {
        self.length
    }

    /// Adds a piece at the end; before anything is read.
    pub(super) async fn push(&mut self, piece: Bytes) -> Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        let size = piece.len() as u64;
        self.length += size;
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

    /// The next piece; none at the end, and then from the beginning again once it is rewound.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(piece) = self.pieces.get(self.at) {
            self.at += 1;
            return Ok(Some(piece.clone()));
        }
        let Some(file) = &mut self.file else { return Ok(None) };
        if !self.rewound {
            file.flush().await.or_err(ErrorType::InternalError, "a body could not be written to disk")?;
            file.seek(SeekFrom::Start(0))
                .await
                .or_err(ErrorType::InternalError, "a body could not be read from disk")?;
            self.rewound = true;
        }
        let mut piece = BytesMut::with_capacity(PIECE);
        let read =
            file.read_buf(&mut piece).await.or_err(ErrorType::InternalError, "a body could not be read from disk")?;
        Ok((read > 0).then(|| piece.freeze()))
    }

    /// Back to the beginning.
    pub(super) fn rewind(&mut self) {
        (self.at, self.rewound) = (0, false);
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
        let pieces: Vec<Vec<u8>> = (0..40u8).map(|n| vec![n; 10_000]).collect();
        for (memory, on_disk) in [(u64::MAX, false), (400_000, false), (399_999, true), (15_000, true), (0, true)] {
            let mut held = Held::new(memory);
            for piece in &pieces {
                held.push(piece.clone().into()).await.unwrap();
            }
            assert_eq!((held.len(), held.file.is_some()), (400_000, on_disk), "{memory}");
            assert!(held.in_memory <= memory);
            for _ in 0..3 {
                assert_eq!(all(&mut held).await, pieces.concat(), "{memory}");
            }
            // Left in the middle.
            held.rewind();
            held.next().await.unwrap();
            assert_eq!(all(&mut held).await, pieces.concat(), "{memory}");
        }
        assert!(all(&mut Held::new(0)).await.is_empty());
    }
}
