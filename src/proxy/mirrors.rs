//! Copies of a request for mirrors: collected while the request goes to its server, sent when the response is with the
//! client, who neither waits for them nor sees them. What they may cost is bounded: more than that is not mirrored.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Version, header};
use log::{debug, warn};
use pingora_error::Result;
use pingora_http::RequestHeader;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::balance::client::Question;
use crate::balance::mirroring::{BodyCopy, Copy};
use crate::balance::{Asker, Choice};

/// Bytes of bodies that are held for mirrors at a time, over all requests.
const MOST_HELD: usize = 64 * 1024 * 1024;
/// Requests whose copies are being sent at a time.
const MOST_SENDING: usize = 256;
/// How long a copy may take.
const MOST_TIME: Duration = Duration::from_secs(30);
/// A mirror's mirrors have mirrors: more copies than this are made of no request.
const MOST_COPIES: usize = 64;

static HELD: AtomicUsize = AtomicUsize::new(0);
static SENDING: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(MOST_SENDING)));
static LEFT_OUT: AtomicUsize = AtomicUsize::new(0);

/// A request that is to be copied.
pub(super) struct Original {
    copies: Vec<Copy>,
    client: IpAddr,
    /// As it goes to the server.
    head: Option<RequestHeader>,
    body: Vec<Bytes>,
    held: usize,
    /// The most that any of its mirrors takes.
    limit: u64,
    /// Whether all of the body is here.
    complete: bool,
}

// === impl Original ===

impl Original {
    /// For the copies of a request.
    pub fn new(copies: Vec<Copy>, client: IpAddr) -> Self {
        let limit = |copy: &Copy| match copy.body {
            BodyCopy::Nothing => 0,
            BodyCopy::UpTo(limit) => limit,
        };
        let limit = copies.iter().map(limit).max().unwrap_or(0);
        Original { copies, client, head: None, body: Vec::new(), held: 0, limit, complete: false }
    }

    /// An attempt begins: what an earlier one had of the body comes again. `host` is the client's: each mirror's
    /// service has its own say on what it sees.
    pub fn begin(&mut self, head: &RequestHeader, host: Option<&http::HeaderValue>) -> Result<()> {
        let mut head = head.clone();
        if let Some(host) = host {
            head.insert_header(header::HOST, host.clone())?;
        }
        self.release();
        self.head = Some(head);
        self.complete = false;
        Ok(())
    }

    /// A piece of the body.
    pub fn piece(&mut self, piece: Option<&Bytes>, end: bool) {
        self.complete |= end;
        let Some(piece) = piece.filter(|piece| !piece.is_empty()) else { return };
        let before = self.held;
        self.held = before.saturating_add(piece.len());
        let fits = self.held as u64 <= self.limit;
        if fits && HELD.fetch_add(piece.len(), Relaxed) + piece.len() <= MOST_HELD {
            self.body.push(piece.clone());
        } else {
            if fits {
                HELD.fetch_sub(piece.len(), Relaxed);
                self.copies.retain(|copy| copy.body == BodyCopy::Nothing);
                left_out("their bodies are too large together");
            } else {
                self.copies.retain(|copy| copy.body == BodyCopy::Nothing);
            }
            self.release_body(before);
            self.limit = 0;
        }
    }

    /// The response is with the client: the copies go, one after the other.
    pub fn send(mut self: Box<Self>) {
        if !self.complete || self.head.is_none() {
            return;
        }
        let held = self.held as u64;
        self.copies.retain(|copy| takes(copy.body, held));
        if self.copies.is_empty() {
            return;
        }
        let Ok(permit) = SENDING.clone().try_acquire_owned() else {
            return left_out("too many are being sent");
        };
        tokio::spawn(async move {
            let mut due: VecDeque<Copy> = self.copies.drain(..).collect();
            let mut made = due.len();
            while let Some(copy) = due.pop_front() {
                let mut further = Vec::new();
                if timeout(MOST_TIME, self.send_one(&copy, &mut further)).await.is_err() {
                    debug!("a mirror took longer than {MOST_TIME:?}");
                }
                let room = MOST_COPIES.saturating_sub(made);
                made += further.len().min(room);
                due.extend(further.into_iter().take(room));
            }
            drop(permit);
        });
    }

    /// Sends a copy. `further` are those that the mirror, being mirrored itself, asks for.
    async fn send_one(&self, copy: &Copy, further: &mut Vec<Copy>) {
        let Some(head) = &self.head else { return };
        let mut choice = Choice::default();
        copy.to.choose(&Asker { headers: &head.headers, client: self.client }, &mut choice);
        let held = self.held as u64;
        let takes_too = |next: &Copy| copy.body == BodyCopy::Nothing || takes(next.body, held);
        further.extend(choice.copies.drain(..).filter(takes_too).map(|next| match copy.body {
            // What it doesn't have it can't pass on.
            BodyCopy::Nothing => Copy { body: BodyCopy::Nothing, ..next },
            BodyCopy::UpTo(_) => next,
        }));
        if choice.filtered().is_some() {
            return left_out("the mirror's service has middlewares of its own");
        }
        let Some(server) = &choice.server else { return debug!("a mirror has no server") };
        let body = if copy.body == BodyCopy::Nothing { &[][..] } else { &self.body };
        let answer = match copied(head, server.authority_for(head), body) {
            Ok(head) => Question { head, body: body.to_vec() }.ask(server, 0).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => choice.answered(answer.head.status.as_u16()),
            Err(error) => {
                choice.failed();
                debug!("a copy for {server:?} was lost: {error}");
            }
        }
    }

    fn release(&mut self) {
        let held = self.held;
        self.release_body(held);
        self.held = 0;
    }

    fn release_body(&mut self, bytes: usize) {
        if !self.body.is_empty() {
            self.body.clear();
            HELD.fetch_sub(bytes, Relaxed);
        }
    }
}

impl Drop for Original {
    fn drop(&mut self) {
        self.release();
    }
}

fn takes(body: BodyCopy, length: u64) -> bool {
    match body {
        BodyCopy::Nothing => true,
        BodyCopy::UpTo(limit) => length <= limit,
    }
}

/// The head of a copy, with the length of what it has of the body.
fn copied(head: &RequestHeader, host: http::HeaderValue, body: &[Bytes]) -> Result<RequestHeader> {
    let mut head = head.clone();
    head.set_version(Version::HTTP_11);
    head.insert_header(header::HOST, host)?;
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::EXPECT] {
        head.remove_header(&name);
    }
    let length: usize = body.iter().map(Bytes::len).sum();
    let usual = matches!(head.method, Method::POST | Method::PUT | Method::PATCH);
    if length > 0 || usual {
        head.insert_header(header::CONTENT_LENGTH, length.to_string())?;
    } else {
        head.remove_header(&header::CONTENT_LENGTH);
    }
    Ok(head)
}

/// Tells of requests that were not mirrored: of the first one, and then ever more seldom.
fn left_out(why: &str) {
    let count = LEFT_OUT.fetch_add(1, Relaxed) + 1;
    if count.is_power_of_two() {
        warn!("a request was not mirrored: {why} ({count} so far)");
    }
}
