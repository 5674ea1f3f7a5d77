//! What stands in a cell. Everything is drawn from the keys of the person, the chain of events, the stay or the
//! row, so that the same fact reads the same in every table, and repeats of a row are equal to it.

use crate::calendar::{self, DAY};
use crate::error::{Error, Result};
use crate::life::{Chain, Life, Row, Stay, Stint, Twist, World};
use crate::places::{Facility, state_of};
use crate::quirk::Quirk;
use crate::random::{mix, unit};
use crate::release::{Column, Kind, Table};
use crate::vocabulary::{Vocabularies, Words};
use std::borrow::Cow;

/// The spellings of a redaction.
const MARKERS: [&str; 8] = [
    "b(6), b(7)c",
    "b(6), b(7)C",
    "(b)(6), (b)(7)(C)",
    "(b)(6),(b)(7)(c)",
    "(b)(6)(b)(7)(c)",
    "b(6), b(7)(c)   ",
    "b(7)(e)",
    "(B)(3)",
];

/// Years in which secondary dates were found that cannot be.
const IMPOSSIBLE_YEARS: [i64; 10] = [199, 206, 1012, 1093, 1853, 2067, 2099, 2914, 6201, 8017];

/// From this day on the methods of the Criminal Alien Program are recorded as `Custodial Arrest`.
const METHOD_BREAK: (i64, i64, i64) = (2025, 7, 25);

/// Where the values of a column come from.
#[derive(Debug, Clone)]
enum Fill {
    Id,
    Redacted,
    Event,
    StayIn,
    BookOut,
    StayOut,
    ReleaseReason,
    StayReleaseReason(Words),
    BondPostedDate,
    BondAmount,
    BondSetDate,
    ArrestTime,
    County,
    Landmark,
    Site,
    Facility,
    FacilityCode,
    FacilityCity,
    FacilityState,
    Aor,
    AorCode,
    State,
    City,
    Gender(Words),
    BirthYear,
    BirthCountry(Words),
    Citizenship(Words),
    DepartureCountry(Words),
    Departed,
    FinalOrder,
    FinalOrderDate,
    CaseStatus { usual: Words, departed: Words },
    CaseCategory(Words),
    CaseCategoryCode(Words),
    Personal(Words),
    MscCode(Words),
    MscCharge(Words),
    MscDate { days_after: u32 },
    Sentence { most: u32 },
    Method { before: Words, after: Words },
    Operation(Words),
    Program { usual: Words, border: Words },
    EntryDate,
    LiftReason(Words),
    SubmissionDate,
    FiscalYear,
    FiscalQuarter,
    Charge(Words),
    Drawn(Words),
}

/// A column ready to be filled.
#[derive(Debug, Clone)]
pub struct Filler {
    kind: Kind,
    blank: f64,
    fill: Fill,
    /// Tells the draws of this column from those of others.
    salt: u64,
    /// Columns of one group are blank together.
    group: u64,
    /// Whether blanks may double in its texts.
    is_wordy: bool,
}

/// A row with what it refers to.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Table.
    pub table: Table,
    /// The person's number.
    pub person: u64,
    /// The person's life.
    pub life: &'a Life,
    /// The row.
    pub row: &'a Row,
}

/// What a cell holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// Nothing.
    Blank,
    /// A redaction.
    Marker(&'static str),
    /// Text.
    Text(Cow<'a, str>),
    /// A serial day.
    Date(u32),
    /// Minutes.
    Time(u32),
    /// A whole number.
    Number(u64),
}

/// A cell, and the quirk that was planted in it.
pub type Cell<'a> = (Value<'a>, Option<Quirk>);

const MSC: u64 = 1;
const CASE: u64 = 2;

