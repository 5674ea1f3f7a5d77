//! From columns to what the estimators take: rows with a missing value left out and counted, periods as numbers,
//! cohorts from whichever flag tells them.

use super::flags::Estimate;
use super::methods::{Method, Trait};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::frame::{self, Frame, Kind, MISSING, Table, Wanted, is_missing, number_from_text};
use evenhand_estimate::{Caveat, Cells, Design, Factor};
use evenhand_panel::{Cell, Fill, Panel};
use std::collections::BTreeSet;
use std::path::Path;

/// The rows that a method works on, and the flags.
pub struct Input<'a> {
    /// Every flag.
    pub args: &'a Estimate,
    frame: Frame,
    /// Columns of covariates, those of predictors among them.
    pub covariates: Vec<String>,
    /// The treatment of each row, for methods that take it as it is.
    dose: Option<Vec<f64>>,
    /// Rows of the file in use.
    kept: Vec<usize>,
    /// Unit of each row, numbered in the order of the labels.
    pub unit: Vec<u32>,
    /// Labels of the units.
    pub units: Vec<String>,
    /// Period of each row.
    pub time: Vec<f64>,
    /// Labels of the periods where they are no numbers: the first is period 1.
    pub periods: Option<Vec<String>>,
    /// Outcome of each row.
    pub outcome: Vec<f64>,
    /// First treated period of each row's unit, `inf` when never; `None` where no flag tells it.
    pub cohort: Option<Vec<f64>>,
}

impl<'a> Input<'a> {
    /// Reads the columns that the flags name.
    pub fn read(args: &'a Estimate, method: &Method) -> Result<Input<'a>, Failure> {
        let (Some(path), Some(outcome)) = (args.data.as_deref(), args.outcome.as_deref()) else {
            return Err(missing_flag(method, "outcome"));
        };
        let table = Table::open(path)?;
        let treated_column = treated_column(args, table.names());
        let mut wanted = vec![wanted(outcome, Kind::Number)];
        for (name, needed) in [(&args.unit, "unit"), (&args.time, "time")] {
            match name {
                Some(name) => wanted.push(self::wanted(name, Kind::Label)),
                None if method.needs.contains(&needed) => return Err(missing_flag(method, needed)),
                None => {}
            }
        }
        if method.needs.contains(&"cohort")
            && args.cohort.is_none()
            && args.treatment.is_none()
            && args.treated.is_empty()
        {
            return Err(missing_flag(method, "cohort").hint(
                "or give `--treatment COLUMN` (1 in treated rows), or `--treated UNIT --start PERIOD`",
            ));
        }
        let labels = args.cohort.iter().chain(&args.cluster).chain(&args.fe);
        wanted.extend(labels.map(|name| self::wanted(name, Kind::Label)));
        let covariates = covariates(args);
        let numbers = args.treatment.iter().chain(&covariates).chain(&args.weights);
        let choices = &args.choices;
        let numbers = numbers.chain(&choices.latitude).chain(&choices.longitude);
        let numbers = numbers.chain(&args.offset).chain(&args.exposure).chain(treated_column.as_ref());
        wanted.extend(numbers.map(|name| self::wanted(name, Kind::Number)));
        let frame = table.read(&wanted)?;
        Self::build(args, method, path, frame, treated_column.as_deref())
    }

    fn build(
        args: &'a Estimate,
        method: &Method,
        path: &Path,
        frame: Frame,
        treated: Option<&str>,
    ) -> Result<Input<'a>, Failure> {
        let covariates = covariates(args);
        let needed: &[String] = if method.is(Trait::SparseCovariates) { &[] } else { &covariates };
        let kept = complete_rows(args, &frame, needed, treated);
        if kept.is_empty() {
            let message =
                format!("`{}`: every row lacks a value, expected some complete ones", path.display());
            return Err(Failure::new(Exit::BadInput, message));
        }
        let outcome = take(frame.numbers(args.outcome.as_deref().unwrap_or_default()), &kept);
        let (unit, units) = units(&frame, args.unit.as_deref(), &kept);
        let (time, periods) = periods(&frame, args.time.as_deref(), &kept);
        let (dose, cohort) = (None, None);
        let mut input =
            Input { args, frame, covariates, dose, kept, unit, units, time, periods, outcome, cohort };
        match &args.treatment {
            Some(name) if method.is(Trait::TakesDoses) => input.dose = Some(input.numbers(name)),
            _ => input.cohort = input.cohorts(treated)?,
        }
        Ok(input)
    }

