//! Who may use whom.

use crate::metadata::Graph;
use std::collections::{BTreeMap, BTreeSet};

/// Each crate and the crates of ours that it uses: the whole list, as ARCHITECTURE.md prints it.
const EDGES: &[(&str, &[&str])] = &[
    ("vocab", &[]),
    ("ledger", &[]),
    ("panel", &[]),
    ("linalg", &[]),
    ("estimate", &["panel", "linalg"]),
    ("workbook", &[]),
    ("ingest", &["vocab", "ledger", "workbook"]),
    ("derive", &["ledger"]),
    ("places", &["vocab", "ledger"]),
    ("store", &["vocab", "ledger"]),
    ("query", &["store"]),
    ("docket", &["vocab"]),
    ("measure", &["vocab", "ledger", "store", "places", "panel"]),
    ("verdict", &["vocab", "docket", "measure", "estimate"]),
    ("render", &["verdict", "docket"]),
    ("simulate", &[]),
    ("fetch", &["ledger"]),
    ("testkit", &[]),
];

/// What the nouns, the estimators and the claim language must build without.
const HEAVY: &[&str] = &["arrow", "parquet", "datafusion", "tokio"];

#[test]
fn internal_edges_are_exactly_the_table() {
    let graph = Graph::load();
    let allowed: BTreeMap<String, BTreeSet<String>> = EDGES
        .iter()
        .map(|(name, uses)| {
            (format!("evenhand-{name}"), uses.iter().map(|to| format!("evenhand-{to}")).collect())
        })
        .collect();
    for id in &graph.members {
        let package = &graph.packages[id];
        let uses = |kinds: &[&str]| -> BTreeSet<String> {
            let ours = package.dependencies.iter().filter(|(name, _)| name.starts_with("evenhand-"));
            ours.filter(|(_, kind)| kinds.contains(&kind.as_str())).map(|(name, _)| name.clone()).collect()
        };
        match allowed.get(&package.name) {
            Some(expected) => {
                assert_eq!(&uses(&["normal", "build"]), expected, "{} uses other crates", package.name)
            }
            None => assert!(
                ["evenhand", "xtask"].contains(&package.name.as_str()),
                "{} is not in the table",
                package.name
            ),
        }
        // A test may use what its crate stands on anyway, and nothing that stands on its crate.
        let below = graph.tree(&package.name);
        let for_tests = uses(&["dev"]);
        let fits = |name: &String| name == "evenhand-testkit" || below.contains(name.as_str());
        assert!(for_tests.iter().all(fits), "{} tests with {for_tests:?}", package.name);
    }
}

#[test]
fn only_query_names_the_query_engine() {
    let graph = Graph::load();
    for id in &graph.members {
        let package = &graph.packages[id];
        let engine = |name: &str| name.starts_with("datafusion") || name == "tokio";
        let named = package.dependencies.iter().any(|(name, _)| engine(name));
        assert_eq!(named, package.name == "evenhand-query", "{}", package.name);
    }
}

#[test]
fn only_fetch_names_what_reaches_the_network() {
    let graph = Graph::load();
    for id in &graph.members {
        let package = &graph.packages[id];
        let reaches = |name: &str| ["ureq", "rustls", "hyper", "reqwest", "curl"].contains(&name);
        let named = package.dependencies.iter().any(|(name, _)| reaches(name));
        assert_eq!(named, package.name == "evenhand-fetch", "{}", package.name);
    }
    for name in ["ingest", "measure", "query", "render", "store", "verdict"] {
        assert!(!graph.tree(&format!("evenhand-{name}")).contains("ureq"), "{name}");
    }
}

#[test]
fn nouns_estimators_and_claims_build_without_the_engine() {
    let graph = Graph::load();
    for name in ["panel", "estimate", "docket", "vocab"] {
        let tree = graph.tree(&format!("evenhand-{name}"));
        let heavy = |found: &&&str| {
            HEAVY.iter().any(|word| **found == *word || found.starts_with(&format!("{word}-")))
        };
        assert_eq!(tree.iter().find(heavy), None, "{name}");
    }
}

#[test]
fn chores_never_link_the_query_engine() {
    assert!(!Graph::load().tree("xtask").contains("datafusion"));
}
