//! Small multiples: one panel a place, all on one scale, so that heights compare across panels.

use super::Width;
use super::canvas::{Anchor, Canvas, Path};
use super::scale::Scale;
use super::series::common_top;
use super::text;
use super::time::{self, Axis};
use super::unit::{self, Kind};
use evenhand_verdict::{Mark, Series, SeriesRole};

const PANEL: f64 = 58.0;
const HEAD: f64 = 18.0;
const GAP: f64 = 14.0;

/// Draws all panels.
pub fn draw(periods: &[String], panels: &[Series], marks: &[Mark], unit: &str, width: Width) -> Canvas {
    let mut canvas = Canvas::default();
    let kind = Kind::of(unit);
    let top_value = common_top(panels);
    let columns = match (width, panels.len()) {
        (Width::Narrow, _) => 2,
        (Width::Wide, 0..=6) => 3,
        (Width::Wide, _) => 4,
    };
    let left = text::width(&kind.label(top_value), text::SIZE, false) + 8.0;
    let across = (width.units() - left - GAP * (columns - 1) as f64) / columns as f64;

    canvas.text("ut", 0.0, 11.0, Anchor::Start, &unit::title(unit));
    let head = legend(marks, &mut canvas, width);
    let rows = panels.len().div_ceil(columns);
    for (at, panel) in panels.iter().enumerate() {
        let (row, column) = (at / columns, at % columns);
        let x = left + column as f64 * (across + GAP);
        let y = head + row as f64 * (HEAD + PANEL + GAP);
        let place = Place { x, y: y + HEAD, across };
        frame(&place, column == 0, top_value, kind, &mut canvas);
        let axis = Axis::new(periods, (x + 1.0, x + across - 1.0));
        panel_body(panel, periods, &axis, marks, &place, top_value, kind, &mut canvas);
    }
    let end = head + rows as f64 * (HEAD + PANEL + GAP);
    period_line(periods, left, end + 4.0, &mut canvas, width);
    canvas.height = end + 12.0;
    canvas
}

/// Where a panel is.
struct Place {
    x: f64,
    y: f64,
    across: f64,
}

/// Marks that every panel shows, once in words; returns the height below.
fn legend(marks: &[Mark], canvas: &mut Canvas, width: Width) -> f64 {
    let (mut x, mut y) = (0.0, 34.0);
    for mark in marks {
        let label = text::fit(&dated(mark), text::SIZE, mark.emphasis, width.units() - 20.0);
        let size = 20.0 + text::width(&label, text::SIZE, mark.emphasis) + 14.0;
        if x > 0.0 && x + size - 14.0 > width.units() {
            (x, y) = (0.0, y + 17.0);
        }
        if mark.end.is_some() {
            canvas.rect(
                if mark.emphasis { "span em key" } else { "span key" },
                x + 0.5,
                y - 10.5,
                12.0,
                12.0,
            );
        } else {
            let class = if mark.emphasis { "mark em" } else { "mark" };
            canvas.line(class, (x + 6.0, y - 11.0), (x + 6.0, y + 2.0));
        }
        canvas.text(if mark.emphasis { "ml em" } else { "ml" }, x + 18.0, y, Anchor::Start, &label);
        x += size;
    }
    if marks.is_empty() { 26.0 } else { y + 12.0 }
}

/// `Executive Order 13768, 25 Jan 2017`; a span with its first and last day.
fn dated(mark: &Mark) -> String {
    let name = |date: &str| time::period_name(date, false);
    match &mark.end {
        Some(end) => format!("{}, {} to {}", mark.label, name(&mark.start), name(end)),
        None => format!("{}, {}", mark.label, name(&mark.start)),
    }
}

fn frame(place: &Place, first: bool, top_value: f64, kind: Kind, canvas: &mut Canvas) {
    let bottom = place.y + PANEL;
    canvas.line("grid", (place.x, place.y), (place.x + place.across, place.y));
    canvas.line("base", (place.x, bottom), (place.x + place.across, bottom));
    if first {
        canvas.text("ax", place.x - 5.0, place.y + 9.0, Anchor::End, &kind.label(top_value));
        canvas.text("ax", place.x - 5.0, bottom, Anchor::End, "0");
    }
}