impl Filler {
    /// Prepares a column.
    ///
    /// # Errors
    /// A word for the fill that is not known.
    pub fn new(column: &Column, words: &Vocabularies) -> Result<Filler> {
        let salt = mix(column.fill.bytes().fold(0, |hash: u64, byte| mix(hash ^ u64::from(byte))));
        // Columns of one fill and different names (days of a time) must agree; drawn ones must not.
        let named = column.name.bytes().fold(salt, |hash, byte| mix(hash ^ u64::from(byte)));
        let word = column.fill.as_str();
        let take = |name: &str| words.take(name);
        let fill = match word {
            "id" => Fill::Id,
            "redacted" | "birth_date" => Fill::Redacted,
            "event" | "book_in" => Fill::Event,
            "stay_in" => Fill::StayIn,
            "book_out" => Fill::BookOut,
            "stay_out" => Fill::StayOut,
            "release_reason" => Fill::ReleaseReason,
            "stay_release_reason" => Fill::StayReleaseReason(take("stay_release_reason")?),
            "bond_posted_date" => Fill::BondPostedDate,
            "bond_posted_amount" | "bond_set_amount" | "bond_amount" => Fill::BondAmount,
            "bond_set_date" => Fill::BondSetDate,
            "arrest_time" => Fill::ArrestTime,
            "county" => Fill::County,
            "landmark" => Fill::Landmark,
            "site" => Fill::Site,
            "facility" => Fill::Facility,
            "facility_code" => Fill::FacilityCode,
            "facility_city" => Fill::FacilityCity,
            "facility_state" => Fill::FacilityState,
            "aor" => Fill::Aor,
            "aor_code" => Fill::AorCode,
            "state" => Fill::State,
            "city" => Fill::City,
            "gender" => Fill::Gender(take("gender")?),
            "birth_year" => Fill::BirthYear,
            "birth_country" => Fill::BirthCountry(take("country")?),
            "citizenship" => Fill::Citizenship(take("country")?),
            "departure_country" => Fill::DepartureCountry(take("country")?),
            "departed" => Fill::Departed,
            "final_order" => Fill::FinalOrder,
            "final_order_date" => Fill::FinalOrderDate,
            "case_status" => {
                Fill::CaseStatus { usual: take("case_status")?, departed: take("case_status_departed")? }
            }
            "case_category" => Fill::CaseCategory(take("case_category")?),
            "case_category_code" => Fill::CaseCategoryCode(take("case_category")?),
            "threat_level" | "criminality" | "felon" => Fill::Personal(take(word)?),
            "msc_code" => Fill::MscCode(take("msc")?),
            "msc_charge" => Fill::MscCharge(take("msc")?),
            "msc_charge_date" => Fill::MscDate { days_after: 0 },
            "msc_conviction_date" => Fill::MscDate { days_after: 200 },
            "msc_status" | "msc_status_code" => Fill::Personal(take(word)?),
            "sentence_days" => Fill::Sentence { most: 364 },
            "sentence_months" => Fill::Sentence { most: 48 },
            "sentence_years" => Fill::Sentence { most: 12 },
            "method" => Fill::Method { before: take("method_before")?, after: take("method_after")? },
            "operation" => Fill::Operation(take("operation")?),
            "program" => Fill::Program { usual: take("program")?, border: take("program_border")? },
            "entry_date" => Fill::EntryDate,
            "lift_reason" | "lift_reason_code" => Fill::LiftReason(take(word)?),
            "submission_date" => Fill::SubmissionDate,
            "fiscal_year" => Fill::FiscalYear,
            "fiscal_quarter" => Fill::FiscalQuarter,
            other => match other.strip_prefix("vocab:") {
                Some(name @ ("charge" | "charge_code" | "charge_section")) => Fill::Charge(take(name)?),
                Some(name @ ("marital" | "religion" | "ethnicity" | "race" | "entry_status")) => {
                    Fill::Personal(take(name)?)
                }
                Some(name) => Fill::Drawn(take(name)?),
                None => return Err(Error::data(&column.name, &format!("unknown fill `{other}`"))),
            },
        };
        let group = match word {
            "case_status" | "case_category" | "final_order" | "final_order_date" => CASE,
            "felon" => MSC,
            "lift_reason" | "lift_reason_code" | "facility" | "facility_code" => salt,
            _ if word.starts_with("msc_") || word.starts_with("sentence_") => MSC,
            _ => named,
        };
        let is_code = word.ends_with("code") || word.ends_with("state") || matches!(word, "msc_code" | "id");
        let salt = if matches!(fill, Fill::Drawn(_) | Fill::Redacted) { named } else { salt };
        let is_wordy = column.kind == Kind::Text && !is_code && !matches!(fill, Fill::Redacted);
        Ok(Filler { kind: column.kind, blank: column.blank, fill, salt, group, is_wordy })
    }

