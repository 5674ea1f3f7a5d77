//! A picture in the making: shapes in drawing order, each with a class and coordinates in tenths.

use crate::html::escape;

/// Where a text stands on its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// Evenly spaced positions that a reader can step through.
#[derive(Debug, Clone, Copy)]
pub struct Cursor {
    /// Horizontal position of the first.
    pub first: f64,
    /// Of the last.
    pub last: f64,
    /// How many there are.
    pub count: usize,
    /// Upper end of the line that shows the position.
    pub top: f64,
    /// Lower end.
    pub bottom: f64,
}

/// Shapes, and the height that they need.
#[derive(Debug, Default)]
pub struct Canvas {
    body: String,
    /// Height of the picture, in units.
    pub height: f64,
    /// Positions for the readout, where the chart has a time axis.
    pub cursor: Option<Cursor>,
}

impl Canvas {
    /// What was drawn.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// A rectangle; one that has no area is left out.
    pub fn rect(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        if coord(width) == "0" || coord(height) == "0" {
            return;
        }
        let [x, y, width, height] = [x, y, width, height].map(coord);
        self.push(&format!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
        ));
    }

    /// A straight line.
    pub fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let mut path = Path::default();
        path.move_to(from.0, from.1);
        path.line_to(to.0, to.1);
        self.path(class, &path);
    }

    /// A path; an empty one is left out.
    pub fn path(&mut self, class: &str, path: &Path) {
        if !path.data.is_empty() {
            self.push(&format!("<path class=\"{class}\" d=\"{}\"/>", path.data));
        }
    }

    /// A path whose strokes are `width` wide.
    pub fn stroke(&mut self, class: &str, path: &Path, width: f64) {
        if !path.data.is_empty() {
            let width = coord(width);
            self.push(&format!("<path class=\"{class}\" stroke-width=\"{width}\" d=\"{}\"/>", path.data));
        }
    }

    /// A circle.
    pub fn dot(&mut self, class: &str, x: f64, y: f64, radius: f64) {
        let [x, y, radius] = [x, y, radius].map(coord);
        self.push(&format!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>"));
    }

    /// A line of text on its baseline.
    pub fn text(&mut self, class: &str, x: f64, y: f64, anchor: Anchor, text: &str) {
        let [x, y] = [x, y].map(coord);
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        self.push(&format!("<text{class} x=\"{x}\" y=\"{y}\"{anchor}>{}</text>", escape(text)));
    }

    fn push(&mut self, element: &str) {
        self.body.push_str(element);
    }
}

/// Path data in relative steps of a tenth. Rounding does not add up: each step starts from the rounded point.
#[derive(Debug, Default)]
pub struct Path {
    data: String,
    at: (i64, i64),
    /// Where the pen last came down.
    start: (i64, i64),
}

impl Path {
    /// Lifts the pen.
    pub fn move_to(&mut self, x: f64, y: f64) {
        let (x, y) = (tenths(x), tenths(y));
        let absolute = format!("M{}", pair(x, y));
        let relative = format!("m{}", pair(x - self.at.0, y - self.at.1));
        let shorter = !self.data.is_empty() && relative.len() < absolute.len();
        self.data.push_str(if shorter { &relative } else { &absolute });
        self.at = (x, y);
        self.start = self.at;
    }

    /// Draws to a point.
    pub fn line_to(&mut self, x: f64, y: f64) {
        let (x, y) = (tenths(x), tenths(y));
        let (dx, dy) = (x - self.at.0, y - self.at.1);
        self.at = (x, y);
        match (dx, dy) {
            (0, 0) => self.data.push_str("h0"),
            (_, 0) => self.data.push_str(&format!("h{}", decimal(dx))),
            (0, _) => self.data.push_str(&format!("v{}", decimal(dy))),
            _ => self.data.push_str(&format!("l{}", pair(dx, dy))),
        }
    }

    /// Back to where the pen came down.
    pub fn close(&mut self) {
        self.data.push('z');
        self.at = self.start;
    }
}

/// A coordinate as text: a tenth at most, no trailing zero, nothing that is not a number.
pub fn coord(value: f64) -> String {
    decimal(tenths(value))
}

/// Two numbers, apart only where a sign does not part them already.
fn pair(x: i64, y: i64) -> String {
    let gap = if y < 0 { "" } else { " " };
    format!("{}{gap}{}", decimal(x), decimal(y))
}

fn tenths(value: f64) -> i64 {
    // Held near the picture, and NaN cast to 0, so that a bad number cannot break it.
    (value * 10.0).round().clamp(-1e6, 1e6) as i64
}

fn decimal(tenths: i64) -> String {
    let sign = if tenths < 0 { "-" } else { "" };
    let (whole, rest) = (tenths.abs() / 10, tenths.abs() % 10);
    match (whole, rest) {
        (_, 0) => format!("{sign}{whole}"),
        (0, _) => format!("{sign}.{rest}"),
        _ => format!("{sign}{whole}.{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_short() {
        let written: Vec<String> = [0.04, -0.04, 0.25, 12.0, -3.16].map(coord).into();
        assert_eq!(written, ["0", "0", ".3", "12", "-3.2"]);
        assert_eq!(coord(f64::NAN), "0");
    }

    #[test]
    fn steps_do_not_drift() {
        let mut path = Path::default();
        path.move_to(0.0, 10.0);
        for step in 1..=3 {
            path.line_to(f64::from(step) * 0.33, 10.0);
        }
        assert_eq!(path.data, "M0 10h.3h.4h.3");
    }

    #[test]
    fn text_is_escaped() {
        let mut canvas = Canvas::default();
        canvas.text("", 1.0, 2.0, Anchor::End, "<b>&\"");
        assert_eq!(canvas.body(), "<text x=\"1\" y=\"2\" text-anchor=\"end\">&lt;b&gt;&amp;&quot;</text>");
    }
}
