//! Tests of chains: order, replies from the middle, faults, slots, bodies.

use std::sync::Mutex;

use super::*;
use crate::reply::Reply;
use crate::testing::{Outcome, Trial};

/// Writes what is called into a common journal.
struct Scribe {
    name: &'static str,
    acts: Act,
    journal: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Act {
    Pass,
    PassLater,
    Reply,
    ReplyLater,
    Fail,
    FailResponse,
}

impl Scribe {
    fn write(&self, what: impl std::fmt::Display) {
        if let Ok(mut journal) = self.journal.lock() {
            journal.push(format!("{}{what}", self.name));
        }
    }

    fn decide(&self) -> Progress {
        match self.acts {
            Act::Reply | Act::ReplyLater => Ok(Flow::Reply(Box::new(Reply::plain(418, "tea")))),
            Act::Fail => Err(Fault::new(504, "late")),
            _ => Ok(Flow::Next),
        }
    }
}

impl Filter for Scribe {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        self.write(">");
        *cx.slot = Some(Box::new(self.name));
        if matches!(self.acts, Act::PassLater | Act::ReplyLater) {
            return Step::Later(Box::pin(async move {
                tokio::task::yield_now().await;
                cx.request.insert_header("X-Later", self.name).map_err(Fault::internal)?;
                self.decide()
            }));
        }
        Step::Now(self.decide())
    }

    fn request_body(&self, slot: &mut Slot, _: &mut Option<Bytes>, _: bool) -> Result<(), Fault> {
        self.write(format_args!("b{}", slot.is_some()));
        Ok(())
    }

    fn response(&self, cx: &mut ResponseCx<'_>) -> Result<(), Fault> {
        let kept = cx.slot.as_ref().and_then(|slot| slot.downcast_ref::<&str>()) == Some(&self.name);
        self.write(format_args!("<{}{}", cx.response.status.as_u16(), if kept { "" } else { "!" }));
        if self.acts == Act::FailResponse { Err(Fault::new(502, "bad")) } else { Ok(()) }
    }

    fn response_body(&self, _: &mut Slot, body: &mut Option<Bytes>, end: bool) -> Result<(), Fault> {
        self.write(format_args!("r{end}"));
        if let Some(bytes) = body {
            *bytes = [bytes.as_ref(), self.name.as_bytes()].concat().into();
        }
        Ok(())
    }

    fn logging(&self, _: &mut Slot, status: u16) {
        self.write(format_args!("#{status}"));
    }
}

type Journal = Arc<Mutex<Vec<String>>>;

fn chain(acts: [Act; 3]) -> (Chain, Journal) {
    let journal = Journal::default();
    let links = ["a", "b", "c"]
        .into_iter()
        .zip(acts)
        .map(|(name, acts)| Link::new(name, Arc::new(Scribe { name, acts, journal: Arc::clone(&journal) })));
    (Chain::new(links.collect()), journal)
}

fn run(acts: [Act; 3]) -> (String, Outcome) {
    let (chain, journal) = chain(acts);
    let outcome = Trial::get("/").through(&chain);
    // Bodies have a test of their own.
    let heads = |line: &&String| !line.ends_with("rtrue") && !line.ends_with("rfalse");
    let heads: Vec<_> =
        journal.lock().iter().flat_map(|lines| lines.iter().filter(heads).cloned().collect::<Vec<_>>()).collect();
    (heads.join(" "), outcome)
}

#[test]
fn runs_in_order_and_back_in_reverse() {
    use Act::*;
    for (acts, journal, status) in [
        ([Pass, Pass, Pass], "a> b> c> c<200 b<200 a<200 a#200 b#200 c#200", 200),
        ([Pass, PassLater, Pass], "a> b> c> c<200 b<200 a<200 a#200 b#200 c#200", 200),
        ([Pass, Pass, Reply], "a> b> c> b<418 a<418 a#418 b#418 c#418", 418),
        ([Pass, ReplyLater, Pass], "a> b> a<418 a#418 b#418", 418),
        ([Reply, Pass, Pass], "a> a#418", 418),
        ([Pass, Fail, Pass], "a> b> a<504 a#504 b#504", 504),
        ([Pass, FailResponse, Pass], "a> b> c> c<200 b<200 a<502 a#502 b#502 c#502", 502),
        ([FailResponse, FailResponse, Reply], "a> b> c> b<418 a<502 a#502 b#502 c#502", 502),
    ] {
        let (written, outcome) = run(acts);
        assert_eq!((written.as_str(), outcome.status()), (journal, status));
        assert_eq!(outcome.sent("X-Later") != "-", acts.contains(&PassLater) || acts.contains(&ReplyLater));
    }
}

#[test]
fn faults_name_the_middleware() {
    let (_, outcome) = run([Act::Pass, Act::Fail, Act::Pass]);
    assert_eq!(outcome.fault, Some(Fault::new(504, "middleware b: late")));
    assert_eq!(outcome.text(), "Gateway Timeouta", "the outer one sees its body");
}

#[test]
fn bodies_pass_the_links_that_passed_the_request() {
    for (acts, body) in [([Act::Pass; 3], "-cba"), ([Act::Pass, Act::Pass, Act::Reply], "-ba")] {
        let (chain, journal) = chain(acts);
        let mut state = Trial::get("/").through(&chain).state;
        if let Ok(mut journal) = journal.lock() {
            journal.clear();
        }
        let mut piece = Some(Bytes::from_static(b"-"));
        assert_eq!(chain.response_body(&mut state, &mut piece, true), Ok(()));
        assert_eq!(piece.as_deref(), Some(body.as_bytes()));
        assert_eq!(chain.request_body(&mut state, &mut None, true), Ok(()));
        let written = journal.lock().map(|lines| lines.join(" ")).unwrap_or_default();
        let expected =
            if body == "-ba" { "brtrue artrue abtrue bbtrue" } else { "crtrue brtrue artrue abtrue bbtrue cbtrue" };
        assert_eq!(written, expected);
    }
}

#[test]
fn an_empty_chain_does_nothing() {
    let outcome = Trial::get("/x").through(&Chain::default());
    assert_eq!((outcome.target().as_str(), outcome.status(), outcome.forwarded), ("/x", 200, true));
}
