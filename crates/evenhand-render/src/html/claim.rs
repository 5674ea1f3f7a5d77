//! One claim on the page: what was said, the answer, the figures, and everything a reader may want to check.

use super::{anchor, figure, link, prose};
use crate::{number, words};
use evenhand_docket::{Docket, Hop};
use evenhand_verdict::{Check, DataUse, ImplicationResult, State, TestResult, Verdict};
use maud::{Markup, html};

/// The article of a claim.
pub fn article(at: usize, verdict: &Verdict, check: &Check, docket: &Docket) -> Markup {
    let claim = &verdict.claim;
    let anchor = anchor(at, &claim.id);
    html! {
        article id=(anchor) aria-labelledby={ (anchor) "-h" } {
            p.over { "Claim " (claim.id) " \u{b7} " (words::said_on(claim)) " \u{b7} " bdi { (claim.locus) } }
            h2 id={ (anchor) "-h" } { bdi { "\u{201c}" (claim.text) "\u{201d}" } }
            (chain(verdict, docket))
            (answer(verdict))
            @for one in &verdict.figures { (figure::figure(one, 3)) }
            @if !verdict.implications.is_empty() { (implications(&verdict.implications)) }
            (tested(verdict))
            @if let Some(rival) = &verdict.rival {
                h3 { "Strongest other explanation" }
                p { (prose(&words::sentence(rival))) }
            }
            (list("What this cannot show", verdict.caveats.iter().map(|caveat| caveat.text.as_str())))
            (list("What would change this verdict", verdict.would_change.iter().map(String::as_str)))
            div.more {
                (tests(verdict))
                (rule(verdict))
                (data(verdict, docket))
            }
            h3 { "Run it again" }
            pre tabindex="0" { code { (verdict.command) } }
            p.cite { b { "Cite: " } (words::citation(verdict, check)) }
        }
    }
}

/// Who said it, and how it came here.
fn chain(verdict: &Verdict, docket: &Docket) -> Markup {
    let claim = &verdict.claim;
    html! {
        p.said { b { "Said by " } bdi { (words::claimant(&claim.claimant)) } }
        @if !claim.chain.is_empty() {
            ol.chain {
                @for hop in &claim.chain { (link_of_chain(hop, docket)) }
            }
        }
        @if let Some(weakest) = &verdict.weakest_hop {
            p.sub { b { "Weakest hop: " } bdi { (words::sentence(weakest)) } }
        }
    }
}

fn link_of_chain(hop: &Hop, docket: &Docket) -> Markup {
    html! {
        li {
            bdi { (hop.from) } " \u{2192} " bdi { (hop.to) } ": " (words::hop(hop)) "."
            @if let Some(note) = &hop.note { " " bdi { (words::sentence(note)) } }
            @if let Some(source) = docket.source(&hop.source) {
                " " span.sub { (source.publisher) ", " (link(&source.url, &source.title))
                    @if let Some(day) = source.published { ", " (words::date(day)) } }
            }
        }
    }
}

/// Verdict, sentence and four facts.
fn answer(verdict: &Verdict) -> Markup {
    let on_scale = words::SCALE.contains(&verdict.status);
    html! {
        div.answer {
            div {
                p.status { (words::status(verdict.status)) }
                ol.scale.off[!on_scale] aria-hidden="true" {
                    @for one in words::SCALE { li.on[one == verdict.status] { (words::status(one)) } }
                }
            }
            div {
                p.say { (prose(&verdict.opening)) " " (prose(&verdict.say)) }
                @if !verdict.decisive.is_empty() { p.decisive.long[verdict.decisive.len() > 100] { (prose(&verdict.decisive)) } }
                @if !verdict.modifiers.is_empty() {
                    ul.tags { @for one in &verdict.modifiers { li { (words::capital(words::modifier(*one))) } } }
                }
                dl.facts {
                    @for (label, value) in words::facts(verdict) {
                        div { dt { (label) } dd { (value) } }
                    }
                }
            }
        }
    }
}

fn tested(verdict: &Verdict) -> Markup {
    html! {
        h3 { "What was tested" }
        p { (prose(&verdict.tested)) }
        @if let Some(quantity) = &verdict.claim.quantity {
            p { "Stated: " (words::quantity(quantity)) "." }
        }
        (list("How it differs from what was said", verdict.departures.iter().map(String::as_str)))
    }
}

/// What would follow if the claim were so, with what its rival predicts for the same figure.
fn implications(rows: &[ImplicationResult]) -> Markup {
    let table = html! {
        table.tall {
            thead {
                tr {
                    th scope="col" { "If it were so" } th scope="col" { "The claim predicts" }
                    th scope="col" { "The rival predicts" } th scope="col" { "Found" }
                }
            }
            tbody {
                @for one in rows {
                    tr {
                        th scope="row" {
                            (one.id) ". " (one.text)
                            span.sub { (words::capital(&words::weight_of(&one.discriminates, &one.role))) }
                        }
                        td data-l="The claim predicts" { (one.if_claim) }
                        td data-l="The rival predicts" { (one.if_rival) }
                        td data-l="Found" {
                            b { @match one.holds { Some(true) => "Seen", Some(false) => "Not seen", None => "Open" } }
                            span.sub { (prose(&one.result)) }
                        }
                    }
                }
            }
        }
    };
    html! {
        h3 { "What would follow if it were so" }
        (table)
    }
}