    /// Rows left out because a value is missing.
    pub fn missing_rows(&self) -> usize {
        self.frame.rows() - self.kept.len()
    }

    /// What the reading of the file has to say about the result.
    pub fn caveats(&self) -> Vec<Caveat> {
        let mut caveats = Vec::new();
        if self.missing_rows() > 0 {
            caveats.push(Caveat::MissingRows { n: self.missing_rows() });
        }
        if let Some([first, .., last]) = self.periods.as_deref() {
            let n = self.periods.as_ref().map_or(0, Vec::len);
            caveats.push(Caveat::Note(format!("periods are numbered: 1 is {first}, {n} is {last}")));
        }
        caveats
    }

    /// A column of numbers in the rows in use.
    pub fn numbers(&self, name: &str) -> Vec<f64> {
        take(self.frame.numbers(name), &self.kept)
    }

    /// A column as a factor, in the rows in use.
    pub fn factor(&self, name: &str) -> Factor {
        match self.frame.labels(name) {
            Some(labels) => {
                let rank = ranks(&labels.levels);
                let codes = self.kept.iter().map(|&row| rank[labels.codes[row] as usize]).collect::<Vec<_>>();
                Factor::from_codes(&codes)
            }
            None => Factor::from_codes(&vec![0; self.kept.len()]),
        }
    }

    /// Labels of a factor's levels, in their order.
    pub fn names(&self, name: &str) -> Vec<String> {
        let Some(labels) = self.frame.labels(name) else { return Vec::new() };
        let rank = ranks(&labels.levels);
        let used: BTreeSet<u32> = self.kept.iter().map(|&row| labels.codes[row]).collect();
        let mut used = used.into_iter().collect::<Vec<_>>();
        used.sort_by_key(|&code| rank[code as usize]);
        used.into_iter().map(|code| labels.levels[code as usize].clone()).collect()
    }

    /// The clusters that the flags name; several columns are crossed by methods that take one.
    pub fn clusters(&self) -> Vec<Factor> {
        self.args.cluster.iter().map(|name| self.factor(name)).collect()
    }

    /// Rows as observations of units over periods, with everything that the flags say about them.
    pub fn cells(&self) -> Result<Cells, Failure> {
        let mut cells = match self.args.unit {
            Some(_) => Cells::new(&self.unit, &self.time, &self.outcome)
                .map_err(|error| self.twice().unwrap_or(error.into()))?,
            None => Cells::cross_sections(&self.time, &self.outcome)?,
        };
        if let Some(cohort) = &self.cohort {
            cells = cells.with_cohort(cohort)?;
        }
        if let Some(dose) = &self.dose {
            cells = cells.with_treatment(dose)?;
        }
        for name in &self.covariates {
            cells = cells.with_covariate(name, &self.numbers(name))?;
        }
        if let Some(offset) = self.offset()? {
            cells = cells.with_offset(&offset)?;
        }
        if let [cluster] = self.clusters().as_slice() {
            cells = cells.with_cluster(cluster)?;
        }
        if let Some(weights) = &self.args.weights {
            cells = cells.with_weights(&self.numbers(weights))?;
        }
        Ok(cells)
    }

    /// The offset of a count model.
    pub fn offset(&self) -> Result<Option<Vec<f64>>, Failure> {
        if let Some(name) = &self.args.exposure {
            let exposure = self.numbers(name);
            if let Some(at) = exposure.iter().position(|&exposure| exposure <= 0.0) {
                let (row, found) = (self.kept[at] + 2, exposure[at]);
                let message =
                    format!("row {row}, column `{name}`: exposure {found}, expected a number above 0");
                return Err(Failure::new(Exit::BadInput, message));
            }
            return Ok(Some(exposure.iter().map(|exposure| exposure.ln()).collect()));
        }
        Ok(self.args.offset.as_ref().map(|name| self.numbers(name)))
    }

