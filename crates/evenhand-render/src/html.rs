//! One page with everything: no request to anywhere, complete without scripts.
//!
//! The policy in its head allows the one style and the one script by their digests and nothing else. Text is
//! escaped by [`escape`], which is maud's own escaper, so there is one.

mod claim;
mod figure;
mod summary;

use crate::{svg, tokens, words};
use evenhand_docket::Docket;
use evenhand_verdict::Check;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");

/// The report on a check. The docket gives what verdicts only name: sources with their addresses, and the
/// wording of definitions.
#[must_use]
pub fn report(check: &Check, docket: &Docket) -> String {
    let style = format!("{}{STYLE}{}", tokens::css(), svg::CSS);
    let script = SCRIPT.trim();
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        sha256_base64(&style),
        sha256_base64(script)
    );
    let page = html! {
        (DOCTYPE)
        html lang=(docket.language) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(check.engine);
                title { (check.title) }
                style { (PreEscaped(&style)) }
            }
            body {
                a.skip href="#main" { "Skip to the claims" }
                (top())
                div.frame {
                    (side(check))
                    main id="main" {
                        (summary::opening(check))
                        (summary::claims(check))
                        (summary::record(check))
                        @for (at, verdict) in check.verdicts.iter().enumerate() {
                            (claim::article(at, verdict, check, docket))
                        }
                        (summary::how_to_read())
                    }
                }
                (bottom(check))
                script { (PreEscaped(script)) }
            }
        }
    };
    page.into_string()
}

/// Text that is safe between tags and in quoted attributes.
#[must_use]
pub fn escape(text: &str) -> String {
    html! { (text) }.into_string()
}

fn top() -> Markup {
    html! {
        header.top {
            p.word { "evenhand" }
            nav aria-label="Page" {
                a href="#claims" { "Claims" }
                a href="#record" { "Record" }
                a href="#reading" { "How to read this" }
            }
        }
    }
}

/// A list of claims beside the text, where the window has room for it.
fn side(check: &Check) -> Markup {
    html! {
        nav.side aria-label="Claims" {
            ol {
                @for (at, verdict) in check.verdicts.iter().enumerate() {
                    li {
                        a href={ "#" (anchor(at, &verdict.claim.id)) } {
                            b { (verdict.claim.id) } " " (words::status(verdict.status))
                        }
                    }
                }
            }
        }
    }
}

fn bottom(check: &Check) -> Markup {
    html! {
        footer {
            p {
                (check.engine) ", " (check.record.name) " record, manifest sha256 "
                code { (check.record.sha256) } ", seed " (check.seed) "."
            }
            p { "This page makes no request to anywhere. Links lead to the sources of claims." }
        }
    }
}

/// The id of a claim's part of the page. An odd claim id, which could not be one, is replaced by its number.
fn anchor(at: usize, claim: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    if !claim.is_empty() && claim.chars().all(plain) { format!("claim-{claim}") } else { format!("nth-{at}") }
}

/// A link to a source; an address that is not of the web is shown and not linked.
fn link(url: &str, text: &str) -> Markup {
    let web = url.starts_with("https://") || url.starts_with("http://");
    html! {
        @if web { a href=(url) rel="noreferrer noopener" { bdi { (text) } } } @else { bdi { (text) } " (" (url) ")" }
    }
}

/// A sentence in which what stands between backticks is code.
fn prose(text: &str) -> Markup {
    html! {
        @for (at, piece) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (piece) } } @else { (piece) }
        }
    }
}

/// A wide table that scrolls by itself, never the page.
fn scroll(label: &str, table: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (table) } }
}