    /// Whether the column says which area the row belongs to.
    #[must_use]
    pub fn is_area(&self) -> bool {
        matches!(self.fill, Fill::Aor | Fill::AorCode)
    }

    /// The cell of a row.
    #[must_use]
    pub fn cell<'a>(&'a self, world: &'a World, of: Subject<'a>) -> Cell<'a> {
        let bits = mix(of.row.key ^ self.salt);
        let value = if self.is_blank(world, of) { Value::Blank } else { self.value(world, of, bits) };
        if let (Fill::Landmark | Fill::FacilityCode, Value::Text(_)) = (&self.fill, &value) {
            let (_, quirk) = self.placed(world, of, bits);
            return (value, quirk);
        }
        self.spoiled(world, of, value, mix(bits))
    }

    fn is_blank(&self, world: &World, of: Subject<'_>) -> bool {
        match self.fill {
            Fill::Id => world.has_blank_id(of.table, World::id_key(of.life, of.table, of.row)),
            // Blank where there is nothing to say; their shares follow from the events.
            Fill::Departed | Fill::DepartureCountry(_) | Fill::BookOut | Fill::StayOut => false,
            Fill::BondPostedDate | Fill::BondSetDate => false,
            // Of an arrest on paper either row can be the fuller one.
            Fill::State if of.row.twist == Twist::Reprocessed => unit(mix(of.row.key ^ PAPER)) < 0.5,
            Fill::BondAmount if of.table == Table::DetentionStints => false,
            _ => self.blank > 0.0 && unit(mix(of.row.key ^ self.group)) < self.blank,
        }
    }

    fn value<'a>(&'a self, world: &'a World, of: Subject<'a>, bits: u64) -> Value<'a> {
        let (row, life) = (of.row, of.life);
        let chain = &life.chains[usize::from(row.chain)];
        let personal = mix(life.key ^ self.salt);
        let of_case = mix(chain.key ^ self.salt);
        match &self.fill {
            Fill::Id => text(world.person_id(of.person)),
            Fill::Redacted => self.marker(world, bits),
            Fill::Event => event(of, row),
            Fill::StayIn => stay(of).map_or(Value::Blank, |(stay, _)| self.moment(stay.book_in)),
            Fill::BookOut => {
                let out = stay(of).and_then(|(_, stint)| stint.book_out);
                out.map_or(Value::Blank, |out| self.moment(out))
            }
            Fill::StayOut => {
                let out = stay(of).and_then(|(stay, _)| stay.book_out);
                out.map_or(Value::Blank, |out| self.moment(out))
            }
            Fill::ReleaseReason => release_reason(of),
            Fill::StayReleaseReason(words) => match stay(of) {
                Some((stay, _)) if stay.book_out.is_some() => words_of_release(words, stay),
                _ => Value::Blank,
            },
            Fill::BondPostedDate => match stay(of) {
                Some((Stay { has_bond: true, book_out: Some(out), .. }, _)) => Value::Date(
                    (out / DAY + u32::from(row.twist == Twist::Bond)).min(world.window.1 / DAY - 1),
                ),
                _ => Value::Blank,
            },
            Fill::BondAmount => match stay(of) {
                Some((stay, _)) if stay.has_bond => Value::Number(bond(stay, row.twist)),
                Some(_) => Value::Blank,
                None => Value::Number(1500 + 500 * (bits % 20)),
            },
            Fill::BondSetDate => match stay(of) {
                Some((stay, _)) if stay.has_bond && unit(bits) < 0.12 => Value::Date(stay.book_in / DAY),
                _ => Value::Blank,
            },
            Fill::ArrestTime => match chain.arrest {
                Some(arrest) => self.moment(arrest),
                None if of.table == Table::Removals => {
                    let before = (row.time / DAY).saturating_sub(1 + (bits % 20) as u32);
                    self.moment(before.max(world.window.0 / DAY) * DAY + 600)
                }
                None => Value::Blank,
            },
            Fill::County => text(format!("{} COUNTY", at(world, of, chain).city)),
            Fill::Landmark => match bits % 1000 {
                0 if world.quirks.has(Quirk::Redactions) => Value::Marker("b(7)(e)"),
                _ => Value::Text(Cow::Borrowed(self.placed(world, of, bits).0)),
            },
            Fill::Site => Value::Text(Cow::Borrowed(&world.places.areas[usize::from(chain.area)].site)),
            Fill::Facility => Value::Text(Cow::Borrowed(&at(world, of, chain).name)),
            Fill::FacilityCode => Value::Text(Cow::Borrowed(self.placed(world, of, bits).0)),
            Fill::FacilityCity => Value::Text(Cow::Borrowed(&at(world, of, chain).city)),
            Fill::FacilityState => state(at(world, of, chain)),
            Fill::Aor => Value::Text(Cow::Borrowed(&world.places.areas[usize::from(chain.area)].name)),
            Fill::AorCode => Value::Text(Cow::Borrowed(world.places.areas[usize::from(chain.area)].code)),
            // One in a hundred names a state outside the area.
            Fill::State if of_case.is_multiple_of(100) => {
                let count = world.places.facilities.len() as u64;
                state(&world.places.facilities[(of_case / 100 % count) as usize])
            }
            Fill::State => state(at(world, of, chain)),
            Fill::City => Value::Text(Cow::Borrowed(&at(world, of, chain).city)),
            Fill::Gender(words) | Fill::Citizenship(words) | Fill::Personal(words) => {
                Value::Text(Cow::Borrowed(words.word(personal)))
            }
            Fill::BirthYear => Value::Number(birth_year(life)),
            Fill::BirthCountry(words) | Fill::DepartureCountry(words) => {
                if matches!(self.fill, Fill::DepartureCountry(_)) && chain.departed.is_none() {
                    return Value::Blank;
                }
                // Nearly always that of citizenship, whose draw this is.
                let own = mix(life.key ^ citizenship_salt());
                let other = if personal.is_multiple_of(50) { personal } else { own };
                Value::Text(Cow::Borrowed(words.word(other)))
            }
            Fill::Departed => chain.departed.map_or(Value::Blank, Value::Date),
            Fill::FinalOrder => plain(if has_order(chain) { "YES" } else { "NO" }),
            Fill::FinalOrderDate if has_order(chain) => {
                let arrested = chain.arrest.map_or(world.window.0 / DAY, |arrest| arrest / DAY);
                Value::Date(chain.departed.unwrap_or(arrested) - (of_case % 900) as u32)
            }
            Fill::FinalOrderDate => Value::Blank,
            Fill::CaseStatus { .. } if row.twist == Twist::Canceled => {
                plain("E-Charging Document Canceled by ICE")
            }
            Fill::CaseStatus { usual, departed } => {
                let words = if chain.departed.is_some() { departed } else { usual };
                Value::Text(Cow::Borrowed(words.word(of_case)))
            }
            Fill::CaseCategory(words) => Value::Text(Cow::Borrowed(words.word(category(chain)))),
            Fill::CaseCategoryCode(words) => {
                let category = words.word(category(chain));
                let end = category.find(']').map_or(category.len(), |end| end + 1);
                Value::Text(Cow::Borrowed(category[..end].trim_matches(['[', ']'])))
            }
            Fill::MscCode(words) => match words.word(life.key).split_once('|') {
                Some((code, _)) if code.starts_with('0') && !world.quirks.has(Quirk::LeadingZeros) => {
                    text(format!("9{}", &code[1..]))
                }
                Some((code, _)) => Value::Text(Cow::Borrowed(code)),
                None => Value::Blank,
            },
            Fill::MscCharge(words) => match words.word(life.key).split_once('|') {
                Some((_, charge)) => Value::Text(Cow::Borrowed(charge)),
                None => Value::Blank,
            },
            Fill::MscDate { days_after } => {
                let before = 400 + (mix(life.key) % 4000) as u32;
                Value::Date(world.window.0 / DAY - before + days_after)
            }
            Fill::Sentence { most } => Value::Number(1 + personal % u64::from(*most)),
            Fill::Method { before, after } => {
                if row.twist == Twist::Reprocessed {
                    return plain("ERO Reprocessed Arrest");
                }
                if of.table != Table::Arrests && chain.arrest.is_none() {
                    return Value::Blank;
                }
                let (year, month, day) = METHOD_BREAK;
                let made = chain.arrest.unwrap_or(row.time) / DAY;
                let is_after = i64::from(made) >= calendar::serial(year, month, day);
                let words = if is_after { after } else { before };
                Value::Text(Cow::Borrowed(words.word(bits)))
            }
            Fill::Operation(_) if of.table == Table::Encounters && bits % 10 < 8 => plain("-"),
            Fill::Operation(words) => Value::Text(Cow::Borrowed(words.word(bits))),
            Fill::Program { usual, border } => {
                let words = if chain.is_border { border } else { usual };
                Value::Text(Cow::Borrowed(words.word(of_case)))
            }
            Fill::EntryDate => Value::Date(world.window.0 / DAY + 100 - (of_case % 7000) as u32),
            Fill::LiftReason(words) => {
                // The words and their codes are chosen by one draw, in the order of their list.
                let chosen = mix(row.key ^ LIFT);
                let booked = chain.arrest.is_some();
                Value::Text(Cow::Borrowed(if booked { words.get(0) } else { words.word(chosen) }))
            }
            Fill::SubmissionDate => text(slashed(row.time / DAY)),
            Fill::FiscalYear => Value::Number(u64::from(calendar::fiscal_year(row.time / DAY))),
            Fill::FiscalQuarter => {
                let (_, month, _) = calendar::civil(i64::from(row.time / DAY));
                plain(["Q1", "Q2", "Q3", "Q4"][((month + 2) % 12 / 3) as usize])
            }
            Fill::Charge(words) => {
                let again = if row.twist == Twist::Charge { mix(bits) } else { of_case };
                Value::Text(Cow::Borrowed(words.word(again ^ CHARGE)))
            }
            Fill::Drawn(words) => Value::Text(Cow::Borrowed(words.word(bits))),
        }
    }

    /// The landmark or code of a facility, and what is wrong with it.
    fn placed<'a>(&self, world: &'a World, of: Subject<'a>, bits: u64) -> (&'a str, Option<Quirk>) {
        let chain = &of.life.chains[usize::from(of.row.chain)];
        let facility = at(world, of, chain);
        match self.fill {
            Fill::FacilityCode => facility.code(world.quirks),
            _ if bits % 1000 < 700 => facility.landmark(world.quirks),
            _ => (&world.places.areas[usize::from(chain.area)].general_area, None),
        }
    }

    /// Whether the column holds the primary date or time.
    #[must_use]
    pub fn is_event(&self) -> bool {
        matches!(self.fill, Fill::Event)
    }

    /// Whether the column is redacted, or tells persons apart.
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        matches!(self.fill, Fill::Id | Fill::Redacted)
    }

    /// What a cell says in capitals and with single blanks; nothing where it is blank or redacted.
    #[must_use]
    pub fn says(&self, world: &World, of: Subject<'_>) -> Option<String> {
        match self.cell(world, of).0 {
            Value::Text(text) => Some(text.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase()),
            _ => None,
        }
    }

    /// A minute as this column holds it.
    fn moment(&self, minutes: u32) -> Value<'static> {
        if self.kind == Kind::Time { Value::Time(minutes) } else { Value::Date(minutes / DAY) }
    }

    fn marker(&self, world: &World, bits: u64) -> Value<'static> {
        if !world.quirks.has(Quirk::Redactions) || bits.is_multiple_of(150) {
            return Value::Blank;
        }
        // One spelling a column, and now and then another.
        let spelling = if bits.is_multiple_of(50) { bits / 50 } else { self.salt };
        Value::Marker(MARKERS[(spelling % MARKERS.len() as u64) as usize])
    }

    /// The value with the faults that cells of its kind have.
    fn spoiled<'a>(&self, world: &World, of: Subject<'_>, value: Value<'a>, bits: u64) -> Cell<'a> {
        let has = |quirk| world.quirks.has(quirk);
        let rare = bits % 10_000;
        let spare = bits / 10_000;
        match value {
            Value::Marker(_) => (value, Some(Quirk::Redactions)),
            Value::Text(ref cow) => {
                if self.is_wordy && matches!(self.fill, Fill::City) && rare < 100 && has(Quirk::TypedCities) {
                    return (text(mistyped(cow, spare)), Some(Quirk::TypedCities));
                }
                if matches!(self.fill, Fill::MscCode(_)) && cow.starts_with('0') {
                    return (value, Some(Quirk::LeadingZeros));
                }
                if !self.is_wordy || matches!(self.fill, Fill::Id | Fill::Landmark | Fill::City) {
                    return (value, None);
                }
                let is_loose = cow.ends_with(' ') || cow.contains("  ");
                match (is_loose, has(Quirk::Blanks)) {
                    (true, true) => (value, Some(Quirk::Blanks)),
                    (true, false) => (text(cow.split_whitespace().collect::<Vec<_>>().join(" ")), None),
                    (false, true) if rare < 15 => (text(format!("{cow} ")), Some(Quirk::Blanks)),
                    (false, true) if rare < 25 && cow.contains(' ') => {
                        (text(cow.replacen(' ', "  ", 1)), Some(Quirk::Blanks))
                    }
                    _ => (value, None),
                }
            }
            Value::Date(day) => {
                let is_secondary =
                    matches!(self.fill, Fill::MscDate { .. } | Fill::EntryDate | Fill::FinalOrderDate);
                if of.row.twist == Twist::YearTwo && matches!(self.fill, Fill::Event) {
                    return (plain("06/14/0002 03:10 PM"), Some(Quirk::YearTwo));
                }
                if self.kind == Kind::DateText {
                    return (text(slashed(day)), None);
                }
                if is_secondary && rare < 8 && has(Quirk::GarbageDates) {
                    return (impossible(day, spare), Some(Quirk::GarbageDates));
                }
                let often = if matches!(self.fill, Fill::Event) { 2 } else { 20 };
                if (9_000..9_000 + often).contains(&rare) && has(Quirk::TextDates) {
                    return (text(slashed(day)), Some(Quirk::TextDates));
                }
                (value, None)
            }
            Value::Time(minutes) if (9_000..9_002).contains(&rare) && has(Quirk::TextDates) => {
                (text(slashed_time(minutes)), Some(Quirk::TextDates))
            }
            Value::Time(minutes) => {
                // In stints midnight is a time like any other.
                let is_unknown = minutes.is_multiple_of(DAY)
                    && matches!(self.fill, Fill::Event)
                    && of.table != Table::DetentionStints;
                (value, is_unknown.then_some(Quirk::Midnight))
            }
            Value::Number(number) => {
                if self.kind == Kind::NumberText {
                    return (text(number.to_string()), None);
                }
                let is_text = has(Quirk::TextNumbers) && rare < 40;
                if is_text { (text(number.to_string()), Some(Quirk::TextNumbers)) } else { (value, None) }
            }
            Value::Blank => (value, None),
        }
    }
}

