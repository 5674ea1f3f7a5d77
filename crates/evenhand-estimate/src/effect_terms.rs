use crate::two_way::{NONE, Target};
use crate::{Cells, Estimate, Term};
use std::collections::HashMap;

/// Over which treated observations effects are averaged; every observation counts its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EffectTerms {
    /// One average over all of them, `att`.
    #[default]
    Overall,
    /// One for each number of periods since treatment, `event_time=2`.
    EventTime,
    /// One for each cohort, `cohort=2006`.
    Cohort,
    /// One for each period, `period=2007`.
    Period,
    /// One for each cohort in each period, `att(2006,2007)`.
    CohortPeriod,
}

/// What a term averages over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Key {
    Overall,
    EventTime(i64),
    Cohort(f64),
    Period(f64),
    CohortPeriod(f64, f64),
}

impl Key {
    pub(crate) fn term(self, estimate: Estimate) -> Term {
        match self {
            Self::Overall => Term::new("att", estimate),
            Self::EventTime(e) => Term::at_event_time(e, estimate),
            Self::Cohort(g) => Term { cohort: Some(g), ..Term::new(format!("cohort={g}"), estimate) },
            Self::Period(t) => Term { period: Some(t), ..Term::new(format!("period={t}"), estimate) },
            Self::CohortPeriod(g, t) => {
                Term { cohort: Some(g), period: Some(t), ..Term::new(format!("att({g},{t})"), estimate) }
            }
        }
    }
}

impl EffectTerms {
    /// The word for the echo of options.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Overall => "overall",
            Self::EventTime => "event-time",
            Self::Cohort => "cohort",
            Self::Period => "period",
            Self::CohortPeriod => "cohort-period",
        }
    }

    fn key(self, cells: &Cells, row: usize) -> Key {
        let (g, t) = (cells.cohort()[row], cells.time(row));
        match self {
            Self::Overall => Key::Overall,
            Self::EventTime => Key::EventTime(cells.event_time(row).unwrap_or(0)),
            Self::Cohort => Key::Cohort(g),
            Self::Period => Key::Period(t),
            Self::CohortPeriod => Key::CohortPeriod(g, t),
        }
    }

    /// The `included` rows in terms, in the order of cohorts, periods and event times.
    pub(crate) fn target(self, cells: &Cells, included: impl Fn(usize) -> bool) -> (Target, Vec<Key>) {
        let mut known: HashMap<(u32, u32), u32> = HashMap::new();
        let mut found: Vec<(Key, (u32, u32))> = Vec::new();
        let cohorts = cells.cohorts();
        let mut cohort_at = (f64::NAN, 0);
        let mut label = vec![NONE; cells.n_obs()];
        for row in (0..cells.n_obs()).filter(|&row| included(row)) {
            let g = cells.cohort()[row];
            if g.total_cmp(&cohort_at.0).is_ne() {
                cohort_at = (g, cohorts.partition_point(|&other| other < g) as u32);
            }
            let place = (cohort_at.1, cells.period().codes()[row]);
            label[row] = *known.entry(place).or_insert_with(|| {
                found.push((self.key(cells, row), place));
                found.len() as u32 - 1
            });
        }
        let (of_place, keys) = self.order(found);
        label.iter_mut().filter(|label| **label != NONE).for_each(|label| *label = of_place[*label as usize]);
        let mass = (0..cells.n_obs()).map(|row| match label[row] {
            NONE => 0.0,
            _ => cells.weights().map_or(1.0, |w| w[row]),
        });
        let mut target = Target { mass: mass.collect(), label, n_terms: keys.len() };
        target.normalize();
        (target, keys)
    }

    /// The term of each cohort in each period, and the terms in order.
    fn order(self, found: Vec<(Key, (u32, u32))>) -> (Vec<u32>, Vec<Key>) {
        let sort_key = |key: Key, (g, t): (u32, u32)| match self {
            Self::Overall => (0, 0),
            Self::EventTime => match key {
                Key::EventTime(e) => (e, 0),
                _ => (0, 0),
            },
            Self::Cohort => (i64::from(g), 0),
            Self::Period => (i64::from(t), 0),
            Self::CohortPeriod => (i64::from(g), i64::from(t)),
        };
        let mut sorted: Vec<((i64, i64), Key)> =
            found.iter().map(|&(key, place)| (sort_key(key, place), key)).collect();
        sorted.sort_by_key(|&(order, _)| order);
        sorted.dedup_by_key(|&mut (order, _)| order);
        let of_place = found
            .iter()
            .map(|&(key, place)| sorted.partition_point(|&(order, _)| order < sort_key(key, place)) as u32);
        (of_place.collect(), sorted.iter().map(|&(_, key)| key).collect())
    }
}

impl Target {
    /// Makes the masses of every term sum to 1; a term that sums to 0 is left as it is.
    pub(crate) fn normalize(&mut self) {
        let mut total = vec![0.0; self.n_terms];
        for (&label, mass) in self.label.iter().zip(&self.mass).filter(|&(&label, _)| label != NONE) {
            total[label as usize] += mass;
        }
        for (&label, mass) in self.label.iter().zip(&mut self.mass).filter(|&(&label, _)| label != NONE) {
            if total[label as usize].abs() > 0.0 {
                *mass /= total[label as usize];
            }
        }
    }

    /// The weighted sums of `values` over the rows of every term.
    pub(crate) fn sums(&self, values: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.n_terms];
        for row in (0..self.label.len()).filter(|&row| self.label[row] != NONE) {
            sums[self.label[row] as usize] += self.mass[row] * values(row);
        }
        sums
    }
}