#[expect(clippy::too_many_arguments, reason = "one call; a struct would only rename the arguments")]
fn panel_body(
    panel: &Series,
    periods: &[String],
    axis: &Axis,
    marks: &[Mark],
    place: &Place,
    top_value: f64,
    kind: Kind,
    canvas: &mut Canvas,
) {
    let bottom = place.y + PANEL;
    let scale = Scale::new((0.0, top_value), (bottom, place.y));
    let value = |at: usize| panel.values.get(at).copied().flatten().filter(|value| value.is_finite());
    for mark in marks {
        if let Some((from, to)) = mark.end.as_ref().and_then(|end| axis.span(&mark.start, end)) {
            let class = if mark.emphasis { "span em" } else { "span" };
            canvas.rect(class, from, place.y, (to - from).max(1.5), PANEL);
        }
    }
    let mut line = Path::default();
    let mut area = Path::default();
    let mut pen_down = false;
    let mut last_x = place.x;
    for at in 0..periods.len() {
        match value(at) {
            Some(value) => {
                let (x, y) = (axis.at(at), scale.held(value));
                if pen_down {
                    line.line_to(x, y);
                    area.line_to(x, y);
                } else {
                    line.move_to(x, y);
                    area.move_to(x, bottom);
                    area.line_to(x, y);
                }
                (pen_down, last_x) = (true, x);
            }
            None if pen_down => {
                area.line_to(last_x, bottom);
                pen_down = false;
            }
            None => {}
        }
    }
    if pen_down {
        area.line_to(last_x, bottom);
    }
    let (fill, stroke) = match panel.role {
        SeriesRole::Primary => ("fill", "ln1"),
        SeriesRole::Secondary => ("area", "ln2"),
        SeriesRole::Reference => ("band", "lnr"),
    };
    canvas.path(fill, &area);
    canvas.path(stroke, &line);
    for mark in marks.iter().filter(|mark| mark.end.is_none()) {
        if let Some(x) = axis.day(&mark.start) {
            let class = if mark.emphasis { "mark em" } else { "mark" };
            canvas.line(class, (x, place.y), (x, bottom));
        }
    }
    let note = noted(panel, periods, axis, marks);
    let number = note.and_then(|at| Some((at, value(at)?)));
    let number_size =
        number.map_or(0.0, |(_, value)| text::width(&kind.label(value), text::SIZE, true) + 8.0);
    let name = text::fit(&panel.name, text::SIZE, true, place.across - number_size);
    canvas.text("b", place.x, place.y - 5.0, Anchor::Start, &name);
    if let Some((at, value)) = number {
        canvas.dot("ptm", axis.at(at), scale.held(value), 3.0);
        canvas.text("", place.x + place.across, place.y - 5.0, Anchor::End, &kind.label(value));
    }
}

/// The period whose value is written out: that of the event that the figure is about, else of the first span of
/// days, else the highest. A span that begins late in one period counts for the one that holds its end.
fn noted(panel: &Series, periods: &[String], axis: &Axis, marks: &[Mark]) -> Option<usize> {
    let about =
        marks.iter().find(|mark| mark.emphasis).or_else(|| marks.iter().find(|mark| mark.end.is_some()));
    let event = about.and_then(|mark| axis.period_of(mark.end.as_ref().unwrap_or(&mark.start)));
    event.or_else(|| {
        let value = |at: &usize| panel.values.get(*at).copied().flatten().unwrap_or(f64::NEG_INFINITY);
        (0..periods.len()).max_by(|a, b| value(a).total_cmp(&value(b)))
    })
}

/// One line that says what the horizontal axis of each panel is.
fn period_line(periods: &[String], x: f64, y: f64, canvas: &mut Canvas, width: Width) {
    let (Some(first), Some(last)) = (periods.first(), periods.last()) else { return };
    let monthly = time::is_monthly(periods);
    let [first, last] = [first, last].map(|period| time::period_name(period, monthly));
    let line = match width {
        Width::Wide => {
            format!("Each panel: {first} to {last}, all on one scale; the number is that of the dot")
        }
        Width::Narrow => format!("{first} to {last}; number: the dot"),
    };
    canvas.text("ax", x, y, Anchor::Start, &line);
}