    /// A balanced panel of the units with one adoption date, covariates aside.
    pub fn design(&self) -> Result<(Design, Vec<u32>, Vec<u32>), Failure> {
        let cohort = self.cohort.as_deref().unwrap_or_default();
        let last = self.time.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut first = vec![f64::INFINITY; self.units.len()];
        self.unit.iter().zip(cohort).for_each(|(&unit, &g)| first[unit as usize] = g);
        let label = |unit: usize| self.units[unit].clone();
        let cell = |row: usize| {
            Cell::new(label(self.unit[row] as usize), self.time[row].to_string(), self.outcome[row])
        };
        let cells = (0..self.unit.len()).map(cell);
        let mut panel =
            Panel::from_cells(cells, Fill::Refuse).map_err(|error| self.twice().unwrap_or(error.into()))?;
        let (mut treated, mut donors) = (Vec::new(), Vec::new());
        for (code, &g) in (0u32..).zip(&first) {
            // A cohort between two periods starts with the later one; one after the last is not treated here.
            let start = self.time.iter().copied().filter(|&t| t >= g).fold(f64::INFINITY, f64::min);
            if start <= last {
                panel = panel.treat(&self.units[code as usize], &start.to_string())?;
                treated.push(code);
            } else {
                donors.push(code);
            }
        }
        Ok((Design::new(&panel)?, treated, donors))
    }

    fn cohorts(&self, treated: Option<&str>) -> Result<Option<Vec<f64>>, Failure> {
        let args = self.args;
        if let Some(name) = &args.cohort {
            return Ok(Some(self.cohort_column(name)?));
        }
        if let Some(name) = &args.treatment {
            return Ok(Some(self.by_treatment(name, &self.numbers(name))?));
        }
        if args.treated.is_empty() {
            return Ok(None);
        }
        let Some(start) = &args.start else {
            let message = "`--treated` needs `--start PERIOD`, the first treated period";
            return Err(Failure::new(Exit::Usage, message));
        };
        let start = self.period_from_text(start).ok_or_else(|| {
            let message = format!("`--start {start}`: expected a period of the data");
            Failure::new(Exit::Usage, message)
        })?;
        let is_treated = match treated {
            Some(column) => self.ever(column),
            None => self.named_units()?,
        };
        let cohort = |unit: &u32| if is_treated[*unit as usize] { start } else { f64::INFINITY };
        Ok(Some(self.unit.iter().map(cohort).collect()))
    }

    /// Units in which a column is ever other than 0.
    fn ever(&self, column: &str) -> Vec<bool> {
        let mut ever = vec![false; self.units.len()];
        for (&unit, value) in self.unit.iter().zip(self.numbers(column)) {
            ever[unit as usize] |= value.abs() > 0.0;
        }
        ever
    }

    fn named_units(&self) -> Result<Vec<bool>, Failure> {
        let mut named = vec![false; self.units.len()];
        for name in &self.args.treated {
            let same = |unit: &String| match (
                number_from_text(unit.as_bytes()),
                number_from_text(name.as_bytes()),
            ) {
                (Some(a), Some(b)) => (a - b).abs() <= 0.0,
                _ => unit == name,
            };
            let Some(at) = self.units.iter().position(same) else {
                let failure = Failure::new(
                    Exit::Usage,
                    format!("`--treated {name}`: no such unit, and no such column"),
                );
                return Err(match frame::nearest(&self.units, name) {
                    Some(near) => failure.hint(format!("did you mean `{near}`?")),
                    None => failure,
                });
            };
            named[at] = true;
        }
        Ok(named)
    }

    fn cohort_column(&self, name: &str) -> Result<Vec<f64>, Failure> {
        let Some(labels) = self.frame.labels(name) else { return Ok(Vec::new()) };
        let mut of_level = Vec::with_capacity(labels.levels.len());
        for (level, text) in labels.levels.iter().enumerate() {
            let cohort = if is_never(text) { Some(f64::INFINITY) } else { self.period_from_text(text) };
            of_level.push(cohort.ok_or_else(|| {
                let row = labels.codes.iter().position(|&code| code as usize == level).unwrap_or(0) + 2;
                let message = format!("row {row}, column `{name}`: expected a period, found `{text}`");
                Failure::new(Exit::BadInput, message)
                    .hint("never treated units have an empty cohort, 0, NA or inf")
            })?);
        }
        let cohort = |&row: &usize| match labels.codes[row] {
            MISSING => f64::INFINITY,
            code => of_level[code as usize],
        };
        Ok(self.kept.iter().map(cohort).collect())
    }

