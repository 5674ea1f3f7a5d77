//! The time axis: periods to positions, and which days, months or years to label.

use super::canvas::{Anchor, Canvas};
use super::scale::Scale;
use super::text;
use jiff::civil::Date;

/// Periods along a horizontal range. Periods that are not dates are spaced evenly and labelled as they are.
pub struct Axis {
    scale: Scale,
    days: Option<Vec<f64>>,
    labels: Vec<String>,
}

/// A labelled position.
struct Tick {
    x: f64,
    label: String,
}

impl Axis {
    /// The axis over `range`, with the first period at its start and the last at its end.
    pub fn new(periods: &[String], range: (f64, f64)) -> Self {
        let days: Option<Vec<f64>> = periods.iter().map(|period| day(period)).collect();
        let last = (periods.len().max(2) - 1) as f64;
        let domain = match days.as_deref() {
            Some([first, .., last]) => (*first, *last),
            Some([only]) => (*only, only + 1.0),
            _ => (0.0, last),
        };
        Self { scale: Scale::new(domain, range), days, labels: periods.to_vec() }
    }

    /// Position of a period by number.
    pub fn at(&self, period: usize) -> f64 {
        let place = self.days.as_ref().map_or(period as f64, |days| days.get(period).copied().unwrap_or(0.0));
        self.scale.at(place)
    }

    /// Position of a day, if it falls inside the axis.
    pub fn day(&self, date: &str) -> Option<f64> {
        let (first, last) = self.scale.domain();
        let day = self.place(date)?;
        (first..=last).contains(&day).then(|| self.scale.at(day))
    }

    /// Positions of the part of a span that falls inside the axis.
    pub fn span(&self, start: &str, end: &str) -> Option<(f64, f64)> {
        let (first, last) = self.scale.domain();
        // A span of days includes its last one.
        let (start, end) = (self.place(start)?, self.place(end)? + 1.0);
        (start <= last && end >= first).then(|| (self.scale.held(start), self.scale.held(end)))
    }

    /// The number of the period that a day falls into.
    pub fn period_of(&self, date: &str) -> Option<usize> {
        let days = self.days.as_ref()?;
        let day = day(date)?;
        (*days.first()? <= day).then(|| days.iter().rposition(|start| *start <= day)).flatten()
    }

    fn place(&self, date: &str) -> Option<f64> {
        match &self.days {
            Some(_) => day(date),
            None => self.labels.iter().position(|label| label == date).map(|at| at as f64),
        }
    }

    /// Draws ticks and labels under `y`.
    pub fn draw(&self, canvas: &mut Canvas, y: f64) {
        let (left, right) = self.scale.range();
        for tick in self.ticks() {
            canvas.line("tick", (tick.x, y), (tick.x, y + 5.0));
            let half = text::width(&tick.label, text::SIZE, false) / 2.0;
            // A label at an end leans inwards rather than leave the frame.
            let x = tick.x.clamp(left + half - 14.0, (right - half + 8.0).max(left + half - 14.0));
            canvas.text("ax", x, y + 18.0, Anchor::Middle, &tick.label);
        }
    }

    fn ticks(&self) -> Vec<Tick> {
        let (left, right) = self.scale.range();
        let Some(days) = &self.days else { return self.plain_ticks(right - left) };
        let (Some(&first), Some(&last)) = (days.first(), days.last()) else { return Vec::new() };
        // The finest step whose labels keep their distance.
        let per_month = (right - left) / ((last - first) / 30.44).max(0.1);
        let months = [1, 3, 6, 12, 24, 60, 120];
        if last - first < 75.0 {
            return self.week_ticks(first, last);
        }
        let step = months.into_iter().find(|&months| {
            let room = if months < 12 { 44.0 } else { 36.0 };
            // Over three years and more, years alone read best.
            let calm = months >= 12 || last - first < 1000.0;
            calm && per_month * f64::from(months) >= room
        });
        self.month_ticks(first, last, step.unwrap_or(120))
    }

    fn month_ticks(&self, first: f64, last: f64, step: i32) -> Vec<Tick> {
        let (Some(first), Some(last)) = (date_of(first), date_of(last)) else { return Vec::new() };
        let mut ticks = Vec::new();
        let mut year_shown = false;
        for year in first.year()..=last.year() {
            let every_years = (step / 12).max(1);
            if step >= 12 && i32::from(year) % every_years != 0 {
                continue;
            }
            for month in (1..=12).step_by(step.min(12) as usize) {
                let Ok(date) = Date::new(year, month, 1) else { continue };
                // The month before the first one is still the same tick mark where data begin late in it.
                if date < first || date > last {
                    continue;
                }
                let label = match (step >= 12, month == 1 || !year_shown) {
                    (true, _) => year.to_string(),
                    (false, true) => format!("{} {year}", month_name(month)),
                    (false, false) => month_name(month).to_owned(),
                };
                year_shown = true;
                ticks.push(Tick { x: self.scale.at(number(date)), label });
            }
        }
        self.apart(ticks)
    }

