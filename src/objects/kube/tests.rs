//! What no API server does when it is asked to: too many requests, a past that is gone, pages that expire, slow lists, answers
//! that are no objects. The server here answers as it is told to.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::watch as channel;
use tokio::time::timeout;
use tower_test::mock::{self, Handle};

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

type Reply = UnsyncBoxBody<bytes::Bytes, std::io::Error>;

/// What the server answers next to those who ask for a resource: the query must contain the words.
struct Answer {
    query: &'static str,
    after: Duration,
    status: u16,
    body: String,
    /// Whether the body goes on after what there is of it.
    open: bool,
}

/// An API server that answers as it is told to, and with empty lists where it isn't.
#[derive(Clone, Default)]
struct Server {
    answers: Arc<Mutex<HashMap<&'static str, VecDeque<Answer>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

// === impl Server ===

impl Server {
    fn then(self, resource: &'static str, answer: Answer) -> Self {
        self.answers.lock().unwrap().entry(resource).or_default().push_back(answer);
        self
    }

    fn client(&self) -> Client {
        let (service, handle) = mock::pair::<Request<Body>, Response<Reply>>();
        tokio::spawn(self.clone().serve(handle));
        Client::new(service, "default")
    }

    async fn serve(self, mut handle: Handle<Request<Body>, Response<Reply>>) {
        while let Some((request, reply)) = handle.next_request().await {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let resource = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
            self.asked.lock().unwrap().push(format!("{resource}?{query}"));
            let answer = self.answers.lock().unwrap().get_mut(&*resource).and_then(|answers| {
                let fits = answers.front().is_some_and(|answer| query.contains(answer.query));
                if fits { answers.pop_front() } else { None }
            });
            let answer = answer.unwrap_or_else(|| nothing(&query));
            tokio::spawn(async move {
                tokio::time::sleep(answer.after).await;
                let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>(answer.body.into())]);
                let body = match answer.open {
                    true => StreamBody::new(frames(pieces.chain(futures_util::stream::pending()))).boxed_unsync(),
                    false => StreamBody::new(frames(pieces)).boxed_unsync(),
                };
                reply.send_response(Response::builder().status(answer.status).body(body).unwrap());
            });
        }
    }

    fn asked(&self, resource: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.starts_with(&format!("{resource}?"))).cloned().collect()
    }
}

fn frames(
    pieces: impl futures_util::Stream<Item = std::io::Result<bytes::Bytes>>,
) -> impl futures_util::Stream<Item = std::io::Result<Frame<bytes::Bytes>>> {
    pieces.map(|piece| piece.map(Frame::data))
}

/// No objects: as the beginning of a watch, or as a list; a watch says nothing.
fn nothing(query: &str) -> Answer {
    match (query.contains("watch=true"), query.contains("sendInitialEvents=true")) {
        (true, true) => watch("sendInitialEvents=true", &[bookmark("1", true)]),
        (true, false) => watch("", &[]),
        _ => list("", "1", None, &[]),
    }
}

fn answer(query: &'static str, status: u16, body: Value) -> Answer {
    Answer { query, after: Duration::ZERO, status, body: body.to_string(), open: false }
}

fn failure(query: &'static str, code: u16, message: &str) -> Answer {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code});
    answer(query, code, status)
}

fn list(query: &'static str, version: &str, more: Option<&str>, items: &[Value]) -> Answer {
    let metadata = json!({"resourceVersion": version, "continue": more.unwrap_or_default()});
    answer(query, 200, json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items}))
}

/// A watch that stays open after these events.
fn watch(query: &'static str, events: &[Value]) -> Answer {
    let body = events.iter().map(|event| format!("{event}\n")).collect();
    Answer { query, after: Duration::ZERO, status: 200, body, open: true }
}

fn event(kind: &str, object: Value) -> Value {
    json!({"type": kind, "object": object})
}

fn bookmark(version: &str, ends_list: bool) -> Value {
    let annotations = if ends_list { json!({"k8s.io/initial-events-end": "true"}) } else { json!({}) };
    let metadata = json!({"resourceVersion": version, "annotations": annotations});
    event("BOOKMARK", json!({"kind": "Service", "apiVersion": "v1", "metadata": metadata}))
}

fn service(name: &str, version: &str) -> Value {
    let metadata = json!({"name": name, "namespace": "default", "resourceVersion": version});
    json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 80}]}})
}

type Snapshots = channel::Receiver<Option<Arc<Snapshot>>>;

/// Watches that server.
fn follow(server: &Server) -> (Cluster, Snapshots) {
    let (sender, snapshots) = channel::channel(None);
    let cluster = Cluster::watch(&server.client(), &Selection::default(), move |snapshot| {
        sender.send_replace(Some(snapshot));
    });
    (cluster, snapshots)
}

