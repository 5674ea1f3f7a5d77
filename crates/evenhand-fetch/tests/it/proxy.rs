//! Proxies that the environment names.

use crate::kit::{Kit, TAG, body};
use evenhand_fetch::{ErrorKind, Proxies};
use evenhand_testkit::web::{Act, Server, answer, serve};

fn through(proxy: &Server, without: &'static str) -> Proxies {
    let address = format!("http://{}", proxy.address());
    Proxies::of(|name| match name {
        "http_proxy" => Some(address.clone()),
        "no_proxy" => Some(without.to_owned()),
        _ => None,
    })
}

#[test]
fn a_proxy_is_used_for_hosts_that_only_it_knows() {
    let proxy = Server::start(|asked| match asked.method.as_str() {
        "CONNECT" => vec![Act::Tunnel],
        _ => serve(asked, &body(), TAG),
    });
    let mut kit = Kit::at("http://publisher.invalid/arrests.csv").published(&body());
    kit.options.proxies = through(&proxy, "");
    kit.brings(&body());
    let asked = proxy.asked();
    assert_eq!((asked[0].method.as_str(), asked[0].path.as_str()), ("CONNECT", "publisher.invalid:80"));
    assert_eq!(asked[1].path, "/arrests.csv");
}

#[test]
fn no_proxy_goes_without() {
    let proxy = Server::start(|_| answer("403 Forbidden", &[], b""));
    let server = Server::start(|asked| serve(asked, &body(), TAG));
    let mut kit = Kit::new(&server);
    kit.options.proxies = through(&proxy, "localhost,127.0.0.1");
    kit.brings(&body());
    assert!(proxy.asked().is_empty());
}

#[test]
fn a_proxy_that_refuses_is_named() {
    let proxy = Server::start(|_| answer("407 Proxy Authentication Required", &[], b""));
    let mut kit = Kit::at("http://publisher.invalid/arrests.csv");
    kit.options.proxies = through(&proxy, "");
    let error = kit.run().expect_err("the next file would meet it too");
    assert_eq!(error.kind(), ErrorKind::Proxy);
    assert!(error.to_string().contains("407"), "{error}");
}
