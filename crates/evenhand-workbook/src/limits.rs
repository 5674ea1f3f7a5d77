//! How much of everything a workbook may hold.

/// Hard limits, by what is met while reading and never by what a file says of itself.
///
/// The defaults admit every workbook that a spreadsheet can save, and keep the reader of a hostile one under a
/// gigabyte.
///
/// ```
/// let limits = evenhand_workbook::Limits { rows: 1000, ..Default::default() };
/// assert_eq!(limits.columns, 16_384);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Members of the zip file.
    pub members: usize,
    /// Bytes of the zip file's directory.
    pub directory_bytes: u64,
    /// Bytes that one member may inflate to.
    pub member_bytes: u64,
    /// Bytes that all members may inflate to, over the life of one [`Workbook`](crate::Workbook).
    pub total_bytes: u64,
    /// Bytes out for one byte in, once [`ratio_from`](Self::ratio_from) bytes of a member are out.
    pub ratio: u64,
    /// See [`ratio`](Self::ratio).
    pub ratio_from: u64,
    /// Bytes that a small part may inflate to: the list of sheets, relationships, styles.
    pub small_part_bytes: usize,
    /// Sheets.
    pub sheets: usize,
    /// Shared strings.
    pub strings: usize,
    /// Bytes of all shared strings together.
    pub string_bytes: usize,
    /// Bytes of one string, shared or not.
    pub one_string_bytes: usize,
    /// Bytes of one row as it stands in the sheet's XML.
    pub row_bytes: usize,
    /// Rows of a sheet.
    pub rows: u32,
    /// Columns of a sheet.
    pub columns: u32,
    /// Elements inside one another.
    pub depth: usize,
    /// Attributes of one element.
    pub attributes: usize,
    /// Merged ranges that are remembered; more are an error.
    pub merged_ranges: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            members: 10_000,
            directory_bytes: 16 << 20,
            member_bytes: 8 << 30,
            total_bytes: 64 << 30,
            ratio: 400,
            ratio_from: 64 << 20,
            small_part_bytes: 64 << 20,
            sheets: 4096,
            strings: 32 << 20,
            string_bytes: 512 << 20,
            one_string_bytes: 1 << 20,
            row_bytes: 32 << 20,
            rows: 1_048_576,
            columns: 16_384,
            depth: 64,
            attributes: 256,
            merged_ranges: 1 << 20,
        }
    }
}
