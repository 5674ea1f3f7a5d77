//! What the columns of one row say of each other, in a national release: found, counted and told, never changed.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Date32Type, Int32Type, SchemaRef, TimestampSecondType};

/// What is looked for: a stable code, the columns, and one sentence.
const CHECKS: [(&str, Rule, &str); 5] = [
    (
        "book_out_before_book_in",
        Rule::InOrder("book_in_date", "book_out_date"),
        "rows whose book-out is before their book-in",
    ),
    (
        "stay_ends_before_it_begins",
        Rule::InOrder("stay_book_in_date", "stay_book_out_date"),
        "rows whose stay ends before it begins",
    ),
    (
        "stint_before_stay",
        Rule::InOrder("stay_book_in_date", "book_in_date"),
        "rows whose book-in is before their stay's",
    ),
    (
        "departed_without_country",
        Rule::Beside("departed_date", "departure_country"),
        "rows with a departure and no country of departure",
    ),
    (
        "final_order_date_without_yes",
        Rule::WithYes("final_order_date", "final_order_yes_no"),
        "rows with the date of a final order that do not say that there is one",
    ),
];

#[derive(Debug, Clone, Copy)]
enum Rule {
    /// The first is not after the second; their times count where both are known.
    InOrder(&'static str, &'static str),
    /// Where the first is filled, so is the second.
    Beside(&'static str, &'static str),
    /// Where the first is filled, the second says yes.
    WithYes(&'static str, &'static str),
}

impl Rule {
    fn columns(self) -> [&'static str; 2] {
        match self {
            Self::InOrder(one, two) | Self::Beside(one, two) | Self::WithYes(one, two) => [one, two],
        }
    }
}

/// The checks that a sheet's columns allow, and what they found.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    checks: Vec<Check>,
}

#[derive(Debug)]
struct Check {
    code: &'static str,
    rule: Rule,
    says: &'static str,
    /// Where the two columns stand among the arrays of a batch.
    at: [usize; 2],
    /// Where their times of day stand.
    times: Option<[usize; 2]>,
    count: u64,
    first: u32,
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CheckFinding {
    pub(crate) code: &'static str,
    pub(crate) says: &'static str,
    pub(crate) count: u64,
    /// The first row.
    pub(crate) first: u32,
}

impl Checks {
    /// The checks between columns that the sheet has, of those that the schema has.
    pub(crate) fn new(schema: &SchemaRef, has: impl Fn(&str) -> bool) -> Self {
        let checks = CHECKS.iter().filter_map(|&(code, rule, says)| {
            let [one, two] = rule.columns();
            let place = |name: &str| schema.index_of(name).ok();
            let at = [place(one).filter(|_| has(one))?, place(two).filter(|_| has(two))?];
            let time = |name: &str| place(&format!("{name}_time"));
            let times = time(one).zip(time(two)).map(|(one, two)| [one, two]);
            Some(Check { code, rule, says, at, times, count: 0, first: 0 })
        });
        Self { checks: checks.collect() }
    }

    /// Looks at a batch, whose rows have these numbers.
    pub(crate) fn look(&mut self, arrays: &[ArrayRef], rows: &[u32]) {
        for check in &mut self.checks {
            let [Some(one), Some(two)] = check.at.map(|at| arrays.get(at)) else { continue };
            let amiss = match check.rule {
                Rule::InOrder(..) => out_of_order(one, two, check.times, arrays),
                Rule::Beside(..) => {
                    (0..one.len()).filter(|&row| one.is_valid(row) && two.is_null(row)).collect()
                }
                Rule::WithYes(..) => without_yes(one, two),
            };
            if let (0, Some(first)) = (check.count, amiss.first()) {
                check.first = rows.get(*first).copied().unwrap_or_default();
            }
            check.count += amiss.len() as u64;
        }
    }

    pub(crate) fn findings(&self) -> impl Iterator<Item = CheckFinding> {
        let found = self.checks.iter().filter(|check| check.count > 0);
        found.map(|check| CheckFinding {
            code: check.code,
            says: check.says,
            count: check.count,
            first: check.first,
        })
    }
}

fn out_of_order(
    one: &ArrayRef,
    two: &ArrayRef,
    times: Option<[usize; 2]>,
    arrays: &[ArrayRef],
) -> Vec<usize> {
    let days = [one, two].map(|array| array.as_primitive_opt::<Date32Type>());
    let [Some(one), Some(two)] = days else { return Vec::new() };
    let times = times.map(|times| times.map(|at| arrays.get(at)?.as_primitive_opt::<TimestampSecondType>()));
    let is_amiss = |row: &usize| {
        if one.is_null(*row) || two.is_null(*row) {
            return false;
        }
        match times {
            Some([Some(from), Some(to)]) if from.is_valid(*row) && to.is_valid(*row) => {
                from.value(*row) > to.value(*row)
            }
            _ => one.value(*row) > two.value(*row),
        }
    };
    (0..one.len()).filter(is_amiss).collect()
}

fn without_yes(given: &ArrayRef, says: &ArrayRef) -> Vec<usize> {
    let Some(says) = says.as_dictionary_opt::<Int32Type>() else { return Vec::new() };
    let Some(words) = says.values().as_string_opt::<i32>() else { return Vec::new() };
    let yes: Vec<bool> = words.iter().map(|word| matches!(word, Some("YES" | "Yes" | "Y"))).collect();
    let is_yes = |row: usize| says.key(row).is_some_and(|key| yes.get(key).copied().unwrap_or(false));
    (0..given.len()).filter(|&row| given.is_valid(row) && !is_yes(row)).collect()
}