/// Waits until there are exactly these Services.
async fn until(snapshots: &mut Snapshots, names: &[&str]) {
    let fits = |snapshot: &Option<Arc<Snapshot>>| {
        snapshot.as_ref().is_some_and(|s| s.services.iter().map(|(_, name, _)| name).eq(names.iter().copied()))
    };
    let found = timeout(PATIENCE, snapshots.wait_for(fits)).await;
    assert!(found.is_ok(), "never {names:?}");
}

const STREAMED: &str = "sendInitialEvents=true";

#[tokio::test]
async fn a_past_that_is_gone_is_read_again() {
    let gone = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "too old", "reason": "Expired", "code": 410});
    let server = Server::default()
        .then(
            "services",
            watch(STREAMED, &[event("ADDED", service("a", "5")), bookmark("5", true), event("ERROR", gone)]),
        )
        // What was deleted meanwhile is not told, it is only missing.
        .then("services", watch(STREAMED, &[event("ADDED", service("b", "9")), bookmark("9", true)]));
    let (cluster, mut snapshots) = follow(&server);
    until(&mut snapshots, &["b"]).await;
    let health = cluster.health().borrow().clone();
    let services = health.iter().find(|health| &*health.resource == "services").unwrap();
    assert_eq!((services.lists, services.objects, &services.state), (2, 1, &State::Watching));
}

#[tokio::test]
async fn a_past_that_is_refused_is_read_again() {
    let ended = Answer { open: false, ..watch(STREAMED, &[event("ADDED", service("a", "5")), bookmark("5", true)]) };
    let server = Server::default()
        .then("services", ended)
        .then("services", failure("resourceVersion=5", 410, "too old resource version"))
        .then("services", watch(STREAMED, &[event("ADDED", service("b", "9")), bookmark("9", true)]));
    until(&mut follow(&server).1, &["b"]).await;
}

#[tokio::test]
async fn a_server_with_too_much_to_do_is_waited_for() {
    let mut server = Server::default();
    for _ in 0..4 {
        server = server.then("services", failure(STREAMED, 429, "too many requests"));
    }
    let server = server.then("services", watch(STREAMED, &[event("ADDED", service("a", "5")), bookmark("5", true)]));
    let (cluster, mut snapshots) = follow(&server);
    let mut health = cluster.health();
    let failing =
        |all: &Arc<[Health]>| all.iter().any(|h| matches!(&h.state, State::Failing(why) if why.contains("429")));
    assert!(timeout(PATIENCE, health.wait_for(failing)).await.is_ok());
    assert!(snapshots.borrow().is_none(), "nothing is handed over before every kind was read");
    until(&mut snapshots, &["a"]).await;
}

#[tokio::test]
async fn pages_that_expire_are_read_from_the_first() {
    let server = Server::default()
        .then("services", failure(STREAMED, 422, "sendInitialEvents is forbidden for watch"))
        .then("services", list("limit=500", "5", Some("page-2"), &[service("a", "3")]))
        .then("services", failure("continue=page-2", 410, "the provided continue parameter is too old"))
        .then("services", list("limit=500", "7", Some("page-2"), &[service("b", "6")]))
        .then("services", list("continue=page-2", "7", None, &[service("c", "6")]));
    let (_cluster, mut snapshots) = follow(&server);
    until(&mut snapshots, &["b", "c"]).await;
    let watches = server.asked("services").iter().filter(|asked| asked.contains("resourceVersion=7")).count();
    assert!(watches <= 1, "{:?}", server.asked("services"));
}

#[tokio::test(start_paused = true)]
async fn servers_that_do_not_know_streamed_lists_are_asked_for_pages() {
    // They take it for a watch, and never say that all was sent.
    let old = watch(STREAMED, &[event("ADDED", service("a", "5"))]);
    let server =
        Server::default().then("services", old).then("services", list("limit=500", "5", None, &[service("a", "5")]));
    until(&mut follow(&server).1, &["a"]).await;
}

#[tokio::test(start_paused = true)]
async fn slow_lists_are_waited_for() {
    let slow = Answer { after: Duration::from_secs(25), ..list("limit=500", "5", None, &[service("a", "5")]) };
    let server = Server::default().then("services", failure(STREAMED, 400, "unknown")).then("services", slow);
    until(&mut follow(&server).1, &["a"]).await;
}

#[tokio::test]
async fn what_is_no_object_stops_nobody() {
    let mut bad = service("bad", "6");
    bad["spec"]["ports"] = "eighty".into();
    let server = Server::default().then(
        "services",
        watch(
            STREAMED,
            &[
                event("ADDED", bad.clone()),
                event("ADDED", service("good", "5")),
                bookmark("6", true),
                event("MODIFIED", json!({"metadata": {"resourceVersion": "7"}})),
                event("ADDED", service("later", "8")),
            ],
        ),
    );
    let (_cluster, mut snapshots) = follow(&server);
    until(&mut snapshots, &["good", "later"]).await;
    let findings = snapshots.borrow().as_ref().unwrap().all_findings();
    assert!(findings.iter().any(|f| f.object.name == "bad" && f.path == "spec.ports"), "{findings:?}");
}