const PAPER: u64 = 0x5041_5045;
const LIFT: u64 = 0x4C49_4654;
const CHARGE: u64 = 0x4348_5247;

/// The salt of the column of citizenship, which other countries follow.
fn citizenship_salt() -> u64 {
    mix("citizenship".bytes().fold(0, |hash: u64, byte| mix(hash ^ u64::from(byte))))
}

/// The bond of a stay, as a row states it.
#[must_use]
pub fn bond(stay: &Stay, twist: Twist) -> u64 {
    let first = 1500 + 500 * (mix(stay.key) % 30);
    if twist == Twist::Bond { first + 1000 } else { first }
}

fn text(text: String) -> Value<'static> {
    Value::Text(Cow::Owned(text))
}

fn plain(text: &'static str) -> Value<'static> {
    Value::Text(Cow::Borrowed(text))
}

/// The primary date or time.
fn event(of: Subject<'_>, row: &Row) -> Value<'static> {
    let time = match row.twist {
        // A little more than five hundred days late, or early.
        Twist::Outside if row.key.is_multiple_of(2) => row.time + 4000 * DAY,
        Twist::Outside => row.time - 9000 * DAY,
        _ => row.time,
    };
    match of.table {
        Table::Arrests | Table::Encounters | Table::DetentionStints if !is_day(of) => Value::Time(time),
        _ => Value::Date(time / DAY),
    }
}

/// Whether the table's release has days only: then every time of the life is at midnight.
fn is_day(of: Subject<'_>) -> bool {
    of.life.days_only && of.table != Table::Encounters
}

/// The stay and stint of a row of stints.
fn stay<'a>(of: Subject<'a>) -> Option<(&'a Stay, &'a Stint)> {
    if of.table != Table::DetentionStints {
        return None;
    }
    let stint = of.life.stints.get(usize::from(of.row.stint))?;
    Some((of.life.stays.get(usize::from(stint.stay))?, stint))
}

fn release_reason(of: Subject<'_>) -> Value<'static> {
    match stay(of) {
        Some((_, Stint { book_out: None, .. })) | None => Value::Blank,
        Some((_, Stint { is_last: false, .. })) => plain("Transferred"),
        Some((stay, _)) => plain(if stay.is_removed {
            "Removed"
        } else if stay.has_bond {
            "Bonded Out - IJ"
        } else {
            "Order of Recognizance"
        }),
    }
}

fn words_of_release<'a>(words: &'a Words, stay: &Stay) -> Value<'a> {
    if stay.is_removed {
        return plain("Removed");
    }
    if stay.has_bond {
        return plain("Bonded Out - IJ");
    }
    let drawn = words.word(stay.key);
    if drawn == "Removed" { plain("Order of Recognizance") } else { Value::Text(Cow::Borrowed(drawn)) }
}

