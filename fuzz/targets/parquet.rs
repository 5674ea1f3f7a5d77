#![no_main]
libfuzzer_sys::fuzz_target!(
    init: evenhand_fuzz::let_caught_panics_be(),
    |data: &[u8]| evenhand_fuzz::record::parquet(data)
);
