//! Parts of a whole as bars, with the interval of the total and the range that the claim names.

use super::Width;
use super::canvas::{Anchor, Canvas};
use super::scale::Scale;
use super::text;
use super::unit::{self, Kind};
use evenhand_verdict::ShareBar;

const BAR: f64 = 34.0;

/// Fill of a part and the text on it; neighbours differ.
const TONES: [(&str, &str); 2] = [("a1", "on1"), ("a2", "on2")];

/// Draws the bars, one under the other, on one scale.
pub fn draw(bars: &[ShareBar], claimed: Option<(f64, f64)>, unit: &str, width: Width) -> Canvas {
    let mut canvas = Canvas::default();
    let kind = Kind::of(unit);
    let total = |bar: &ShareBar| bar.parts.iter().map(|(_, value)| value.max(0.0)).sum::<f64>();
    let reach = bars.iter().map(|bar| bar.interval.map_or(0.0, |(_, hi)| finite(hi)).max(total(bar)));
    let most = reach.chain(claimed.map(|(_, hi)| finite(hi))).fold(0.0, f64::max);
    // Room to the right of the longest bar for its total.
    let labels = bars.iter().map(|bar| text::width(&total_label(bar, kind), 15.0, true)).fold(0.0, f64::max);
    let scale = Scale::new((0.0, most.max(f64::MIN_POSITIVE)), (0.0, width.units() - labels - 22.0));

    canvas.text("ut", 0.0, 11.0, Anchor::Start, &unit::title(unit));
    let mut y = 20.0;
    if let Some(range) = claimed {
        canvas.rect("claim", 0.5, y + 2.5, 15.0, 11.0);
        canvas.line("claimed", (0.5, y), (0.5, y + 16.0));
        canvas.line("claimed", (15.5, y), (15.5, y + 16.0));
        canvas.text("ct b", 22.0, y + 12.0, Anchor::Start, &claimed_label(range, kind));
        y += 24.0;
    }
    for bar in bars {
        if let Some(range) = claimed {
            claimed_band(range, y + 22.0, &scale, &mut canvas);
        }
        draw_bar(bar, total(bar), y, kind, &scale, &mut canvas, width);
        if let Some(range) = claimed {
            claimed_edges(range, y + 22.0, &scale, &mut canvas);
        }
        y += height(bar, kind, &scale, width);
    }
    canvas.height = y;
    canvas
}

/// The claimed range behind a bar.
fn claimed_band((lo, hi): (f64, f64), y: f64, scale: &Scale, canvas: &mut Canvas) {
    let x = scale.held(lo);
    canvas.rect("claim", x, y - 5.0, (scale.held(hi) - x).max(2.0), BAR + 10.0);
}

/// Its ends, over the bar.
fn claimed_edges((lo, hi): (f64, f64), y: f64, scale: &Scale, canvas: &mut Canvas) {
    for end in [lo, hi] {
        if end.is_finite() {
            canvas.line("claimed", (scale.held(end), y - 5.0), (scale.held(end), y + BAR + 5.0));
        }
    }
}

fn draw_bar(
    bar: &ShareBar,
    total: f64,
    top: f64,
    kind: Kind,
    scale: &Scale,
    canvas: &mut Canvas,
    width: Width,
) {
    canvas.text(
        "b halo",
        0.0,
        top + 14.0,
        Anchor::Start,
        &text::fit(&crate::words::capital(&bar.name), text::SIZE, true, width.units()),
    );
    let y = top + 22.0;
    let mut from = 0.0;
    for (at, (name, value)) in bar.parts.iter().enumerate() {
        let value = value.max(0.0);
        let (x0, x1) = (scale.at(from), scale.at(from + value));
        let (fill, on) = TONES[at % TONES.len()];
        canvas.rect(fill, x0, y, x1 - x0, BAR);
        if fits(name, x1 - x0) {
            canvas.text(on, (x0 + x1) / 2.0, y + 15.0, Anchor::Middle, name);
            canvas.text(on, (x0 + x1) / 2.0, y + 29.0, Anchor::Middle, &kind.label(value));
        }
        from += value;
    }
    if let Some((lo, hi)) = bar.interval {
        let (x0, x1, middle) = (scale.held(lo.max(0.0)), scale.held(hi), y + BAR + 10.0);
        canvas.line("wh", (x0, middle), (x1, middle));
        canvas.line("wh", (x0, middle - 4.0), (x0, middle + 4.0));
        canvas.line("wh", (x1, middle - 4.0), (x1, middle + 4.0));
    }
    let end = bar.interval.map_or(total, |(_, hi)| finite(hi).max(total));
    canvas.text("big halo", scale.at(end) + 8.0, y + 22.0, Anchor::Start, &total_label(bar, kind));
    let start = y + BAR + if bar.interval.is_some() { 30.0 } else { 20.0 };
    for (line, words) in rest(bar, kind, scale, width).iter().enumerate() {
        canvas.text("ax halo", 0.0, start + line as f64 * 15.0, Anchor::Start, words);
    }
}

fn height(bar: &ShareBar, kind: Kind, scale: &Scale, width: Width) -> f64 {
    let lines = rest(bar, kind, scale, width).len() as f64;
    22.0 + BAR + if bar.interval.is_some() { 16.0 } else { 6.0 } + lines * 15.0 + 22.0
}

/// Parts too small to be named inside, in lines under the bar; one part alone needs no name.
fn rest(bar: &ShareBar, kind: Kind, scale: &Scale, width: Width) -> Vec<String> {
    if bar.parts.len() < 2 {
        return Vec::new();
    }
    let small: Vec<String> = bar
        .parts
        .iter()
        .filter(|(name, value)| !fits(name, scale.at(value.max(0.0)) - scale.at(0.0)))
        .map(|(name, value)| format!("{name}\u{a0}{}", kind.label(*value)))
        .collect();
    if small.is_empty() {
        return Vec::new();
    }
    let mut lines: Vec<String> = Vec::new();
    let lead = if small.len() == bar.parts.len() { "" } else { "Then " };
    for (at, part) in small.iter().enumerate() {
        let part = if at + 1 < small.len() { format!("{part},") } else { part.clone() };
        match lines.last_mut() {
            Some(line)
                if text::width(line, text::SIZE, false) + text::width(&part, text::SIZE, false) + 4.0
                    <= width.units() =>
            {
                line.push(' ');
                line.push_str(&part);
            }
            Some(_) => lines.push(part),
            None => lines.push(format!("{lead}{part}")),
        }
    }
    lines
}

fn fits(name: &str, room: f64) -> bool {
    text::width(name, text::SIZE, true) + 8.0 <= room
}

fn total_label(bar: &ShareBar, kind: Kind) -> String {
    kind.label(bar.parts.iter().map(|(_, value)| value.max(0.0)).sum())
}

fn claimed_label((lo, hi): (f64, f64), kind: Kind) -> String {
    match (lo.is_finite(), hi.is_finite()) {
        (true, true) => format!("Claimed: {} to {}", kind.label(lo), kind.label(hi)),
        (true, false) => format!("Claimed: at least {}", kind.label(lo)),
        (false, _) => format!("Claimed: at most {}", kind.label(hi)),
    }
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}
