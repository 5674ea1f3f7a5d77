//! What the program is made of, held to `deny.toml` on machines without cargo-deny.

use crate::metadata::{Graph, Package};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn every_licence_is_on_the_list() {
    let deny = deny();
    let allowed =
        deny["licenses"]["allow"].as_array().expect("a list").iter().filter_map(|name| name.as_str());
    let allowed = allowed.collect::<BTreeSet<_>>();
    for package in outside(&Graph::load()) {
        let words = words_of(&package.license);
        let mut rest = words.as_slice();
        let permits = either(&mut rest, &allowed);
        assert!(permits && rest.is_empty(), "{} {}: `{}`", package.name, package.version, package.license);
    }
}

#[test]
fn every_crate_comes_from_the_one_registry() {
    let deny = deny();
    let registries = deny["sources"]["allow-registry"].as_array().expect("a list");
    let registries = registries.iter().filter_map(|address| address.as_str()).collect::<Vec<_>>();
    for package in outside(&Graph::load()) {
        let source = package.source.as_deref().unwrap_or_default();
        let known = source.strip_prefix("registry+").is_some_and(|address| registries.contains(&address));
        assert!(known, "{} {} comes from `{source}`", package.name, package.version);
    }
}

#[test]
fn one_version_of_each_reader_of_outside_bytes() {
    let deny = deny();
    let graph = Graph::load();
    let mut versions = BTreeMap::<&str, BTreeSet<&str>>::new();
    for package in outside(&graph) {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    for ban in deny["bans"]["deny"].as_array().expect("a list") {
        let name = ban["crate"].as_str().expect("a name");
        let found = versions.get(name).map_or(0, BTreeSet::len);
        assert!(found <= 1, "{name} comes in {found} versions: {:?}", versions[name]);
    }
}

#[test]
fn licence_expressions_are_read_as_written() {
    let allowed = BTreeSet::from(["MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"]);
    for (text, expected) in [
        ("MIT", true),
        ("MIT/GPL-3.0", true),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("(GPL-3.0 OR MIT) AND Zlib", true),
        ("MIT OR Zlib AND GPL-3.0", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
        ("", false),
    ] {
        let words = words_of(text);
        assert_eq!(either(&mut words.as_slice(), &allowed), expected, "{text}");
    }
}

fn deny() -> toml::Table {
    let text =
        std::fs::read_to_string(evenhand_testkit::root().join("deny.toml")).expect("deny.toml is here");
    text.parse().expect("deny.toml is TOML")
}

fn outside(graph: &Graph) -> impl Iterator<Item = &Package> {
    graph.packages.values().filter(|package| package.source.is_some())
}

/// `(MIT OR Zlib)` as words, with `WITH` joined to its neighbours and the old `/` read as `OR`.
fn words_of(license: &str) -> Vec<String> {
    let spaced = license
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace(" WITH ", "\u{1}WITH\u{1}");
    spaced.split_whitespace().map(|word| word.replace('\u{1}', " ")).collect()
}

fn either(words: &mut &[String], allowed: &BTreeSet<&str>) -> bool {
    let mut permits = both(words, allowed);
    while take(words, "OR") {
        permits |= both(words, allowed);
    }
    permits
}

fn both(words: &mut &[String], allowed: &BTreeSet<&str>) -> bool {
    let mut permits = one(words, allowed);
    while take(words, "AND") {
        permits &= one(words, allowed);
    }
    permits
}

fn one(words: &mut &[String], allowed: &BTreeSet<&str>) -> bool {
    if take(words, "(") {
        let permits = either(words, allowed);
        return take(words, ")") && permits;
    }
    let Some((first, rest)) = words.split_first() else { return false };
    *words = rest;
    allowed.contains(first.as_str())
}

fn take(words: &mut &[String], word: &str) -> bool {
    let Some((first, rest)) = words.split_first() else { return false };
    if first != word {
        return false;
    }
    *words = rest;
    true
}
