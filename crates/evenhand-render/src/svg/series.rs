//! Lines or stacked areas over time, with dated marks.

use super::Width;
use super::canvas::{Anchor, Canvas, Cursor, Path};
use super::marks::Placed;
use super::scale::{self, Scale};
use super::text;
use super::time::Axis;
use super::unit::{self, Kind};
use evenhand_verdict::{Mark, Series, SeriesRole};

/// What to draw.
pub struct Plot<'a> {
    pub periods: &'a [String],
    pub series: &'a [Series],
    pub stacked: bool,
    pub marks: &'a [Mark],
    pub unit: &'a str,
}

/// Where things go once the frame is known.
struct Frame {
    x: Axis,
    y: Scale,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

/// Draws the plot.
pub fn draw(plot: &Plot<'_>, width: Width) -> Canvas {
    let mut canvas = Canvas::default();
    let kind = Kind::of(plot.unit);
    let domain = domain(plot);
    let ticks = kind.ticks(domain.0, domain.1, 4);
    let widest = ticks.iter().map(|(_, label)| text::width(label, text::SIZE, false)).fold(0.0, f64::max);

    let left = widest + 10.0;
    // Lines are named at their right end where there is room for it; otherwise a key stands above.
    let names =
        plot.series.iter().map(|series| text::width(&series.name, text::SIZE, true)).fold(0.0, f64::max);
    let at_end = !plot.stacked && plot.series.len() > 1 && width == Width::Wide && names <= 170.0;
    let right = width.units() - if at_end { names + 12.0 } else { 6.0 };
    let x = Axis::new(plot.periods, (left + 2.0, right - 2.0));

    canvas.text("ut", 0.0, 11.0, Anchor::Start, &unit::title(plot.unit));
    let mut top = 20.0;
    let styles = styles(plot);
    let labels = if plot.stacked { area_labels(plot, &x, domain, width) } else { Vec::new() };
    let needs_key =
        if plot.stacked { labels.iter().any(Option::is_none) } else { plot.series.len() > 1 && !at_end };
    if needs_key {
        top = key(plot, &styles, &mut canvas, top, width.units());
    }
    let placed = Placed::new(plot.marks, &x, 0.0, width.units());
    let marks_top = top + 2.0;
    let top = marks_top + placed.height() + 6.0;
    let bottom = top + plot_height(width);
    let frame = Frame { x, y: Scale::new(domain, (bottom, top)), left, right, top, bottom };

    placed.draw_spans(&mut canvas, top, bottom);
    for (value, label) in &ticks {
        let y = frame.y.at(*value);
        canvas.line(if *value == 0.0 { "base" } else { "grid" }, (left, y), (right, y));
        canvas.text("ax", left - 6.0, y + 4.0, Anchor::End, label);
    }
    if plot.stacked {
        areas(plot, &styles, &frame, &mut canvas);
    } else {
        lines(plot, &styles, &frame, &mut canvas);
    }
    placed.draw_lines(&mut canvas, marks_top, bottom);
    if plot.stacked && !needs_key {
        for (label, style) in labels.iter().zip(&styles) {
            if let Some((at, share, name)) = label {
                let y = bottom + (top - bottom) * share;
                canvas.text(style.on, *at, y + 4.0, Anchor::Middle, name);
            }
        }
    }
    if at_end {
        end_labels(plot, &frame, &mut canvas);
    }
    frame.x.draw(&mut canvas, bottom);
    canvas.height = bottom + 24.0;
    canvas.cursor = cursor(plot, &frame);
    canvas
}

fn plot_height(width: Width) -> f64 {
    match width {
        Width::Wide => 230.0,
        Width::Narrow => 190.0,
    }
}

/// Classes of one series.
struct Style {
    line: &'static str,
    point: &'static str,
    area: &'static str,
    on: &'static str,
}

/// Tone, weight and dash by role; further series of a role differ from the first of it.
fn styles(plot: &Plot<'_>) -> Vec<Style> {
    let mut seen = [0usize; 3];
    let mut next = |role: SeriesRole| {
        let at = role as usize;
        seen[at] += 1;
        seen[at]
    };
    plot.series
        .iter()
        .map(|series| match (series.role, next(series.role)) {
            (SeriesRole::Primary, 1) => Style { line: "ln1", point: "pt1", area: "a1", on: "on1" },
            (SeriesRole::Secondary, 1) => Style { line: "ln2", point: "pt2", area: "a2", on: "on2" },
            (SeriesRole::Reference, _) => Style { line: "lnr", point: "ptr", area: "a4", on: "on4" },
            (_, nth) if nth % 2 == 0 => Style { line: "ln3", point: "pt3", area: "a3", on: "on3" },
            _ => Style { line: "ln2", point: "pt2", area: "a4", on: "on4" },
        })
        .collect()
}

/// Zero is always in view: a bar of nothing must look like nothing.
fn domain(plot: &Plot<'_>) -> (f64, f64) {
    let mut ends = (0.0f64, 0.0f64);
    let mut reach = |value: f64| {
        if value.is_finite() {
            ends = (ends.0.min(value), ends.1.max(value));
        }
    };
    for at in 0..plot.periods.len() {
        let values = plot.series.iter().filter_map(|series| series.values.get(at).copied().flatten());
        if plot.stacked { reach(values.sum()) } else { values.for_each(&mut reach) }
    }
    let room = (ends.1 - ends.0) * 0.04;
    (if ends.0 < 0.0 { ends.0 - room } else { 0.0 }, if ends.1 > 0.0 { ends.1 + room } else { 0.0 })
}

/// Runs of periods in which `has` holds.
fn runs(periods: usize, has: impl Fn(usize) -> bool) -> Vec<std::ops::Range<usize>> {
    let mut runs = Vec::new();
    let mut start = None;
    for at in 0..=periods {
        match (start, at < periods && has(at)) {
            (None, true) => start = Some(at),
            (Some(first), false) => {
                runs.push(first..at);
                start = None;
            }
            _ => {}
        }
    }
    runs
}

fn lines(plot: &Plot<'_>, styles: &[Style], frame: &Frame, canvas: &mut Canvas) {
    // References first, the primary series last and on top.
    let mut order: Vec<usize> = (0..plot.series.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(plot.series[at].role as usize));
    for at in order {
        let (series, style) = (&plot.series[at], &styles[at]);
        let value =
            |period: usize| series.values.get(period).copied().flatten().filter(|value| value.is_finite());
        let mut path = Path::default();
        let mut alone = Vec::new();
        for run in runs(plot.periods.len(), |period| value(period).is_some()) {
            if run.len() == 1 {
                alone.push(run.start);
            }
            for period in run.clone() {
                let (x, y) = (frame.x.at(period), frame.y.at(value(period).unwrap_or(0.0)));
                if period == run.start { path.move_to(x, y) } else { path.line_to(x, y) }
            }
        }
        canvas.path(style.line, &path);
        let spaced = (frame.right - frame.left) / plot.periods.len().max(1) as f64;
        let every = series.role == SeriesRole::Primary && spaced >= 11.0;
        let dots = (0..plot.periods.len()).filter(|period| every || alone.contains(period));
        for period in dots {
            if let Some(value) = value(period) {
                canvas.dot(style.point, frame.x.at(period), frame.y.at(value), 2.6);
            }
        }
    }
}

/// Names at the right end of lines, pushed apart where they would touch.
fn end_labels(plot: &Plot<'_>, frame: &Frame, canvas: &mut Canvas) {
    let last = |series: &Series| series.values.iter().rev().find_map(|value| *value);
    let mut labels: Vec<(f64, &Series)> =
        plot.series.iter().filter_map(|series| Some((frame.y.at(last(series)?), series))).collect();
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    for at in 1..labels.len() {
        labels[at].0 = labels[at].0.max(labels[at - 1].0 + 15.0);
    }
    // Up again where the last ones were pushed out of the frame.
    let mut floor = frame.bottom;
    for label in labels.iter_mut().rev() {
        label.0 = label.0.min(floor);
        floor = label.0 - 15.0;
    }
    for (y, series) in labels {
        let class = if series.role == SeriesRole::Primary { "b" } else { "ax" };
        canvas.text(class, frame.right + 6.0, y + 4.0, Anchor::Start, &series.name);
    }
}

fn areas(plot: &Plot<'_>, styles: &[Style], frame: &Frame, canvas: &mut Canvas) {
    let stack = stack(plot);
    for run in runs(plot.periods.len(), |period| stack[period].is_some()) {
        let edge = |period: usize, level: usize| {
            stack[period]
                .as_ref()
                .and_then(|levels| levels.get(level))
                .map_or(frame.bottom, |v| frame.y.at(*v))
        };
        for (at, style) in styles.iter().enumerate() {
            let mut path = Path::default();
            for period in run.clone() {
                let (x, y) = (frame.x.at(period), edge(period, at + 1));
                if period == run.start { path.move_to(x, y) } else { path.line_to(x, y) }
            }
            if run.len() == 1 {
                // One period alone has no width: give it that of a stroke.
                path.line_to(frame.x.at(run.start) + 1.5, edge(run.start, at + 1));
                path.line_to(frame.x.at(run.start) + 1.5, edge(run.start, at));
            }
            for period in run.clone().rev() {
                path.line_to(frame.x.at(period), edge(period, at));
            }
            path.close();
            canvas.path(style.area, &path);
        }
    }
}

/// Levels of the stack by period, from zero up; `None` where any series is missing.
fn stack(plot: &Plot<'_>) -> Vec<Option<Vec<f64>>> {
    (0..plot.periods.len())
        .map(|period| {
            let mut levels = vec![0.0];
            for series in plot.series {
                let value = series.values.get(period).copied().flatten().filter(|value| value.is_finite())?;
                levels.push(levels[levels.len() - 1] + value.max(0.0));
            }
            Some(levels)
        })
        .collect()
}

/// For each series a place inside its own area that is thick enough for its name: position, height as a
/// share of the plot, name; `None` where there is none.
fn area_labels(
    plot: &Plot<'_>,
    x: &Axis,
    domain: (f64, f64),
    width: Width,
) -> Vec<Option<(f64, f64, String)>> {
    let stack = stack(plot);
    let share = Scale::new(domain, (0.0, 1.0));
    let need = 17.0 / plot_height(width);
    (0..plot.series.len())
        .map(|level| {
            let name = &plot.series[level].name;
            let half = text::width(name, text::SIZE, true) / 2.0 + 3.0;
            let mut best: Option<(f64, f64, f64)> = None;
            for middle in 0..plot.periods.len() {
                let (from, to) = (x.at(middle) - half, x.at(middle) + half);
                if from < x.at(0) || to > x.at(plot.periods.len() - 1) {
                    continue;
                }
                // A label must not sit on a mark's line.
                let crossed = plot
                    .marks
                    .iter()
                    .any(|mark| x.day(&mark.start).is_some_and(|at| (from - 3.0..to + 3.0).contains(&at)));
                // The periods under the label and the next one on either side.
                let first = (0..middle).rev().find(|&at| x.at(at) < from).unwrap_or(0);
                let last = (middle..plot.periods.len()).find(|&at| x.at(at) > to).unwrap_or(middle);
                let mut floor = f64::NEG_INFINITY;
                let mut ceiling = f64::INFINITY;
                for levels in &stack[first..=last] {
                    match levels {
                        Some(levels) => {
                            floor = floor.max(share.at(levels[level]));
                            ceiling = ceiling.min(share.at(levels[level + 1]));
                        }
                        None => ceiling = f64::NEG_INFINITY,
                    }
                }
                let thick = ceiling - floor;
                if !crossed && thick >= need && best.is_none_or(|(_, _, most)| thick > most) {
                    best = Some((x.at(middle), (floor + ceiling) / 2.0, thick));
                }
            }
            best.map(|(at, height, _)| (at, height, name.clone()))
        })
        .collect()
}

/// A key above the plot, wrapped; returns the next free height.
fn key(plot: &Plot<'_>, styles: &[Style], canvas: &mut Canvas, top: f64, most: f64) -> f64 {
    let (mut x, mut y) = (0.0, top + 12.0);
    for (series, style) in plot.series.iter().zip(styles) {
        let size = 24.0 + text::width(&series.name, text::SIZE, false) + 16.0;
        if x > 0.0 && x + size > most {
            (x, y) = (0.0, y + 17.0);
        }
        if plot.stacked {
            canvas.rect(style.area, x, y - 10.0, 16.0, 11.0);
        } else {
            canvas.line(style.line, (x, y - 4.0), (x + 20.0, y - 4.0));
        }
        canvas.text("", x + 26.0, y, Anchor::Start, &series.name);
        x += size;
    }
    y + 8.0
}

fn cursor(plot: &Plot<'_>, frame: &Frame) -> Option<Cursor> {
    (plot.periods.len() > 1).then(|| Cursor {
        first: frame.x.at(0),
        last: frame.x.at(plot.periods.len() - 1),
        count: plot.periods.len(),
        top: frame.top,
        bottom: frame.bottom,
    })
}

/// Round upper end for charts whose panels share a scale.
pub fn common_top(series: &[Series]) -> f64 {
    let most = series.iter().flat_map(|series| series.values.iter().flatten()).copied();
    let most = most.filter(|value| value.is_finite()).fold(0.0, f64::max);
    scale::rounded(0.0, most.max(1.0), 3).1
}