    /// The first period in which each unit is treated; treatment may not end.
    fn by_treatment(&self, name: &str, treatment: &[f64]) -> Result<Vec<f64>, Failure> {
        let mut first = vec![f64::INFINITY; self.units.len()];
        let at = |row: usize| format!("row {}, column `{name}`", self.kept[row] + 2);
        for (row, (&unit, &d)) in self.unit.iter().zip(treatment).enumerate() {
            if d.abs() > 0.0 && (d - 1.0).abs() > 0.0 {
                let message = format!("{}: expected 0 or 1, found {d}", at(row));
                return Err(Failure::new(Exit::BadInput, message));
            }
            if d > 0.0 {
                let slot = &mut first[unit as usize];
                *slot = slot.min(self.time[row]);
            }
        }
        for (row, (&unit, &d)) in self.unit.iter().zip(treatment).enumerate() {
            if d < 1.0 && self.time[row] >= first[unit as usize] {
                let message = format!(
                    "{}: unit `{}` is treated before and not here, expected a treatment that lasts",
                    at(row),
                    self.units[unit as usize]
                );
                return Err(Failure::new(Exit::BadInput, message)
                    .hint("`dechaisemartin-dhaultfoeuille` takes treatments that end"));
            }
        }
        Ok(self.unit.iter().map(|&unit| first[unit as usize]).collect())
    }

    /// A period as the flags or a cohort column write it.
    fn period_from_text(&self, text: &str) -> Option<f64> {
        match &self.periods {
            None => number_from_text(text.as_bytes()),
            // Between two periods it is the later one, after the last a period that the data do not reach.
            Some(labels) => {
                let like = labels.first().is_some_and(|label| shape(label) == shape(text));
                like.then(|| labels.partition_point(|label| label.as_str() < text) as f64 + 1.0)
            }
        }
    }

    /// The error for a unit that has two rows in one period, in the words of the file.
    fn twice(&self) -> Option<Failure> {
        let mut order: Vec<usize> = (0..self.unit.len()).collect();
        let before = |&a: &usize, &b: &usize| {
            self.unit[a].cmp(&self.unit[b]).then(self.time[a].total_cmp(&self.time[b])).then(a.cmp(&b))
        };
        order.sort_by(before);
        let same =
            |a: usize, b: usize| self.unit[a] == self.unit[b] && (self.time[a] - self.time[b]).abs() <= 0.0;
        let [a, b] = order
            .windows(2)
            .find(|pair| same(pair[0], pair[1]))
            .and_then(|pair| pair.first_chunk().copied())?;
        let message = format!(
            "rows {} and {}: unit `{}` twice in one period, expected one row for each unit and period",
            self.kept[a] + 2,
            self.kept[b] + 2,
            self.units[self.unit[a] as usize]
        );
        Some(Failure::new(Exit::BadInput, message))
    }
}

fn wanted(name: &str, kind: Kind) -> Wanted {
    Wanted { name: name.to_owned(), kind }
}

fn missing_flag(method: &Method, flag: &str) -> Failure {
    Failure::new(Exit::Usage, format!("`{}` needs `--{flag} COLUMN`", method.name))
}

/// `--treated` names a column where there is one of that name.
fn treated_column(args: &Estimate, names: &[String]) -> Option<String> {
    match args.treated.as_slice() {
        [name] if names.contains(name) => Some(name.clone()),
        _ => None,
    }
}