/// The facility of a stint, or the one near which the chain began.
fn at<'a>(world: &'a World, of: Subject<'_>, chain: &Chain) -> &'a Facility {
    let number = stay(of).map_or(chain.facility, |(_, stint)| stint.facility);
    &world.places.facilities[usize::from(number)]
}

fn state(facility: &Facility) -> Value<'static> {
    state_of(facility.state).map_or(Value::Blank, |(_, name)| plain(name))
}

fn birth_year(life: &Life) -> u64 {
    // The mean of three draws: most are about thirty.
    let draw = |index: u64| unit(mix(life.key ^ index)) * 17.0;
    (1955.0 + draw(11) + draw(12) + draw(13)) as u64
}

fn has_order(chain: &Chain) -> bool {
    chain.departed.is_some() || unit(mix(chain.key ^ 21)) < 0.35
}

fn category(chain: &Chain) -> u64 {
    mix(chain.key ^ 22)
}

/// `06/14/2024`.
fn slashed(day: u32) -> String {
    let (year, month, day) = calendar::civil(i64::from(day));
    format!("{month:02}/{day:02}/{year:04}")
}

/// `06/14/2024 03:10 PM`.
fn slashed_time(minutes: u32) -> String {
    let (hour, minute) = (minutes % DAY / 60, minutes % 60);
    let (half, hour) = (if hour < 12 { "AM" } else { "PM" }, (hour + 11) % 12 + 1);
    format!("{} {hour:02}:{minute:02} {half}", slashed(minutes / DAY))
}

