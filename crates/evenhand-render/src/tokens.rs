//! The one list of colours, in both themes. Pages and charts name these; nothing else holds a colour.
//!
//! One hue of teal for data, one accent for the event that a figure is about, no red against blue. What a tone
//! says is always said again by position, dash, shape or words.

/// A named colour.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// Name of the CSS custom property, without its two hyphens.
    pub name: &'static str,
    /// Value on a light page.
    pub light: &'static str,
    /// Value on a dark page.
    pub dark: &'static str,
    /// The system colour that stands for it where the reader's own colours are forced.
    pub forced: &'static str,
}

const fn token(name: &'static str, light: &'static str, dark: &'static str, forced: &'static str) -> Token {
    Token { name, light, dark, forced }
}

/// All of them.
pub const TOKENS: [Token; 16] = [
    token("page", "#ffffff", "#10181d", "Canvas"),
    token("panel", "#f1f5f6", "#19242b", "Canvas"),
    token("ink", "#13212a", "#e8eef0", "CanvasText"),
    token("muted", "#55646e", "#a3b3bb", "CanvasText"),
    token("rule", "#d3dbdf", "#2e3d46", "GrayText"),
    token("grid", "#e4eaec", "#223038", "GrayText"),
    token("axis", "#6f7f88", "#7b8c95", "CanvasText"),
    // Data, from strong to faint against the page.
    token("tone1", "#14495a", "#a6dbe5", "CanvasText"),
    token("tone2", "#2c6b7d", "#6fb4c2", "CanvasText"),
    token("tone3", "#5d9aa8", "#478694", "CanvasText"),
    token("tone4", "#a3c7ce", "#2b5f6d", "GrayText"),
    token("tone5", "#dde9ec", "#1d3a44", "Canvas"),
    token("accent", "#ad3f0b", "#ff9f66", "Highlight"),
    token("accent-soft", "#fbe8de", "#40281b", "Canvas"),
    token("link", "#14566a", "#8fd0de", "LinkText"),
    token("mark", "#fff3c4", "#4a3f14", "Mark"),
];

/// Custom properties for both themes, forced colours and print.
#[must_use]
pub fn css() -> String {
    let list = |pick: fn(&Token) -> &'static str| -> String {
        TOKENS.iter().map(|token| format!("--{}:{};", token.name, pick(token))).collect()
    };
    let (light, dark, forced) =
        (list(|token| token.light), list(|token| token.dark), list(|token| token.forced));
    format!(
        ":root{{color-scheme:light dark;{light}}}\
         @media (prefers-color-scheme:dark){{:root{{{dark}}}}}\
         @media print{{:root{{color-scheme:light;{light}}}}}\
         @media (forced-colors:active){{:root{{{forced}}}}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Foreground, background, least contrast. 4.5 for text, 3 for what must be seen to read a chart (WCAG 2.2,
    /// 1.4.3 and 1.4.11); grid lines and shaded spans carry nothing alone and have none.
    const PAIRS: [(&str, &str, f64); 20] = [
        ("ink", "page", 7.0),
        ("ink", "panel", 7.0),
        ("ink", "mark", 7.0),
        ("ink", "accent-soft", 4.5),
        ("ink", "tone5", 4.5),
        ("ink", "tone4", 4.5),
        ("page", "tone1", 4.5),
        ("page", "tone2", 4.5),
        ("muted", "page", 4.5),
        ("muted", "panel", 4.5),
        ("muted", "accent-soft", 4.5),
        ("link", "page", 4.5),
        ("link", "panel", 4.5),
        ("accent", "page", 4.5),
        ("accent", "panel", 4.5),
        ("accent", "accent-soft", 4.5),
        ("axis", "page", 3.0),
        ("tone1", "page", 3.0),
        ("tone2", "page", 3.0),
        ("tone3", "page", 3.0),
    ];

    fn luminance(hex: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_and_marks_stand_out_in_both_themes() {
        let find = |name: &str| TOKENS.iter().find(|token| token.name == name).unwrap();
        for (front, back, least) in PAIRS {
            let (front, back) = (find(front), find(back));
            for (theme, a, b) in [("light", front.light, back.light), ("dark", front.dark, back.dark)] {
                let found = contrast(a, b);
                assert!(found >= least, "{} on {}, {theme}: {found:.2} < {least}", front.name, back.name);
            }
        }
    }

    #[test]
    fn neighbouring_tones_differ_in_lightness() {
        let tones: Vec<&Token> = TOKENS.iter().filter(|token| token.name.starts_with("tone")).collect();
        for pair in tones.windows(2) {
            assert!(contrast(pair[0].light, pair[1].light) > 1.3, "{}", pair[0].name);
            assert!(contrast(pair[0].dark, pair[1].dark) > 1.3, "{}", pair[0].name);
        }
    }
}
