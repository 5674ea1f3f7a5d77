//! One text column of a row group, from dictionary codes to the pages of a Parquet column chunk.
//!
//! Released text repeats: a column of a million rows has a few hundred values, and comes from ingest as codes
//! into them. The general writer looks every cell up again by its text; here each value is looked up once for
//! each batch, and the cells are only renumbered and packed. The pages themselves are the `parquet` crate's.

use crate::hybrid;
use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::Int32Type;
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use std::collections::HashMap;

/// Rows of a page. Larger than the crate's default: a page of a text column is a few kilobytes.
const ROWS_PER_PAGE: usize = 1 << 16;
/// Longest value that the statistics hold whole; with a longer one they hold only the number of nulls.
const LONGEST_BOUND: usize = 64;
/// Mark of a null among the codes.
const NULL: u32 = u32::MAX;
/// Level of compression; higher ones cost more than the disk that they save.
const LEVEL: i32 = 1;

/// The codes of a column over a row group, and what they mean.
#[derive(Debug)]
pub(crate) struct TextChunk<'a> {
    /// Distinct values, in order of first appearance among the rows as they came.
    values: Vec<&'a str>,
    /// One for each row, [`NULL`] for null.
    codes: Vec<u32>,
}

impl<'a> TextChunk<'a> {
    /// The column of dictionary type in each batch, one after the other; `order` says which row comes where.
    ///
    /// `None` when a column is not codes into text.
    pub(crate) fn new(columns: &[&'a dyn Array], order: Option<&[u32]>) -> Option<Self> {
        let mut numbers: HashMap<&'a str, u32> = HashMap::new();
        let (mut values, mut codes) = (Vec::new(), Vec::new());
        for column in columns {
            let column = column.as_dictionary_opt::<Int32Type>()?;
            let texts = column.values().as_string_opt::<i32>()?;
            // What a code of this batch is in the row group; NULL until it is met.
            let mut renumbered = vec![NULL; texts.len()];
            let mut number = |key: i32| -> u32 {
                let Some(slot) = usize::try_from(key).ok().and_then(|key| renumbered.get_mut(key)) else {
                    return NULL;
                };
                if *slot == NULL {
                    let Some(text) = text_at(texts, key) else { return NULL };
                    *slot = *numbers.entry(text).or_insert_with(|| {
                        values.push(text);
                        // A row group has fewer than 2^32 rows.
                        (values.len() - 1) as u32
                    });
                }
                *slot
            };
            let keys = column.keys();
            codes.reserve(keys.len());
            match keys.nulls() {
                None => codes.extend(keys.values().iter().map(|&key| number(key))),
                // A key under a null means nothing.
                Some(nulls) => {
                    for (at, &key) in keys.values().iter().enumerate() {
                        codes.push(if nulls.is_valid(at) { number(key) } else { NULL });
                    }
                }
            }
        }
        if let Some(order) = order {
            codes = order.iter().map(|&row| codes.get(row as usize).copied().unwrap_or(NULL)).collect();
        }
        Some(Self { values, codes })
    }

    /// The bytes of the chunk, and what the file's footer says of it; offsets count from its first byte.
    pub(crate) fn encode(&self, descriptor: ColumnDescPtr) -> Result<(Bytes, ColumnCloseResult)> {
        let mut sink = TrackedWrite::new(Vec::new());
        let mut pages = Pages::new(SerializedPageWriter::new(&mut sink))?;
        pages.dictionary(&self.values)?;
        let nullable = descriptor.max_def_level() > 0;
        let width = width(self.values.len());
        for rows in self.codes.chunks(ROWS_PER_PAGE) {
            pages.data(&page(rows, nullable, width)?, rows.len())?;
        }
        if self.codes.is_empty() {
            pages.data(&page(&[], nullable, width)?, 0)?;
        }
        let done = pages.finish();
        let bytes = Bytes::from(sink.into_inner()?);
        let metadata = ColumnChunkMetaData::builder(descriptor)
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY])
            .set_total_compressed_size(done.compressed)
            .set_total_uncompressed_size(done.uncompressed)
            .set_num_values(self.codes.len() as i64)
            .set_dictionary_page_offset(Some(0))
            .set_data_page_offset(done.first_data_page)
            .set_statistics(self.statistics())
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: self.codes.len() as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: Some(done.offsets.build()),
        };
        Ok((bytes, close))
    }

    fn statistics(&self) -> Statistics {
        let bound = |value: Option<&&str>| {
            value.filter(|value| value.len() <= LONGEST_BOUND).map(|value| ByteArray::from(*value))
        };
        let (min, max) = (bound(self.values.iter().min()), bound(self.values.iter().max()));
        let (min, max) = if min.is_some() && max.is_some() { (min, max) } else { (None, None) };
        let nulls = self.codes.iter().filter(|&&code| code == NULL).count();
        Statistics::byte_array(min, max, Some(self.values.len() as u64), Some(nulls as u64), false)
    }
}

