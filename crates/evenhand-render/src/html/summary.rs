//! The parts of the page that are about the whole check: opening, table of claims, record, how to read it.

use super::{anchor, figure, prose};
use crate::{number, words};
use evenhand_docket::Status;
use evenhand_verdict::{Check, Verdict};
use maud::{Markup, html};

/// Title and what was run.
pub fn opening(check: &Check) -> Markup {
    html! {
        h1 { bdi { (check.title) } }
        p.lede { (check.verdicts.len()) " claims on the public record: " (words::tally(check)) "." }
        dl.facts {
            div { dt { "Docket" } dd { (check.docket) } }
            div { dt { "Engine" } dd { (check.engine) } }
            div { dt { "Record" } dd { (check.record.name) " " code { (words::short_hash(&check.record.sha256)) } } }
            div { dt { "Seed" } dd { (check.seed) } }
        }
    }
}

/// The table of claims, each row a way down.
pub fn claims(check: &Check) -> Markup {
    html! {
        section id="claims" aria-labelledby="claims-h" {
            h2 id="claims-h" { "Claims and verdicts" }
            p.filter hidden {
                label for="filter" { "Filter" }
                input id="filter" type="search" autocomplete="off" spellcheck="false";
                span id="shown" role="status" {}
            }
            table.claims {
                caption.hush { "Claims with verdict, confidence and deciding figure" }
                thead {
                    tr { th scope="col" { "Claim" } th scope="col" { "Verdict" } th scope="col" { "Decided by" } }
                }
                tbody {
                    @for (at, verdict) in check.verdicts.iter().enumerate() { (row(at, verdict)) }
                }
            }
        }
    }
}

fn row(at: usize, verdict: &Verdict) -> Markup {
    html! {
        tr {
            th scope="row" {
                a href={ "#" (anchor(at, &verdict.claim.id)) } {
                    span.id { (verdict.claim.id) } " "
                    bdi { "\u{201c}" (verdict.claim.text) "\u{201d}" }
                }
            }
            td {
                (place(verdict.status))
                b { (words::status(verdict.status)) }
                @if let Some(level) = verdict.confidence {
                    span.sub { "confidence " (words::level(level)) }
                }
            }
            td.sub { (prose(&words::beginning(&verdict.decisive, 170))) }
        }
    }
}

/// Where on the scale a status lies, as a row of five; nothing for one off the scale.
fn place(status: Status) -> Markup {
    html! {
        @if words::SCALE.contains(&status) {
            span.place aria-hidden="true" {
                @for one in words::SCALE.into_iter().rev() { i.on[one == status] {} }
            }
        } @else {
            span.place.off aria-hidden="true" {}
        }
    }
}

/// What the check could draw on, and figures about all of it.
pub fn record(check: &Check) -> Markup {
    html! {
        section id="record" aria-labelledby="record-h" {
            h2 id="record-h" { "The record" }
            p {
                "Counts come from the releases below, kept as " @if check.record.name == "built-in" { "the record inside the program" }
                @else { "the record " code { (check.record.name) } }
                ". Every row read was kept or set aside with a reason."
            }
            @if !check.record.releases.is_empty() { (releases(check)) }
            @for one in &check.figures { (figure::figure(one, 3)) }
        }
    }
}

fn releases(check: &Check) -> Markup {
    html! {
        table.tall {
            thead {
                tr { th scope="col" { "Release" } th scope="col" { "Rows" } th scope="col" { "sha256" } }
            }
            tbody {
                @for release in &check.record.releases {
                    tr {
                        th scope="row" { (release.title) span.sub { (release.id) } }
                        td data-l="Rows" {
                            @for (table, rows) in &release.rows {
                                span.line { (table.replace('_', " ")) " " (number::fixed(*rows as f64, 0)) }
                            }
                        }
                        td data-l="sha256" { code { (words::short_hash(&release.sha256)) } }
                    }
                }
            }
        }
    }
}

/// The seven words, and how confidence is graded.
pub fn how_to_read() -> Markup {
    html! {
        section.reading id="reading" aria-labelledby="reading-h" {
            h2 id="reading-h" { "How to read this" }
            p {
                "Each claim has a rule that says what the numbers must show for each answer. Conditions are true, "
                "false or unknown; unknown decides nothing, so a test that was not run cannot settle a claim. "
                "The first rule whose condition is true gives the verdict; if there is none, the data cannot settle it."
            }
            dl.words {
                @for one in words::SCALE.into_iter().chain([Status::Inconclusive, Status::NotTestable]) {
                    dt { (words::status(one)) }
                    dd { (words::meaning(one)) }
                }
            }
            p {
                "Confidence is the weakest of four grades: design, data, precision, robustness. It says how much "
                "weight the answer bears, not how likely the claim is. Intervals are at 95 percent unless a line says "
                "otherwise. The same thresholds and words apply whoever made a claim; no rule reads the side of a speaker."
            }
            p {
                "All numbers are counts of events and places, or estimates from them. Nothing on this page is about "
                "a person."
            }
        }
    }
}
