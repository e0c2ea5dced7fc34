//! The encoders, each fed piece by piece. What they write is collected in a buffer and taken from it.

use std::io::{Result, Write};

use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::accept::Encoding;

/// Brotli's and zstd's window, as a power of two: a megabyte, which is what a stream may cost in memory.
const WINDOW: u32 = 20;
/// Quality and speed of brotli, of 11; Traefik's.
const BROTLI: u32 = 6;
/// Level of zstd, of 22; Traefik's.
const ZSTD: i32 = 3;
/// Brotli takes what it is given in pieces of this size.
const PIECE: usize = 4096;

/// An encoder at work.
pub(super) enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Finished,
}

// === impl Encoder ===

impl Encoder {
    pub(super) fn new(encoding: Encoding) -> Result<Self> {
        Ok(match encoding {
            Encoding::Gzip => Encoder::Gzip(GzEncoder::new(Vec::new(), Compression::default())),
            Encoding::Brotli => Encoder::Brotli(Box::new(CompressorWriter::new(Vec::new(), PIECE, BROTLI, WINDOW))),
            Encoding::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD)?;
                encoder.window_log(WINDOW)?;
                Encoder::Zstd(encoder)
            }
        })
    }

    /// Takes a piece in.
    pub(super) fn write(&mut self, piece: &[u8]) -> Result<()> {
        match self {
            Encoder::Gzip(encoder) => encoder.write_all(piece),
            Encoder::Brotli(encoder) => encoder.write_all(piece),
            Encoder::Zstd(encoder) => encoder.write_all(piece),
            Encoder::Finished => Ok(()),
        }
    }

    /// What has come out by itself.
    pub(super) fn take(&mut self) -> Bytes {
        let buffer = match self {
            Encoder::Gzip(encoder) => encoder.get_mut(),
            Encoder::Brotli(encoder) => encoder.get_mut(),
            Encoder::Zstd(encoder) => encoder.get_mut(),
            Encoder::Finished => return Bytes::new(),
        };
        std::mem::take(buffer).into()
    }

    /// Everything that was taken in, so that the client can decode it now.
    pub(super) fn flush(&mut self) -> Result<Bytes> {
        match self {
            Encoder::Gzip(encoder) => encoder.flush()?,
            Encoder::Brotli(encoder) => encoder.flush()?,
            Encoder::Zstd(encoder) => encoder.flush()?,
            Encoder::Finished => {}
        }
        Ok(self.take())
    }

    /// The rest.
    pub(super) fn finish(&mut self) -> Result<Bytes> {
        Ok(match std::mem::replace(self, Encoder::Finished) {
            Encoder::Gzip(encoder) => encoder.finish()?,
            Encoder::Brotli(encoder) => encoder.into_inner(),
            Encoder::Zstd(encoder) => encoder.finish()?,
            Encoder::Finished => Vec::new(),
        }
        .into())
    }
}
