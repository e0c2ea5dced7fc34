//! One direction of a connection: what one side says is written to the other one.
//! Little is copied through a buffer that all connections of a thread share; much between two sockets stays in the kernel.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;

use super::pipe::Pipe;
use super::relay::Duplex;

/// What is read at a time.
const BUFFER: usize = 64 << 10;
/// A direction that has moved so much gets a pipe, where it may: then that costs less than copying does.
const MUCH: u64 = 512 << 10;
/// So often something is moved before others have their turn.
const TURN: usize = 32;

thread_local! {
    static SHARED: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER]);
}

/// What one side says to the other one.
#[derive(Default)]
pub(super) struct Direction {
    /// What was read, and could not be written yet, from `written` on.
    rest: Vec<u8>,
    written: usize,
    moved: u64,
    pipe: Option<Pipe>,
    state: State,
    /// How the reader broke off: its last words are written all the same.
    broken: Option<io::Error>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum State {
    #[default]
    Open,
    /// Something is written that the writer may still hold back.
    Flush,
    /// The reader has ended: that is told when all is written.
    Ending,
    Over,
}

// === impl Direction ===

impl Direction {
    /// Begins with what was read already.
    pub(super) fn new(ahead: &[u8]) -> Self {
        Direction { rest: ahead.to_vec(), ..Direction::default() }
    }

    /// Moves what can be moved; ready when the reader has ended, and the writer knows. A writer that takes nothing any more
    /// ends the direction too: it may still have something to say.
    ///
    /// # Errors
    /// When the reader has broken off, which is the end of both directions; what it said before is written.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut impl Duplex,
        writer: &mut impl Duplex,
    ) -> Poll<io::Result<()>> {
        for _ in 0..TURN {
            if self.state == State::Over {
                return Poll::Ready(self.broken.take().map_or(Ok(()), Err));
            }
            match ready!(self.step(cx, reader, writer)) {
                Ok(()) => {}
                Err(Broken::Reader(e)) => (self.broken, self.state) = (Some(e), State::Ending),
                Err(Broken::Writer) => self.state = State::Over,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn step(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut impl Duplex,
        writer: &mut impl Duplex,
    ) -> Poll<Result<(), Broken>> {
        if let Some(rest) = self.rest.get(self.written..).filter(|rest| !rest.is_empty()) {
            self.written += ready!(write(cx, writer, rest))?;
            return Poll::Ready(Ok(()));
        }
        if !self.rest.is_empty() {
            // Only what a slow writer needs is held.
            (self.rest, self.written) = (Vec::new(), 0);
        }
        if let (Some(pipe), Some(writer)) = (&mut self.pipe, writer.plain())
            && !pipe.is_empty()
        {
            return pipe.poll_empty(cx, writer).map_err(|_| Broken::Writer);
        }
        match self.state {
            State::Open | State::Flush => self.read(cx, reader, writer),
            State::Ending => {
                let told = ready!(Pin::new(writer).poll_shutdown(cx));
                self.state = State::Over;
                Poll::Ready(told.map_err(|_| Broken::Writer))
            }
            State::Over => Poll::Ready(Ok(())),
        }
    }

    fn read(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut impl Duplex,
        writer: &mut impl Duplex,
    ) -> Poll<Result<(), Broken>> {
        let plain = reader.plain().zip(writer.plain());
        if self.pipe.is_none() && self.moved > MUCH && plain.is_some() {
            self.pipe = Pipe::new();
            // Where descriptors have run out, it is asked for again after as much.
            self.moved = 0;
        }
        let read = match (&mut self.pipe, plain) {
            (Some(pipe), Some((reader, _))) => pipe.poll_fill(cx, reader),
            _ => SHARED.with_borrow_mut(|shared| {
                let mut buffer = ReadBuf::new(shared);
                let read = Pin::new(reader).poll_read(cx, &mut buffer);
                let Poll::Ready(Ok(())) = read else { return read.map_ok(|()| 0) };
                let bytes = buffer.filled();
                if !bytes.is_empty() {
                    self.state = State::Flush;
                    let written = match write(cx, writer, bytes) {
                        Poll::Ready(Ok(written)) => written,
                        Poll::Ready(Err(_)) => return Poll::Ready(Ok(usize::MAX)),
                        Poll::Pending => 0,
                    };
                    self.rest.extend_from_slice(bytes.get(written..).unwrap_or_default());
                }
                Poll::Ready(Ok(bytes.len()))
            }),
        };
        match read {
            Poll::Ready(Ok(usize::MAX)) => Poll::Ready(Err(Broken::Writer)),
            Poll::Ready(Ok(0)) => {
                self.state = State::Ending;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(count)) => {
                self.moved = self.moved.saturating_add(count as u64);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(e)) => Poll::Ready(Err(Broken::Reader(e))),
            Poll::Pending if self.state == State::Flush => {
                // Nothing more comes for now: what is there must not wait for it.
                ready!(Pin::new(writer).poll_flush(cx)).map_err(|_| Broken::Writer)?;
                self.state = State::Open;
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Who has broken off.
enum Broken {
    Reader(io::Error),
    Writer,
}

fn write(cx: &mut Context<'_>, writer: &mut impl Duplex, bytes: &[u8]) -> Poll<Result<usize, Broken>> {
    match ready!(Pin::new(writer).poll_write(cx, bytes)) {
        Ok(0) | Err(_) => Poll::Ready(Err(Broken::Writer)),
        Ok(written) => Poll::Ready(Ok(written)),
    }
}