fn text_at(texts: &StringArray, key: i32) -> Option<&str> {
    let at = usize::try_from(key).ok().filter(|&at| at < texts.len() && texts.is_valid(at))?;
    Some(texts.value(at))
}

/// Bits that the codes below `n` need; at least one, which every reader takes.
fn width(n: usize) -> u32 {
    (usize::BITS - n.saturating_sub(1).leading_zeros()).max(1)
}

/// A data page before compression: which rows have a value, then the codes of those.
fn page(rows: &[u32], nullable: bool, width: u32) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(rows.len());
    let has_nulls = rows.contains(&NULL);
    if nullable {
        bytes.extend_from_slice(&[0; 4]);
        if has_nulls {
            let levels: Vec<u32> = rows.iter().map(|&code| u32::from(code != NULL)).collect();
            hybrid::encode(&levels, 1, &mut bytes);
        } else {
            hybrid::repeat(1, rows.len(), 1, &mut bytes);
        }
        let length = u32::try_from(bytes.len() - 4).map_err(too_long)?;
        bytes.splice(..4, length.to_le_bytes());
    } else if has_nulls {
        return Err(ParquetError::General("a null in a column without nulls".to_owned()));
    }
    // At most 32.
    bytes.push(width as u8);
    if has_nulls {
        let held: Vec<u32> = rows.iter().copied().filter(|&code| code != NULL).collect();
        hybrid::encode(&held, width, &mut bytes);
    } else {
        hybrid::encode(rows, width, &mut bytes);
    }
    Ok(bytes)
}

fn too_long(_: std::num::TryFromIntError) -> ParquetError {
    ParquetError::General("a page of 4 GiB or more".to_owned())
}

/// Writes pages and adds up what the footer says of them.
struct Pages<'a> {
    writer: SerializedPageWriter<'a, Vec<u8>>,
    compressor: zstd::bulk::Compressor<'static>,
    done: Done,
}

struct Done {
    compressed: i64,
    uncompressed: i64,
    first_data_page: i64,
    offsets: OffsetIndexBuilder,
}

impl<'a> Pages<'a> {
    fn new(writer: SerializedPageWriter<'a, Vec<u8>>) -> Result<Self> {
        let done =
            Done { compressed: 0, uncompressed: 0, first_data_page: 0, offsets: OffsetIndexBuilder::new() };
        Ok(Self { writer, compressor: zstd::bulk::Compressor::new(LEVEL)?, done })
    }

    fn dictionary(&mut self, values: &[&str]) -> Result<()> {
        let mut plain = Vec::new();
        for value in values {
            plain.extend_from_slice(&u32::try_from(value.len()).map_err(too_long)?.to_le_bytes());
            plain.extend_from_slice(value.as_bytes());
        }
        let num_values = u32::try_from(values.len()).map_err(too_long)?;
        let page =
            |buf| Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, is_sorted: false };
        let spec = self.write(&plain, page)?;
        self.done.first_data_page = spec.compressed_size as i64;
        Ok(())
    }

    fn data(&mut self, plain: &[u8], rows: usize) -> Result<()> {
        let num_values = u32::try_from(rows).map_err(too_long)?;
        let spec = self.write(plain, |buf| Page::DataPage {
            buf,
            num_values,
            encoding: Encoding::RLE_DICTIONARY,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        })?;
        let size = i32::try_from(spec.compressed_size).map_err(too_long)?;
        self.done.offsets.append_offset_and_size(spec.offset as i64, size);
        self.done.offsets.append_row_count(i64::from(num_values));
        Ok(())
    }

    fn write(&mut self, plain: &[u8], page: impl FnOnce(Bytes) -> Page) -> Result<PageWriteSpec> {
        let compressed = self.compressor.compress(plain)?;
        let spec = self.writer.write_page(CompressedPage::new(page(compressed.into()), plain.len()))?;
        self.done.compressed += spec.compressed_size as i64;
        self.done.uncompressed += spec.uncompressed_size as i64;
        Ok(spec)
    }

    fn finish(self) -> Done {
        self.done
    }
}
