//! Pools choose servers: turns, cookies, names, and what happens when servers come and go.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue, header};

use super::super::Service;
use super::super::server::Location;
use super::super::view::Strategy;
use super::*;
use crate::dynamic::http::{Cookie, ServersTransport};

const STICKY: Needs = Needs { strategy: Strategy::RoundRobin, sticky: true };

fn members(urls: &[(&str, bool)], resolved: &Arc<Resolved>) -> Members {
    let member =
        |(url, fenced): &(&str, bool)| Member { location: Location::parse(url).unwrap(), weight: 1, fenced: *fenced };
    Members {
        members: urls.iter().map(member).collect(),
        transport: Arc::new(Transport::new(&ServersTransport::default()).unwrap()),
        pass_host_header: true,
        resolved: resolved.clone(),
    }
}

fn service(urls: &[(&str, bool)], needs: Needs, old: Option<&Arc<Service>>) -> Arc<Service> {
    let old = old.and_then(|old| old.pool());
    let membership = Membership::new(members(urls, &Arc::default()), needs, None, old.map(|old| &**old.membership()));
    let cookie = Cookie { name: "c".to_owned(), ..Cookie::default() };
    let sticky = needs.sticky.then(|| Sticky::new(&cookie, "s"));
    Arc::new(Service::Pool(Pool::new(membership, sticky, None)))
}

fn choose(service: &Arc<Service>, cookie: Option<&str>) -> Choice {
    let mut headers = HeaderMap::new();
    headers.extend(cookie.map(|c| (header::COOKIE, HeaderValue::from_str(c).unwrap())));
    let mut choice = Choice::default();
    service.choose(&Asker { headers: &headers, client: [127, 0, 0, 1].into() }, &mut choice);
    choice
}

fn url(choice: &Choice) -> &str {
    choice.server.as_ref().map_or("", |server| &server.url)
}

/// The cookie that a response sets, as the next request has it.
fn set(choice: &Choice) -> Option<String> {
    assert!(choice.cookies.len() <= 1, "{choice:?}");
    let cookie = choice.cookies.first()?.to_str().unwrap();
    Some(cookie.split(';').next().unwrap().to_owned())
}

#[test]
fn takes_turns_and_leaves_out_the_fenced() {
    let urls = [("http://127.0.0.1:1", false), ("http://127.0.0.1:2", true), ("http://127.0.0.1:3", false)];
    let service = service(&urls, Needs::default(), None);
    let picked: Vec<String> = (0..6).map(|_| url(&choose(&service, None)).to_owned()).collect();
    assert_eq!(picked.iter().filter(|u| u.ends_with(":2")).count(), 0);
    assert!(picked.iter().any(|u| u.ends_with(":1")) && picked.iter().any(|u| u.ends_with(":3")));
}

#[test]
fn has_nobody_where_all_are_fenced_or_none_is() {
    assert!(choose(&service(&[], Needs::default(), None), None).server.is_none());
    assert!(choose(&service(&[("http://127.0.0.1:1", true)], Needs::default(), None), None).server.is_none());
}

#[test]
fn clients_stay_where_their_cookie_says() {
    let urls = [("http://127.0.0.1:1", false), ("http://127.0.0.1:2", false)];
    let before = service(&urls, STICKY, None);
    let first = choose(&before, None);
    let (place, cookie) = (url(&first).to_owned(), set(&first).unwrap());
    assert!(cookie.starts_with("c=") && cookie.len() == 18, "{cookie}");
    for _ in 0..3 {
        let again = choose(&before, Some(&cookie));
        assert_eq!((url(&again), set(&again)), (place.as_str(), None));
    }
    // The form of Traefik 2.3 is read, and written anew.
    let raw = choose(&before, Some(&format!("x=y; c={place}")));
    assert_eq!((url(&raw), set(&raw)), (place.as_str(), Some(cookie.clone())));

    // A terminating server keeps its clients, and gets no others.
    let fenced = urls.map(|(url, _)| (url, url == place));
    let after = service(&fenced, STICKY, Some(&before));
    assert_eq!(url(&choose(&after, Some(&cookie))), place);
    for _ in 0..3 {
        assert_ne!(url(&choose(&after, None)), place);
    }
    // One that is gone is replaced, and the client told.
    let left: Vec<_> = urls.into_iter().filter(|(url, _)| *url != place).collect();
    let moved = choose(&service(&left, STICKY, Some(&after)), Some(&cookie));
    assert_ne!(url(&moved), place);
    assert_ne!(set(&moved).unwrap(), cookie);
}