/// Covariates, and columns of predictors other than the outcome, each once.
fn covariates(args: &Estimate) -> Vec<String> {
    let of_predictor = |text: &String| text.split('@').next().unwrap_or_default().to_owned();
    let choices = &args.choices;
    let named = args.covariates.iter().cloned().chain(choices.predictors.iter().map(of_predictor));
    let named = named.chain(choices.partition.iter().cloned());
    let mut once: Vec<String> = Vec::new();
    for name in named.filter(|name| args.outcome.as_ref() != Some(name)) {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    once
}

fn is_never(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    let zero = number_from_text(text.as_bytes()).is_some_and(|number| number.abs() <= 0.0);
    zero || is_missing(text.as_bytes()) || ["inf", "+inf", "infinity", "never"].contains(&text.as_str())
}

/// Rows that have every number and label in use.
fn complete_rows(args: &Estimate, frame: &Frame, covariates: &[String], treated: Option<&str>) -> Vec<usize> {
    let numbers = args.outcome.iter().chain(&args.treatment).chain(covariates).chain(&args.weights);
    let numbers = numbers.chain(&args.choices.latitude).chain(&args.choices.longitude);
    let numbers = numbers.chain(&args.offset).chain(&args.exposure).map(String::as_str).chain(treated);
    let numbers: Vec<&[f64]> = numbers.filter_map(|name| frame.numbers(name)).collect();
    let labels = args.unit.iter().chain(&args.time).chain(&args.cluster).chain(&args.fe);
    let labels: Vec<&[u32]> = labels.filter_map(|name| Some(frame.labels(name)?.codes.as_slice())).collect();
    let whole = |&row: &usize| {
        numbers.iter().all(|column| !column[row].is_nan())
            && labels.iter().all(|column| column[row] != MISSING)
    };
    (0..frame.rows()).filter(whole).collect()
}

fn take(values: Option<&[f64]>, kept: &[usize]) -> Vec<f64> {
    let Some(values) = values else { return vec![0.0; kept.len()] };
    kept.iter().map(|&row| values[row]).collect()
}

/// Units of the rows, and their labels in order: of numbers if all are, otherwise of text. Without a column every row
/// is a unit of its own.
fn units(frame: &Frame, name: Option<&str>, kept: &[usize]) -> (Vec<u32>, Vec<String>) {
    let Some(labels) = name.and_then(|name| frame.labels(name)) else {
        let n = u32::try_from(kept.len()).unwrap_or(u32::MAX);
        return ((0..n).collect(), kept.iter().map(|row| (row + 2).to_string()).collect());
    };
    let rank = ranks(&labels.levels);
    let mut sorted = vec![String::new(); labels.levels.len()];
    labels.levels.iter().zip(&rank).for_each(|(level, &at)| sorted[at as usize].clone_from(level));
    (kept.iter().map(|&row| rank[labels.codes[row] as usize]).collect(), sorted)
}

/// The place of each label among all.
fn ranks(levels: &[String]) -> Vec<u32> {
    let numbers: Option<Vec<f64>> = levels.iter().map(|level| number_from_text(level.as_bytes())).collect();
    let mut order: Vec<usize> = (0..levels.len()).collect();
    match numbers {
        Some(numbers) => {
            order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]).then(levels[a].cmp(&levels[b])))
        }
        None => order.sort_by(|&a, &b| levels[a].cmp(&levels[b])),
    }
    let mut rank = vec![0; levels.len()];
    for (place, at) in order.into_iter().enumerate() {
        rank[at] = u32::try_from(place).unwrap_or(u32::MAX);
    }
    rank
}

/// Periods of the rows. Labels that are no numbers are numbered from 1 in the order of their text.
fn periods(frame: &Frame, name: Option<&str>, kept: &[usize]) -> (Vec<f64>, Option<Vec<String>>) {
    let Some(labels) = name.and_then(|name| frame.labels(name)) else { return (vec![0.0; kept.len()], None) };
    let of = |values: &[f64]| kept.iter().map(|&row| values[labels.codes[row] as usize]).collect();
    let numbers: Option<Vec<f64>> =
        labels.levels.iter().map(|level| number_from_text(level.as_bytes())).collect();
    if let Some(numbers) = numbers {
        return (of(&numbers), None);
    }
    let mut sorted = labels.levels.clone();
    sorted.sort();
    let number = |level: &String| sorted.partition_point(|label| label < level) as f64 + 1.0;
    let numbers: Vec<f64> = labels.levels.iter().map(number).collect();
    (of(&numbers), Some(sorted))
}

/// The text with every digit made one: dates of one form are in the order of their text.
fn shape(text: &str) -> String {
    text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect()
}
