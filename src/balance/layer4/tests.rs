//! Who gets the next connection: turns, weights, and servers that don't answer.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::balance::Resolved;
use crate::balance::resolved::Named;

fn pool(ports: &[u16]) -> Arc<Service<()>> {
    let members = ports.iter().map(|port| Member::parse(&format!("127.0.0.1:{port}"), false).unwrap());
    let servers = Servers::new(members.collect(), Arc::new(()), Arc::default());
    Arc::new(Service::Pool(Pool::new(Arc::new(servers), None)))
}

fn weighted(children: &[(&Arc<Service<()>>, i64)]) -> Service<()> {
    let children = children.iter().map(|(child, weight)| ((*child).clone(), *weight)).collect();
    Service::Weighted(Weighted::new(children, None))
}

fn ports(service: &Service<()>, n: usize) -> Vec<u16> {
    (0..n).map(|_| service.pick(&[]).unwrap().address.port()).collect()
}

#[test]
fn servers_take_turns() {
    assert_eq!(ports(&pool(&[1, 2, 3]), 6), [1, 2, 3, 1, 2, 3]);
    assert!(pool(&[]).pick(&[]).is_none());
}

#[test]
fn children_have_weights() {
    let (a, b, never) = (pool(&[1]), pool(&[2]), pool(&[3]));
    assert_eq!(ports(&weighted(&[(&a, 3), (&b, 1), (&never, 0)]), 8), [1, 1, 1, 2, 1, 1, 1, 2]);
    assert!(weighted(&[(&never, 0)]).pick(&[]).is_none());
    assert!(weighted(&[]).pick(&[]).is_none());
}

#[test]
fn who_did_not_answer_comes_last_for_a_while() {
    let service = pool(&[1, 2]);
    let dead = service.pick(&[]).unwrap();
    assert_eq!(dead.address.port(), 1);
    dead.failed();
    assert_eq!(ports(&service, 4), [2; 4]);
    // But is still better than nobody.
    assert_eq!(service.pick(&["127.0.0.1:2".parse().unwrap()]).unwrap().address.port(), 1);
    dead.answered();
    assert!(ports(&service, 4).contains(&1));
    let all = ["127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap()];
    assert!(service.pick(&all).is_none());
}

#[test]
fn other_children_stand_in_for_one_whose_servers_are_down() {
    let (a, b, empty) = (pool(&[1]), pool(&[2]), pool(&[]));
    let service = weighted(&[(&a, 1), (&b, 1), (&empty, 1)]);
    a.pick(&[]).unwrap().failed();
    assert_eq!(ports(&service, 6), [2; 6]);
    let unused = pool(&[3]);
    let service = weighted(&[(&a, 1), (&unused, 0)]);
    assert_eq!(ports(&service, 2), [1; 2], "a weight of 0 stays 0");
}

#[test]
fn takes_addresses_apart() {
    for (address, host, port) in
        [("10.0.0.1:80", "10.0.0.1", 80), ("[fd00::1]:53", "fd00::1", 53), ("db.example:5432", "db.example", 5432)]
    {
        let member = Member::parse(address, true).unwrap();
        assert_eq!((member.host.as_str(), member.port, member.tls), (host, port, true), "{address}");
    }
    for address in ["", "a", ":80", "a:b", "a:70000"] {
        assert!(Member::parse(address, false).is_err(), "{address}");
    }
}

#[tokio::test]
async fn finds_names() {
    let resolved = Arc::new(Resolved::default());
    let member = Member::parse("localhost:80", false).unwrap();
    let servers = Arc::new(Servers::new(vec![member], Arc::new(()), resolved.clone()));
    let service = Service::Pool(Pool::new(servers.clone(), None));
    assert!(service.pick(&[]).is_none());
    assert!(resolved.look_up(servers.names().iter().cloned().collect()).await.is_empty());
    servers.refresh();
    assert_eq!(&*service.pick(&[]).unwrap().host, "localhost");
}
