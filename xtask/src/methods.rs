//! One page a method, made from the header of its file, so that the two cannot drift.
//!
//! A page exists for every public function of the estimation library that is called like its file: the module's
//! `//!` lines are the page's text, the function's `///` lines say how it is called.

use crate::root;
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// `cargo xtask methods`.
pub fn run(check: bool) -> Result<()> {
    let pages = pages()?;
    if pages.is_empty() {
        bail!("no method found below crates/evenhand-estimate/src");
    }
    let folder = root().join("docs/methods");
    let kept = kept(&folder)?;
    if check {
        let names = pages.keys().chain(kept.keys());
        let differ = names.filter(|name| pages.get(*name) != kept.get(*name)).collect::<Vec<_>>();
        if let Some(name) = differ.first() {
            bail!("docs/methods/{name} is not what its source says; run `cargo xtask methods`");
        }
        println!("{} pages, each as its source says", pages.len());
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    for name in kept.keys().filter(|name| !pages.contains_key(*name)) {
        fs::remove_file(folder.join(name))?;
    }
    for (name, text) in &pages {
        fs::write(folder.join(name), text)?;
    }
    println!("{} pages in docs/methods", pages.len());
    Ok(())
}

fn pages() -> Result<BTreeMap<String, String>> {
    let source = root().join("crates/evenhand-estimate/src");
    let mut pages = BTreeMap::new();
    let mut titles = Vec::new();
    for file in rust_files(&source)? {
        let text = fs::read_to_string(&file)?;
        let Some(name) = module(&file) else { continue };
        let Some(function) = documented(&text, &name) else { continue };
        let header = header(&text);
        if header.is_empty() {
            continue;
        }
        let path = file.strip_prefix(root())?.display().to_string();
        let path = path.trim_start_matches("../").to_owned();
        let page = format!("{}.md", name.replace('_', "-"));
        titles.push((page.clone(), first_sentence(&header)));
        pages.insert(page, print(&name, &header, &function, &path));
    }
    titles.sort();
    if !titles.is_empty() {
        let list = titles
            .iter()
            .map(|(page, title)| format!("- [{}]({page}): {title}\n", page.trim_end_matches(".md")));
        let text = "# Methods\n\nEach page is made from the header of the method's file by `cargo xtask methods`. Which one to use: [estimators](../estimators.md).\n\n";
        pages.insert("README.md".to_owned(), format!("{text}{}", list.collect::<String>()));
    }
    Ok(pages)
}

fn kept(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut kept = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return Ok(kept) };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        kept.insert(name, fs::read_to_string(&path)?);
    }
    Ok(kept)
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// `callaway_santanna` for `callaway_santanna.rs` and for `callaway_santanna/mod.rs`.
fn module(file: &Path) -> Option<String> {
    let stem = file.file_stem()?.to_str()?;
    if stem != "mod" {
        return Some(stem.to_owned());
    }
    Some(file.parent()?.file_name()?.to_str()?.to_owned())
}

/// The `//!` lines.
fn header(text: &str) -> Vec<String> {
    let lines = text.lines().take_while(|line| line.starts_with("//!"));
    lines.map(|line| line.trim_start_matches("//!").trim_start_matches(' ').to_owned()).collect()
}

/// The `///` lines above `pub fn name`, and its signature.
fn documented(text: &str, name: &str) -> Option<(Vec<String>, String)> {
    let lines = text.lines().collect::<Vec<_>>();
    let starts = [format!("pub fn {name}("), format!("pub fn {name}<")];
    let at = lines.iter().position(|line| starts.iter().any(|start| line.starts_with(start)))?;
    let above = lines[..at].iter().rposition(|line| !line.starts_with("///") && !line.starts_with("#["))?;
    let docs = lines[above + 1..at].iter().filter(|line| line.starts_with("///"));
    let docs = docs.map(|line| line.trim_start_matches("///").strip_prefix(' ').unwrap_or("").to_owned());
    let signature = lines[at..].iter().take_while(|line| !line.starts_with('}'));
    let mut words = String::new();
    for line in signature {
        let body = line.ends_with('{');
        words.push_str(line.trim_end_matches('{').trim_end());
        words.push('\n');
        if body {
            break;
        }
    }
    Some((docs.collect(), words.trim_end().to_owned()))
}

fn first_sentence(header: &[String]) -> String {
    let first = header.iter().take_while(|line| !line.is_empty()).cloned().collect::<Vec<_>>().join(" ");
    let end = first.find(". ").map_or(first.len(), |at| at + 1);
    linkless(&first[..end])
}

/// Links to items of the crate mean nothing outside of its documentation.
fn linkless(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("[`") {
        let (before, link) = rest.split_at(at);
        plain.push_str(before);
        let Some(end) = link.find("`]") else { break };
        plain.push_str(&link[1..=end]);
        rest = &link[end + 2..];
        if let Some(target) = rest.strip_prefix('(').and_then(|target| target.find(')')) {
            rest = &rest[target + 2..];
        }
    }
    plain + rest
}

fn print(name: &str, header: &[String], (docs, signature): &(Vec<String>, String), path: &str) -> String {
    let title = name.replace('_', "-");
    let mut code = false;
    let prose = |lines: &[String], code: &mut bool| -> String {
        let mut text = String::new();
        for line in lines {
            if let Some(fence) = line.trim_start().strip_prefix("```") {
                *code = !*code;
                let language = if *code && fence.is_empty() { "rust" } else { fence };
                text.push_str(&format!("```{language}\n"));
            } else if *code && (line.starts_with("# ") || line == "#") {
                // Lines that the documentation hides.
            } else if *code {
                text.push_str(&format!("{line}\n"));
            } else if let Some(heading) = line.strip_prefix("# ") {
                text.push_str(&format!("## {heading}\n"));
            } else {
                text.push_str(&format!("{}\n", linkless(line)));
            }
        }
        text
    };
    let (about, how) = (prose(header, &mut code), prose(docs, &mut code));
    format!(
        "# {title}\n\n{}\n\n## Call\n\n```rust\n{signature}\n```\n\n{}\n\nSource: `{path}`. Made by `cargo xtask methods`.\n",
        about.trim(),
        how.trim()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_header_signature_and_example() {
        let text = "//! One thing. More of it,\n//! see [`Cells`](crate::Cells).\n\n/// Does it.\n///\n/// ```\n/// # hidden\n/// thing();\n/// ```\n#[must_use]\npub fn thing(\n    a: f64,\n) -> f64 {\n    a\n}\n";
        let function = documented(text, "thing").unwrap();
        assert_eq!(function.1, "pub fn thing(\n    a: f64,\n) -> f64");
        let page = print("thing", &header(text), &function, "src/thing.rs");
        assert!(
            page.contains("see `Cells`.")
                && page.contains("```rust\nthing();\n```")
                && !page.contains("hidden")
        );
        assert_eq!(first_sentence(&header(text)), "One thing.");
    }
}
