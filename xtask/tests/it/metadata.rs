//! The dependency graph, as cargo sees it on this machine.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Packages and their edges.
pub struct Graph {
    /// Every package, by cargo's id.
    pub packages: BTreeMap<String, Package>,
    /// Ids of the packages that are ours.
    pub members: BTreeSet<String>,
    /// For each id, the ids that it needs to be built and run (dev-dependencies left out).
    needs: BTreeMap<String, BTreeSet<String>>,
}

/// One package.
pub struct Package {
    pub name: String,
    pub version: String,
    pub license: String,
    /// `None` for a package of this workspace.
    pub source: Option<String>,
    /// Direct dependencies: name and kind (`normal`, `dev`, `build`).
    pub dependencies: Vec<(String, String)>,
}

impl Graph {
    /// Asks cargo, without network, for the graph of this machine's platform.
    pub fn load() -> Graph {
        let host = run(Command::new("rustc").arg("-vV"));
        let host = host.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let text = run(Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", host])
            .current_dir(evenhand_testkit::root()));
        Graph::of(&serde_json::from_str(&text).expect("cargo metadata prints JSON"))
    }

    fn of(metadata: &Value) -> Graph {
        let packages = list(&metadata["packages"])
            .map(|package| (text(&package["id"]), Package::of(package)))
            .collect::<BTreeMap<_, _>>();
        let members = list(&metadata["workspace_members"]).map(text).collect();
        let needs = list(&metadata["resolve"]["nodes"])
            .map(|node| {
                let needed = list(&node["deps"])
                    .filter(|dep| list(&dep["dep_kinds"]).any(|kind| kind["kind"] != "dev"))
                    .map(|dep| text(&dep["pkg"]));
                (text(&node["id"]), needed.collect())
            })
            .collect();
        Graph { packages, members, needs }
    }

    /// Names of everything that `name` is built from, at any depth.
    pub fn tree(&self, name: &str) -> BTreeSet<&str> {
        let start = self.members.iter().find(|id| self.packages[*id].name == name).expect("a crate of ours");
        let mut seen = BTreeSet::new();
        let mut open = vec![start];
        while let Some(id) = open.pop() {
            for next in &self.needs[id] {
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        seen.into_iter().map(|id| self.packages[id].name.as_str()).collect()
    }
}

impl Package {
    fn of(package: &Value) -> Package {
        let dependencies = list(&package["dependencies"])
            .map(|dep| (text(&dep["name"]), dep["kind"].as_str().unwrap_or("normal").to_owned()))
            .collect();
        Package {
            name: text(&package["name"]),
            version: text(&package["version"]),
            license: package["license"].as_str().unwrap_or_default().to_owned(),
            source: package["source"].as_str().map(str::to_owned),
            dependencies,
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("the toolchain runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the toolchain prints UTF-8")
}