#[test]
fn another_server_is_one_that_was_not_tried() {
    let urls = [("http://127.0.0.1:1", false), ("http://127.0.0.1:2", false), ("http://127.0.0.1:3", true)];
    let pool = service(&urls, STICKY, None);
    let mut choice = choose(&pool, None);
    let (first, cookie) = (url(&choice).to_owned(), set(&choice));
    assert!(choice.choose_another());
    assert_ne!(url(&choice), first);
    assert!(set(&choice).is_some() && set(&choice) != cookie, "the client is told of its last place only");
    let second = url(&choice).to_owned();
    assert!(!choice.choose_another());
    assert_eq!(url(&choice), second);
    // Not even for a client that sticks to a terminating one.
    let mut choice = choose(&pool, Some("c=http://127.0.0.1:3"));
    assert_eq!(url(&choice), "http://127.0.0.1:3");
    assert!(choice.choose_another() && choice.choose_another() && !choice.choose_another());
}

#[test]
fn loads_survive_changes() {
    let needs = Needs { strategy: Strategy::TwoChoices, sticky: false };
    let urls = [("http://127.0.0.1:1", false), ("http://127.0.0.1:2", false)];
    let before = service(&urls, needs, None);
    let busy: Vec<Choice> = (0..10).map(|_| choose(&before, None)).collect();
    let mut at: BTreeMap<&str, usize> = BTreeMap::new();
    busy.iter().for_each(|choice| *at.entry(url(choice)).or_default() += 1);
    assert_eq!(at.values().copied().collect::<Vec<_>>(), [5, 5], "the less busy one is picked");
    // The one that comes has nothing to do: it gets the next ones.
    let after = service(&[urls[0], ("http://127.0.0.1:3", false)], needs, Some(&before));
    let next: Vec<Choice> = (0..5).map(|_| choose(&after, None)).collect();
    assert!(next.iter().all(|choice| url(choice) == "http://127.0.0.1:3"), "{next:?}");
    drop(busy);
    let idle = choose(&after, None);
    assert_eq!(url(&idle), "http://127.0.0.1:1");
}

#[tokio::test]
async fn finds_names() {
    let resolved = Arc::new(Resolved::default());
    let pool = |urls: &[(&str, bool)]| {
        let membership = Membership::new(members(urls, &resolved), Needs::default(), None, None);
        Arc::new(Service::Pool(Pool::new(membership, None, None)))
    };
    let authority = |service: &Arc<Service>| Some(choose(service, None).server?.authority.clone());
    let first = pool(&[("http://localhost:80", false)]);
    assert!(authority(&first).is_none());
    let membership = first.pool().unwrap().membership();
    assert!(resolved.look_up(membership.names().iter().cloned().collect()).await.is_empty());
    membership.refresh();
    assert_eq!(authority(&first).unwrap(), "localhost:80");
    // A pool that comes later begins with what is known; a name that isn't found keeps nobody else from serving.
    let later = pool(&[("http://localhost:80", true), ("http://gone.invalid:80", false)]);
    assert!(authority(&later).is_none() && later.pool().unwrap().membership().names().len() == 2);
    let later = pool(&[("http://localhost:80", false), ("http://gone.invalid:80", false)]);
    assert_eq!(authority(&later).unwrap(), "localhost:80");
}