    fn week_ticks(&self, first: f64, last: f64) -> Vec<Tick> {
        let weeks = ((last - first) / 7.0).floor() as i64;
        let ticks = (0..=weeks).filter_map(|week| {
            let day = first + 7.0 * week as f64;
            let date = date_of(day)?;
            let label = format!("{} {}", date.day(), month_name(date.month()));
            Some(Tick { x: self.scale.at(day), label })
        });
        self.apart(ticks.collect())
    }

    fn plain_ticks(&self, room: f64) -> Vec<Tick> {
        let every = (self.labels.len() as f64 * 60.0 / room.max(1.0)).ceil().max(1.0) as usize;
        let label = |(at, label): (usize, &String)| Tick { x: self.at(at), label: label.clone() };
        self.labels.iter().enumerate().step_by(every).map(label).collect()
    }

    /// Without labels that would touch the one before.
    fn apart(&self, ticks: Vec<Tick>) -> Vec<Tick> {
        let mut kept: Vec<Tick> = Vec::new();
        for tick in ticks {
            let half = |tick: &Tick| text::width(&tick.label, text::SIZE, false) / 2.0;
            if kept.last().is_none_or(|before| before.x + half(before) + 6.0 <= tick.x - half(&tick)) {
                kept.push(tick);
            }
        }
        kept
    }
}

/// A period in words: `Feb 2017` for a first of the month among months, else `5 Feb 2017`.
pub fn period_name(period: &str, monthly: bool) -> String {
    match period.parse::<Date>() {
        Ok(date) if monthly => format!("{} {}", month_name(date.month()), date.year()),
        Ok(date) => format!("{} {} {}", date.day(), month_name(date.month()), date.year()),
        Err(_) => period.to_owned(),
    }
}

/// Whether every period is the first of a month.
pub fn is_monthly(periods: &[String]) -> bool {
    periods.iter().all(|period| period.parse::<Date>().is_ok_and(|date| date.day() == 1))
}

fn day(date: &str) -> Option<f64> {
    date.parse::<Date>().ok().map(number)
}

/// Days since 1970-01-01.
fn number(date: Date) -> f64 {
    f64::from(date.duration_since(Date::constant(1970, 1, 1)).as_hours() as i32) / 24.0
}

fn date_of(day: f64) -> Option<Date> {
    let days = jiff::Span::new().try_days(day as i64).ok()?;
    Date::constant(1970, 1, 1).checked_add(days).ok()
}

fn month_name(month: i8) -> &'static str {
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    names.get(usize::from(month.unsigned_abs()).saturating_sub(1)).copied().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(periods: &[&str], width: f64) -> Vec<String> {
        let periods: Vec<String> = periods.iter().map(|&period| period.to_owned()).collect();
        Axis::new(&periods, (0.0, width)).ticks().into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn labels_suit_the_span() {
        assert_eq!(labels(&["2014-10-01", "2018-09-01"], 600.0), ["2015", "2016", "2017", "2018"]);
        assert_eq!(labels(&["2016-12-26", "2017-04-24"], 300.0), ["Jan 2017", "Feb", "Mar", "Apr"]);
        assert_eq!(labels(&["2017-01-30", "2017-02-20"], 300.0), ["30 Jan", "6 Feb", "13 Feb", "20 Feb"]);
        assert_eq!(labels(&["FY2016", "FY2017"], 300.0), ["FY2016", "FY2017"]);
    }

    #[test]
    fn days_find_their_period() {
        let weeks: Vec<String> = ["2017-01-30", "2017-02-06", "2017-02-13"].map(str::to_owned).into();
        let axis = Axis::new(&weeks, (0.0, 140.0));
        assert_eq!(axis.period_of("2017-02-09"), Some(1));
        assert_eq!(axis.period_of("2017-01-29"), None);
        assert_eq!(axis.day("2017-02-06"), Some(70.0));
        assert_eq!(axis.day("2018-01-01"), None);
        assert_eq!(axis.span("2017-02-12", "2019-01-01"), Some((130.0, 140.0)));
    }

    #[test]
    fn periods_have_names() {
        assert_eq!(period_name("2017-02-01", true), "Feb 2017");
        assert_eq!(period_name("2017-02-06", false), "6 Feb 2017");
    }
}