fn sha256_base64(text: &str) -> String {
    base64(&Sha256::digest(text.as_bytes()))
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let [a, b, c] = [0, 1, 2].map(|at| u32::from(chunk.get(at).copied().unwrap_or(0)));
        let group = a << 16 | b << 8 | c;
        for place in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * place)) as usize & 63] as char;
            out.push(if place <= chunk.len() { letter } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use std::collections::BTreeSet;

    fn page() -> String {
        report(&fixture::check(), &fixture::docket())
    }

    /// Tags in order: name, whether it closes, attributes. Style and script are skipped.
    fn tags(page: &str) -> Vec<(String, bool, String)> {
        let mut tags = Vec::new();
        let mut rest = page;
        while let Some(at) = rest.find('<') {
            rest = &rest[at + 1..];
            let end = rest.find('>').expect("every tag ends");
            let (inside, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            let closes = inside.starts_with('/');
            let inside = inside.trim_start_matches('/');
            let name: String =
                inside.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '!').collect();
            let attributes = inside[name.len()..].to_owned();
            if !closes && (name == "style" || name == "script") {
                rest = &rest[rest.find(&format!("</{name}>")).expect("it closes")..];
            }
            tags.push((name.to_lowercase(), closes, attributes));
        }
        tags
    }

    fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
        let from = attributes.find(&format!(" {name}=\""))? + name.len() + 3;
        attributes[from..].split('"').next()
    }

    #[test]
    fn tags_are_balanced() {
        let void = ["!doctype", "meta", "br", "hr", "input", "link", "img", "col"];
        let mut open: Vec<String> = Vec::new();
        for (name, closes, attributes) in tags(&page()) {
            if void.contains(&name.as_str()) || attributes.ends_with('/') {
                continue;
            }
            if closes {
                assert_eq!(open.pop().as_deref(), Some(name.as_str()), "after {open:?}");
            } else {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn ids_are_unique_and_references_resolve() {
        let page = page();
        let mut ids = BTreeSet::new();
        for (name, _, attributes) in tags(&page) {
            if let Some(id) = attribute(&attributes, "id") {
                assert!(ids.insert(id.to_owned()), "twice: {id} on {name}");
            }
        }
        for (_, _, attributes) in tags(&page) {
            for list in ["aria-labelledby", "for"].into_iter().filter_map(|name| attribute(&attributes, name))
            {
                for id in list.split(' ') {
                    assert!(ids.contains(id), "nothing has the id {id}");
                }
            }
            if let Some(id) = attribute(&attributes, "href").and_then(|href| href.strip_prefix('#')) {
                assert!(ids.contains(id), "nothing has the id {id}");
            }
        }
    }

    #[test]
    fn nothing_is_loaded_from_anywhere() {
        let page = page();
        for (name, _, attributes) in tags(&page) {
            assert!(attribute(&attributes, "src").is_none(), "{name} has a source");
            assert!(attribute(&attributes, "style").is_none(), "{name} has a style the policy would refuse");
            let handlers = attributes.split(" on").skip(1).filter(|rest| {
                rest.split_once("=\"").is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_lowercase()))
            });
            assert_eq!(handlers.count(), 0, "{name} has a handler: {attributes}");
            let Some(href) = attribute(&attributes, "href") else { continue };
            assert_eq!(name, "a");
            if href.starts_with("http") {
                assert!(attributes.contains("rel=\"noreferrer noopener\""), "{attributes}");
            } else {
                assert!(href.starts_with('#') || href.starts_with("data:text/csv"), "{href}");
            }
        }
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !svg::CSS.contains("url("));
    }

    #[test]
    fn headings_step_down_one_level_at_a_time() {
        let mut before = 0;
        for (name, closes, _) in tags(&page()) {
            let level = name.strip_prefix('h').and_then(|level| level.parse::<u8>().ok());
            if let (Some(level), false) = (level, closes) {
                assert!(level <= before + 1, "h{level} after h{before}");
                before = level;
            }
        }
        assert_eq!(page().matches("<h1").count(), 1);
    }

    #[test]
    fn every_picture_has_words_and_a_table() {
        let page = page();
        let figures: Vec<&str> =
            page.split("<figure").skip(1).map(|at| at.split("</figure>").next().unwrap()).collect();
        assert!(figures.len() >= 6);
        for figure in figures {
            let pictures = figure.matches("role=\"img\"").count();
            assert_eq!(pictures, 2);
            assert_eq!(figure.matches("</title>").count(), pictures);
            assert_eq!(figure.matches("</desc>").count(), pictures);
            assert_eq!(figure.matches("<table").count(), 1);
            assert!(figure.contains("download="));
        }
    }

    #[test]
    fn hostile_text_stays_text() {
        let page = page();
        assert!(page.contains("&lt;script&gt;alert('x')&lt;/script&gt;"));
        assert_eq!(page.matches("<script").count(), 1);
        assert!(!page.contains("<img"));
        assert!(!page.contains("<b>hostile"));
    }

    #[test]
    fn an_address_that_is_not_of_the_web_is_not_a_link() {
        let drawn = link("javascript:alert(1)", "a source").into_string();
        assert!(!drawn.contains("href"));
        assert!(link("https://example.org/?a=1&b=\"", "x").into_string().contains("?a=1&amp;b=&quot;"));
    }

    #[test]
    fn the_policy_names_the_digests_of_what_is_inside() {
        assert_eq!(base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
        assert_eq!(base64(b"any carnal pleasu"), "YW55IGNhcm5hbCBwbGVhc3U=");
        let page = page();
        let inside = |tag: &str| {
            page.split(&format!("<{tag}>"))
                .nth(1)
                .unwrap()
                .split(&format!("</{tag}>"))
                .next()
                .unwrap()
                .to_owned()
        };
        for tag in ["style", "script"] {
            assert!(page.contains(&format!("{tag}-src 'sha256-{}'", sha256_base64(&inside(tag)))), "{tag}");
        }
        assert!(SCRIPT.trim().len() <= 2048, "{} bytes of script", SCRIPT.trim().len());
    }

    #[test]
    fn a_whole_docket_stays_small() {
        let docket = fixture::real_docket();
        let page = report(&fixture::check_of(&docket), &docket);
        assert_eq!(page.matches("<article").count(), docket.claims.len());
        assert!(page.len() < 600_000, "{} bytes", page.len());
    }

    #[test]
    fn every_item_that_a_verdict_must_show_is_there() {
        let check = fixture::check();
        let page = page();
        let article = page.split("id=\"claim-A13\"").nth(1).unwrap().split("</article>").next().unwrap();
        let verdict = fixture::verdict(&check, "A13");
        let shown = [
            verdict.claim.text.as_str(),
            verdict.tested.as_str(),
            verdict.departures[0].as_str(),
            verdict.rule_hash.as_str(),
            verdict.trace[1].as_str(),
            verdict.caveats[0].text.as_str(),
            verdict.would_change[0].as_str(),
            verdict.disclosure.as_str(),
            verdict.command.as_str(),
            verdict.grades[1].why.as_str(),
            verdict.data[0].coverage.as_str(),
            verdict.tests[0].line.as_str(),
            "atlarge.standard",
            "8,210",
            "not run: needs the release of 2026",
            "q = 0.31",
            "36 specifications",
            "Strongest other explanation",
            "Weakest hop",
        ];
        for text in shown {
            assert!(article.contains(&escape(text)), "{text}");
        }
        let intent = page.split("id=\"claim-A03\"").nth(1).unwrap().split("</article>").next().unwrap();
        assert!(intent.contains("builds with lost custody"));
    }
}
