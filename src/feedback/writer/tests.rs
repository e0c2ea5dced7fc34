//! The writers against an API server that is no more than a list of what it was asked, and answers as it is told.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::*;
use crate::diagnostic::Diagnostic;
use crate::feedback::fixture::{error, route, served};
use crate::observe::Written;

/// `PATCH /apis/…/r1/status`, and what is answered: a code and a body.
type Answer = dyn Fn(&str, &[Asked]) -> Option<(u16, Value)> + Send + Sync;

/// A request to the API server.
#[derive(Debug, Clone)]
struct Asked {
    request: String,
    body: Value,
    at: Instant,
}

/// What was asked so far.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Asked>>>);

impl Log {
    fn all(&self, words: &str) -> Vec<Asked> {
        let log = self.0.lock().unwrap();
        log.iter().filter(|asked| asked.request.contains(words)).cloned().collect()
    }

    async fn until(&self, words: &str, n: usize) -> Vec<Asked> {
        let start = Instant::now();
        loop {
            let found = self.all(words);
            if found.len() >= n {
                return found;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{words}: {found:#?} in {:#?}", self.0.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// An API server with a status for IngressRoutes; `answer` comes before what it would say otherwise.
fn server(answer: impl Fn(&str, &[Asked]) -> Option<(u16, Value)> + Send + Sync + 'static) -> (Client, Log) {
    let (log, answer): (Log, Arc<Answer>) = (Log::default(), Arc::new(answer));
    let asked = log.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (log, answer) = (asked.clone(), answer.clone());
        async move {
            let line = format!("{} {}", request.method(), request.uri());
            let method = request.method().clone();
            let body = request.into_body().collect_bytes().await.unwrap_or_default();
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            let before = log.0.lock().unwrap().clone();
            log.0.lock().unwrap().push(Asked { request: line.clone(), body: body.clone(), at: Instant::now() });
            let (code, value) = answer(&line, &before).unwrap_or_else(|| usual(&method, &line, body));
            let text = match code {
                200..300 => value,
                _ => {
                    let reason = if code == 404 { "NotFound" } else { "" };
                    json!({"kind": "Status", "apiVersion": "v1", "code": code, "message": value, "reason": reason})
                }
            };
            let response = Response::builder().status(code).body(Body::from(serde_json::to_vec(&text).unwrap()));
            Ok::<_, Infallible>(response.unwrap())
        }
    });
    (Client::new(service, "default"), log)
}

fn usual(method: &Method, line: &str, body: Value) -> (u16, Value) {
    let resource =
        |name: &str| json!({"name": name, "singularName": "", "namespaced": true, "kind": "IngressRoute", "verbs": []});
    match line {
        "GET /apis/traefik.io/v1alpha1" => {
            let resources = [resource("ingressroutes"), resource("ingressroutes/status")];
            (200, json!({"kind": "APIResourceList", "groupVersion": "traefik.io/v1alpha1", "resources": resources}))
        }
        _ if line.starts_with("GET /apis/traefik.io/v1alpha1/ingressroutes?") => {
            (200, json!({"kind": "IngressRouteList", "apiVersion": "traefik.io/v1alpha1", "metadata": {}, "items": []}))
        }
        _ if *method == Method::GET => (404, "not found".into()),
        _ => (200, body),
    }
}

/// Runs the writers beside a test.
async fn beside(client: Client, feedback: Feedback, test: impl Future<Output = ()>) {
    let settings = Settings {
        status: true,
        events: true,
        lease_name: "ingora".into(),
        lease_namespace: None,
        namespaces: Vec::new(),
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let writers = run(feedback, settings, client, async {
        let _ = stopped.await;
    });
    tokio::join!(writers, async {
        test.await;
        let _ = stop.send(());
    });
}

fn missing(name: &str) -> Diagnostic {
    error("ServiceNotFound", "IngressRoute", name, "no s")
}

#[tokio::test]
async fn many_are_written_at_a_rate_and_the_bad_ones_first() {
    let (client, log) = server(|_, _| None);
    let feedback = Feedback::new(Arc::<Written>::default());
    let names: Vec<String> = (0..40).map(|i| format!("r{i:02}")).collect();
    let serving: Vec<_> = names.iter().filter(|n| *n != "r30").map(|n| (n.as_str(), 1)).collect();
    feedback.served(served(names.iter().map(|n| route(n, &["a"])), &[missing("r30")], &serving));
    beside(client, feedback.clone(), async {
        let written = log.until("/status?", 40).await;
        assert!(written[0].request.contains("/ingressroutes/r30/status?"), "{:?}", written[0]);
        assert!(written[0].request.contains("fieldManager=ingora"), "{:?}", written[0]);
        assert_eq!(written[0].body["metadata"]["uid"], "IngressRoute-r30");
        assert_eq!(written[0].body["status"]["conditions"][1]["status"], "False");
        let took = written[39].at - written[0].at;
        assert!(took >= Duration::from_millis(39 * 20 - 20), "{took:?} for 40");
        log.until("POST /apis/events.k8s.io/v1/namespaces/default/events?", 1).await;
        // The same again is nothing new; something else is one write.
        feedback.served(served(names.iter().map(|n| route(n, &["a"])), &[missing("r30")], &serving));
        let fewer: Vec<_> = serving.iter().copied().filter(|(name, _)| *name != "r07").collect();
        tokio::time::sleep(HOLD_OFF * 2).await;
        feedback.served(served(names.iter().map(|n| route(n, &["a"])), &[missing("r30")], &fewer));
        let written = log.until("/status?", 41).await;
        assert!(written[40].request.contains("/r07/"), "{:?}", written[40]);
        tokio::time::sleep(HOLD_OFF * 2).await;
        assert_eq!(log.all("/status?").len(), 41);
    })
    .await;
    let lease = log.all("/leases").pop().unwrap();
    assert_eq!((lease.body["spec"]["holderIdentity"].as_str(), lease.request.starts_with("PUT")), (Some(""), true));
}

#[tokio::test]
async fn a_busy_server_is_asked_again_later_and_the_rest_waits() {
    let (client, log) = server(|line, before| {
        let tries = before.iter().filter(|a| a.request.contains("/status?")).count();
        (line.contains("/status?") && tries < 2).then(|| (503, "busy".into()))
    });
    let feedback = Feedback::new(Arc::<Written>::default());
    feedback.served(served([route("a", &["a"]), route("b", &["a"])], &[], &[("a", 1), ("b", 1)]));
    beside(client, feedback, async {
        let tries = log.until("/status?", 4).await;
        let names: Vec<_> = tries.iter().map(|a| a.body["metadata"]["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["a", "a", "a", "b"]);
        let waits: Vec<_> = tries.windows(2).map(|pair| (pair[1].at - pair[0].at).as_millis()).collect();
        assert!(waits[0] >= 1000 && waits[1] >= 2000 && waits[2] < 1000, "{waits:?}");
    })
    .await;
}

#[tokio::test]
async fn what_is_refused_or_gone_holds_nobody_up() {
    let (client, log) = server(|line, _| match () {
        () if line.contains("/a/status?") => Some((422, "no".into())),
        () if line.contains("/b/status?") => Some((404, "gone".into())),
        () if line.starts_with("POST /apis/events.k8s.io") => Some((422, "no".into())),
        () => None,
    });
    let written = Arc::<Written>::default();
    let feedback = Feedback::new(written.clone());
    let routes = || ["a", "b", "c"].map(|name| route(name, &["a"]));
    let serving = [("a", 1), ("b", 1), ("c", 1)];
    feedback.served(served(routes(), &[missing("c")], &serving));
    beside(client, feedback.clone(), async {
        log.until("/c/status?", 1).await;
        log.until("/b/status?", 1).await;
        log.until("POST /apis/events.k8s.io", 1).await;
        feedback.served(served(routes(), &[missing("c")], &serving));
        tokio::time::sleep(HOLD_OFF * 2).await;
        assert_eq!(log.all("/status?").len(), 3, "{:#?}", log.all("/status?"));
        assert_eq!(log.all("POST /apis/events.k8s.io").len(), 1);
    })
    .await;
    assert_eq!(written.statuses.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test]
async fn without_the_lease_nothing_is_written() {
    let somebody = json!({
        "metadata": {"name": "ingora", "resourceVersion": "1"},
        "spec": {"holderIdentity": "somebody", "leaseDurationSeconds": 15},
    });
    let (client, log) =
        server(move |line, _| line.starts_with("GET /apis/coordination").then(|| (200, somebody.clone())));
    let feedback = Feedback::new(Arc::<Written>::default());
    feedback.served(served([route("a", &["a"])], &[missing("a")], &[]));
    beside(client, feedback, async {
        log.until("/leases/ingora", 2).await;
        assert_eq!(log.all("PATCH").len() + log.all("POST").len() + log.all("PUT").len(), 0);
    })
    .await;
}
