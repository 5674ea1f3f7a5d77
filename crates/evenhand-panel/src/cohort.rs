/// When a unit is first treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Cohort {
    /// Not treated in any period of the panel (0, `NA` or `Inf` elsewhere).
    #[default]
    Never,
    /// First treated in the period with this index into [`Panel::periods`](crate::Panel::periods).
    At(usize),
}

impl Cohort {
    /// Whether a unit of this cohort is treated in period `t`.
    ///
    /// ```
    /// use evenhand_panel::Cohort;
    /// assert!(Cohort::At(3).is_treated(3));
    /// assert!(!Cohort::At(3).is_treated(2));
    /// assert!(!Cohort::Never.is_treated(9));
    /// ```
    #[must_use]
    pub fn is_treated(self, t: usize) -> bool {
        match self {
            Self::Never => false,
            Self::At(g) => t >= g,
        }
    }
}
