//! Timestamps from texts: ISO 8601 with or without zone and fraction, seconds and milliseconds.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray, TimestampMicrosecondArray};
use arrow::compute::kernels::cast_utils::string_to_datetime;
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use pacbot_schemas::TimestampFormat;

use super::conform::{cast, lost};

/// The last second of the year 9999, beyond which no reader of the lake need follow.
const LAST_SECOND: f64 = 253_402_300_799.0;
/// The first number that is taken for milliseconds where no format is declared: the year 5138 in seconds.
const FIRST_MILLIS: f64 = 1e11;

/// Parses texts; what is no time is null.
///
/// The declared format is tried on the whole array first. Emulators and services differ in what they send,
/// so what it does not fit is tried in the other formats.
pub(crate) fn from_texts(texts: &StringArray, format: TimestampFormat) -> Result<ArrayRef, ArrowError> {
    let quick: ArrayRef = match format {
        TimestampFormat::Iso => iso(texts)?,
        TimestampFormat::EpochS => numbers(texts, 1.0)?,
        TimestampFormat::EpochMs => numbers(texts, 1e-3)?,
    };
    if lost(texts, &quick) == 0 {
        return Ok(quick);
    }
    let parsed: TimestampMicrosecondArray = texts.iter().map(|text| parse(text?.trim(), format)).collect();
    Ok(Arc::new(parsed.with_timezone("UTC")))
}

fn iso(texts: &StringArray) -> Result<ArrayRef, ArrowError> {
    // The name `UTC` would need the time zone database.
    let times = cast(texts, &DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())))?;
    Ok(Arc::new(times.as_primitive::<TimestampMicrosecondType>().clone().with_timezone("UTC")))
}

fn numbers(texts: &StringArray, unit_seconds: f64) -> Result<ArrayRef, ArrowError> {
    let numbers = cast(texts, &DataType::Float64)?;
    let numbers = numbers.as_primitive::<Float64Type>();
    let times = numbers.unary_opt::<_, TimestampMicrosecondType>(|number| micros(number * unit_seconds));
    Ok(Arc::new(times.with_timezone("UTC")))
}

fn micros(seconds: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "it is in range, which NaN is not")]
    (seconds.abs() <= LAST_SECOND).then(|| (seconds * 1e6).round() as i64)
}

fn parse(text: &str, format: TimestampFormat) -> Option<i64> {
    if let Ok(number) = text.parse::<f64>() {
        let is_millis = match format {
            TimestampFormat::Iso => number.abs() >= FIRST_MILLIS,
            TimestampFormat::EpochS => false,
            TimestampFormat::EpochMs => true,
        };
        return micros(if is_millis { number / 1e3 } else { number });
    }
    let iso = string_to_datetime(&Utc, text).ok();
    let mail = || DateTime::parse_from_rfc2822(text).ok().map(|time| time.with_timezone(&Utc));
    iso.or_else(mail).map(|time| time.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;

    use super::*;

    fn read(format: TimestampFormat, texts: &[&str]) -> Vec<Option<String>> {
        let array = from_texts(&StringArray::from(texts.to_vec()), format).unwrap();
        assert_eq!(array.data_type(), &pacbot_schemas::timestamp());
        let array = array.as_primitive::<TimestampMicrosecondType>();
        let text = |micros: i64| DateTime::from_timestamp_micros(micros).unwrap().to_rfc3339();
        array.iter().map(|micros| micros.map(text)).collect()
    }

    const TIME: &str = "2024-05-06T07:08:09+00:00";

    #[test]
    fn iso_has_many_forms() {
        let plain = ["2024-05-06T07:08:09Z", "2024-05-06T07:08:09", "2024-05-06 07:08:09", "2024-05-06T09:08:09+02:00"];
        assert_eq!(read(TimestampFormat::Iso, &plain), vec![Some(TIME.to_owned()); 4]);
        let fraction = ["2024-05-06T07:08:09.000+0000", "2024-05-06T07:08:09.000Z", "2024-05-06T07:08:09.000000"];
        assert_eq!(read(TimestampFormat::Iso, &fraction), vec![Some(TIME.to_owned()); 3]);
        assert_eq!(
            read(TimestampFormat::Iso, &["2024-05-06T07:08:09.123456Z"])[0].as_deref(),
            Some("2024-05-06T07:08:09.123456+00:00")
        );
        assert_eq!(read(TimestampFormat::Iso, &["2024-05-06"])[0].as_deref(), Some("2024-05-06T00:00:00+00:00"));
    }

    #[test]
    fn numbers_are_seconds_or_milliseconds() {
        assert_eq!(
            read(TimestampFormat::EpochS, &["1714979289", "1714979289.0", "1.714979289E9"]),
            vec![Some(TIME.to_owned()); 3]
        );
        assert_eq!(read(TimestampFormat::EpochMs, &["1714979289000"]), vec![Some(TIME.to_owned())]);
        assert_eq!(
            read(TimestampFormat::EpochS, &["1714979289.25"])[0].as_deref(),
            Some("2024-05-06T07:08:09.250+00:00")
        );
    }

    #[test]
    fn another_format_than_declared_is_read() {
        let mixed = ["1714979289", "1714979289000", "2024-05-06T07:08:09Z", "Mon, 06 May 2024 07:08:09 GMT"];
        assert_eq!(read(TimestampFormat::Iso, &mixed), vec![Some(TIME.to_owned()); 4]);
        assert_eq!(read(TimestampFormat::EpochS, &["2024-05-06T07:08:09Z"]), vec![Some(TIME.to_owned())]);
    }

    #[test]
    fn what_is_no_time_is_null() {
        assert_eq!(read(TimestampFormat::Iso, &["", "soon", "9e99", "NaN"]), vec![None; 4]);
        assert_eq!(read(TimestampFormat::EpochMs, &["-9e99", "x"]), vec![None; 2]);
    }
}