fn tests(verdict: &Verdict) -> Markup {
    html! {
        details {
            summary { h3 { "Tests and numbers" } span.sub { (words::tests_run(verdict)) " run" } }
            @for test in &verdict.tests { (test_card(test)) }
            @if !verdict.grades.is_empty() {
                h4 { "Confidence, by its four grades" }
                dl.pairs {
                    @for grade in &verdict.grades {
                        dt { (words::capital(grade.name)) }
                        dd { b { (grade.level.map_or("does not apply", words::level)) } ": " (grade.why) }
                    }
                }
            }
        }
    }
}

fn test_card(test: &TestResult) -> Markup {
    html! {
        h4 { code { (test.id) } " " (words::kind(test.kind)) }
        p.sub { (words::sentence(&test.estimand)) }
        @match &test.state {
            State::NotRun(why) => { p { "not run: " (prose(why)) } }
            State::Run => {
                p.decisive.long[test.line.len() > 100] { (test.line) }
                @if !test.method.is_empty() { p.sub { (test.method.iter().map(|line| words::sentence(line)).collect::<Vec<_>>().join(" ")) } }
                dl.pairs {
                    @for (label, value) in words::numbers(test) { dt { (words::capital(&label)) } dd { (value) } }
                }
                @if let Some(words) = words::specifications(test) { p { (words) } }
            }
        }
    }
}

fn rule(verdict: &Verdict) -> Markup {
    let rules = verdict.claim.rules.len();
    html! {
        details {
            summary {
                h3 { "Rule" }
                span.sub {
                    @match verdict.rule {
                        Some(at) => { "number " (at + 1) " of " (rules) " decided" }
                        None => { "none of " (rules) " came out true" }
                    }
                }
            }
            ol.rules {
                @for (at, rule) in verdict.claim.rules.iter().enumerate() {
                    li.on[verdict.rule == Some(at)] {
                        b { (words::status(rule.verdict)) } " when " code { (rule.when) }
                        @if verdict.rule == Some(at) { " \u{2190} decided" }
                    }
                }
            }
            @if !verdict.trace.is_empty() { pre.trace tabindex="0" { (verdict.trace.join("\n")) } }
            dl.pairs {
                dt { "Hash" } dd { code { (verdict.rule_hash) } }
                dt { "Lock" } dd { (words::capital(&words::lock(&verdict.lock))) }
                @if let Some(q) = verdict.q {
                    dt { "False discovery rate" } dd { "q = " (words::p_number(q)) " over the docket\u{2019}s confirmatory tests" }
                }
            }
        }
    }
}

fn data(verdict: &Verdict, docket: &Docket) -> Markup {
    let claim = &verdict.claim;
    html! {
        details {
            summary { h3 { "Data and definitions" } }
            @if !verdict.data.is_empty() {
                dl.pairs { @for one in &verdict.data { (data_use(one, docket)) } }
            }
            @if !claim.definitions.is_empty() {
                h4 { "Definitions that the answer was tried under" }
                dl.pairs {
                    @for id in &claim.definitions {
                        dt { (id) }
                        dd {
                            @match docket.definition(id) {
                                Some(found) => { (found.rule) @if found.default { " (default)" } }
                                None => { "not in the docket" }
                            }
                        }
                    }
                }
            }
            @if !claim.facts.is_empty() {
                h4 { "Known from sources, used by no rule" }
                ul {
                    @for fact in &claim.facts {
                        li {
                            bdi { (words::sentence(&fact.text)) }
                            @if let Some(source) = docket.source(&fact.source) { " " span.sub { (link(&source.url, &source.publisher)) } }
                        }
                    }
                }
            }
            @if !claim.pitfalls.is_empty() {
                h4 { "Traps that were looked for" }
                ul { @for one in &claim.pitfalls { li { code { (one.code()) } " " (one.meaning()) } } }
            }
            h4 { "Disclosure" }
            p { (prose(&words::sentence(&verdict.disclosure))) }
        }
    }
}

fn data_use(data: &DataUse, docket: &Docket) -> Markup {
    let rows = |n: u64| number::fixed(n as f64, 0);
    html! {
        dt { (data.dataset) }
        dd {
            @if let Some(dataset) = docket.dataset(&data.dataset) { span.line { (words::sentence(&dataset.title)) } }
            span.line {
                @match &data.served_by {
                    Some(served) => { "Served by " (served) "." }
                    None => { "Nothing in this record serves it." }
                }
                " " (words::sentence(&data.coverage))
            }
            @if let Some(used) = data.rows_used {
                span.line {
                    (rows(used)) " rows used"
                    @if let Some(unplaced) = data.rows_unplaced { ", " (rows(unplaced)) " of them without a county" }
                    "."
                }
            }
            @if let Some(hash) = &data.sha256 { span.line { "sha256 " code { (hash) } } }
        }
    }
}

fn list<'a>(heading: &str, items: impl Iterator<Item = &'a str>) -> Markup {
    let items: Vec<&str> = items.collect();
    html! {
        @if !items.is_empty() {
            h3 { (heading) }
            ul { @for item in items { li { (prose(&words::sentence(item))) } } }
        }
    }
}
