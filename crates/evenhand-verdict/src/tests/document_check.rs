//! Is a fact in a document? Read by a person beforehand; the reading travels with the engine.
//!
//! Fields: `found` for yes or no, `count` and `est = lo = hi` for how many, `value` likewise for a number that
//! the document gives. A text that is not held leaves the test unanswered.

use super::{Ran, Run, needs};
use crate::confidence::{self, Grades};
use crate::context::Context;
use crate::result::Fields;
use crate::wording::count;
use evenhand_docket::{Claim, ClaimKind, Test};
use evenhand_measure::{Answer, Reading};

/// Runs the test.
///
/// # Errors
/// Stops when no reading is held, or when the text that would decide is not.
pub fn run(context: &Context<'_>, claim: &Claim, test: &Test) -> Run {
    let document = test.document.as_deref().unwrap_or("the document");
    let reading = context
        .figures
        .readings()
        .iter()
        .find(|reading| {
            (reading.docket.as_str(), reading.claim.as_str(), reading.test.as_str())
                == (context.docket.id.as_str(), claim.id.as_str(), test.id.as_str())
                && test.document.as_deref().is_none_or(|document| document == reading.document)
        })
        .ok_or_else(|| needs(format!("needs a reading of {document} for this question")))?;
    let asks = capitalised(test.asks.as_deref().unwrap_or_default().trim_end_matches('?'));
    let (fields, line) = match reading.answer {
        Answer::Found(found) => {
            let fields = Fields { found: Some(found), ..Fields::default() };
            (fields, format!("{asks}? {}", if found { "Yes" } else { "No" }))
        }
        Answer::Count(n) => (number(n, true), format!("{asks}? {} held", count(n))),
        Answer::Value(value) => (number(value, false), format!("{asks}: {}", count(value))),
        Answer::NotHeld => {
            return Err(needs(format!(
                "needs the text of {}; {}",
                context.source(document),
                lower(&reading.basis)
            )));
        }
    };
    Ok(Ran {
        fields,
        unit: "as read".into(),
        line,
        method: vec![
            format!("Read by a person in {}.", context.source(&reading.source)),
            reading.basis.clone(),
        ],
        details: vec![("access".into(), reading.access.clone())],
        grades: grades(context, claim, reading),
        ..Ran::default()
    })
}

fn number(value: f64, is_count: bool) -> Fields {
    let some = Some(value);
    let count = is_count.then_some(value);
    Fields { est: some, lo: some, hi: some, lo90: some, hi90: some, value: some, count, ..Fields::default() }
}

/// A clause turned into a sentence.
fn capitalised(clause: &str) -> String {
    let mut letters = clause.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A sentence turned into a clause.
fn lower(sentence: &str) -> String {
    let mut letters = sentence.trim_end_matches('.').chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn grades(context: &Context<'_>, claim: &Claim, reading: &Reading) -> Grades {
    let mut grades = Grades::descriptive("A fact in a document is read, not estimated.");
    let of_text = claim.kind == ClaimKind::Attribution;
    grades.data = confidence::document(context, &reading.source, &reading.access, of_text);
    grades
}