/// The same day in a year that cannot be: text before 1900, since the serial calendar begins there.
fn impossible(day: u32, bits: u64) -> Value<'static> {
    let (_, month, day) = calendar::civil(i64::from(day));
    let (year, day) = (IMPOSSIBLE_YEARS[(bits % 10) as usize], day.min(28));
    match u32::try_from(calendar::serial(year, month, day)) {
        Ok(serial) if year >= 1900 => Value::Date(serial),
        _ => text(format!("{month:02}/{day:02}/{year:04}")),
    }
}

/// A city as typed in a hurry: `C]HICAGO`, `Berl;in`, a stray control character, a comma before it.
fn mistyped(city: &str, bits: u64) -> String {
    let middle = city.char_indices().nth(1 + (bits / 8) as usize % 4).map_or(city.len(), |(at, _)| at);
    let (start, end) = city.split_at(middle);
    match bits % 4 {
        0 => format!("{start}]{end}"),
        1 => format!("{start};{}", end.to_lowercase()),
        2 => format!("{start}\u{19}{end}"),
        _ => format!(",{city}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_dates_are_written_as_in_the_releases() {
        let day = calendar::serial(2024, 6, 14) as u32;
        assert_eq!(slashed_time(day * DAY + 910), "06/14/2024 03:10 PM");
        assert_eq!(slashed_time(day * DAY), "06/14/2024 12:00 AM");
    }

    #[test]
    fn dates_before_the_calendar_are_text() {
        let day = calendar::serial(2024, 2, 29) as u32;
        assert_eq!(impossible(day, 0), text("02/28/0199".to_owned()));
        assert_eq!(impossible(day, 9), Value::Date(calendar::serial(8017, 2, 28) as u32));
    }

    #[test]
    fn a_hurried_hand_leaves_the_city_to_be_guessed() {
        assert_eq!(mistyped("CHICAGO", 0), "C]HICAGO");
        assert_eq!(mistyped("CHICAGO", 3), ",CHICAGO");
    }
}
