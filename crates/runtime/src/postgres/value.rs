//! Values between the guest's types and the server's binary form.
//!
//! Which Rust type meets which column type is exactly as in Spin, so that a statement which works here works there: what
//! Spin refuses (a `timestamptz` column, text for a `uuid` parameter) is refused here as well.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, WrongType};
use uuid::Uuid;

use super::{numeric, range};
use crate::bindings::postgres::{DbDataType, DbValue, Interval, ParameterValue};

type Failure = Box<dyn Error + Sync + Send>;

/// A value of a row.
pub(super) struct Cell(pub DbValue);

/// A value of a parameter.
#[derive(Debug)]
pub(super) struct Parameter(pub ParameterValue);

/// What the guest is told of a column's type.
pub(super) fn data_type(kind: &Type) -> DbDataType {
    match *kind {
        Type::BOOL => DbDataType::Boolean,
        Type::INT2 => DbDataType::Int16,
        Type::INT4 => DbDataType::Int32,
        Type::INT8 => DbDataType::Int64,
        Type::FLOAT4 => DbDataType::Floating32,
        Type::FLOAT8 => DbDataType::Floating64,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR => DbDataType::Str,
        Type::BYTEA => DbDataType::Binary,
        Type::DATE => DbDataType::Date,
        Type::TIME => DbDataType::Time,
        Type::TIMESTAMP | Type::TIMESTAMPTZ => DbDataType::Datetime,
        Type::UUID => DbDataType::Uuid,
        Type::JSONB => DbDataType::Jsonb,
        Type::NUMERIC => DbDataType::Decimal,
        Type::INT4_RANGE => DbDataType::RangeInt32,
        Type::INT8_RANGE => DbDataType::RangeInt64,
        Type::NUM_RANGE => DbDataType::RangeDecimal,
        Type::INT4_ARRAY => DbDataType::ArrayInt32,
        Type::INT8_ARRAY => DbDataType::ArrayInt64,
        Type::NUMERIC_ARRAY => DbDataType::ArrayDecimal,
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::BPCHAR_ARRAY => DbDataType::ArrayStr,
        Type::INTERVAL => DbDataType::Interval,
        _ => DbDataType::Other(kind.name().to_owned()),
    }
}

impl<'r> FromSql<'r> for Cell {
    fn from_sql(kind: &Type, raw: &'r [u8]) -> Result<Self, Failure> {
        Ok(Self(match *kind {
            Type::BOOL => DbValue::Boolean(bool::from_sql(kind, raw)?),
            Type::INT2 => DbValue::Int16(i16::from_sql(kind, raw)?),
            Type::INT4 => DbValue::Int32(i32::from_sql(kind, raw)?),
            Type::INT8 => DbValue::Int64(i64::from_sql(kind, raw)?),
            Type::FLOAT4 => DbValue::Floating32(f32::from_sql(kind, raw)?),
            Type::FLOAT8 => DbValue::Floating64(f64::from_sql(kind, raw)?),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR => DbValue::Str(String::from_sql(kind, raw)?),
            Type::BYTEA => DbValue::Binary(raw.to_vec()),
            Type::DATE => DbValue::Date(date(NaiveDate::from_sql(kind, raw)?)?),
            Type::TIME => DbValue::Time(time(NaiveTime::from_sql(kind, raw)?)?),
            Type::TIMESTAMP => {
                let moment = NaiveDateTime::from_sql(kind, raw)?;
                let ((year, month, day), (hour, minute, second, nanosecond)) =
                    (date(moment.date())?, time(moment.time())?);
                DbValue::Datetime((year, month, day, hour, minute, second, nanosecond))
            }
            Type::TIMESTAMPTZ => return Err("Spin has no value for a timestamptz: select it as something else".into()),
            Type::UUID => DbValue::Uuid(Uuid::from_sql(kind, raw)?.to_string()),
            // One byte of version stands before the text.
            Type::JSONB => DbValue::Jsonb(raw.split_first().ok_or("empty jsonb")?.1.to_vec()),
            Type::NUMERIC => DbValue::Decimal(numeric::decode(raw).ok_or("invalid numeric")?),
            Type::INT4_RANGE => DbValue::RangeInt32(range::decode(raw, |raw| i32::from_sql(&Type::INT4, raw))?),
            Type::INT8_RANGE => DbValue::RangeInt64(range::decode(raw, |raw| i64::from_sql(&Type::INT8, raw))?),
            Type::NUM_RANGE => DbValue::RangeDecimal(range::decode(raw, decimal)?),
            Type::INT4_ARRAY => DbValue::ArrayInt32(Vec::from_sql(kind, raw)?),
            Type::INT8_ARRAY => DbValue::ArrayInt64(Vec::from_sql(kind, raw)?),
            Type::NUMERIC_ARRAY => {
                let values = Vec::<Option<Decimal>>::from_sql(kind, raw)?;
                DbValue::ArrayDecimal(values.into_iter().map(|value| value.map(|value| value.0)).collect())
            }
            Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::BPCHAR_ARRAY => DbValue::ArrayStr(Vec::from_sql(kind, raw)?),
            Type::INTERVAL => DbValue::Interval(interval(raw).ok_or("invalid interval")?),
            _ => DbValue::Unsupported(raw.to_vec()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Failure> {
        Ok(Self(DbValue::DbNull))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl ToSql for Parameter {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        match &self.0 {
            ParameterValue::DbNull => Ok(IsNull::Yes),
            ParameterValue::Boolean(value) => value.to_sql_checked(kind, out),
            ParameterValue::Int8(value) => value.to_sql_checked(kind, out),
            ParameterValue::Int16(value) => value.to_sql_checked(kind, out),
            ParameterValue::Int32(value) => value.to_sql_checked(kind, out),
            ParameterValue::Int64(value) => value.to_sql_checked(kind, out),
            ParameterValue::Floating32(value) => value.to_sql_checked(kind, out),
            ParameterValue::Floating64(value) => value.to_sql_checked(kind, out),
            ParameterValue::Str(value) => value.to_sql_checked(kind, out),
            ParameterValue::Binary(value) => value.to_sql_checked(kind, out),
            ParameterValue::Date((year, month, day)) => day_of(*year, *month, *day)?.to_sql_checked(kind, out),
            ParameterValue::Time((hour, minute, second, nanosecond)) => {
                time_of(*hour, *minute, *second, *nanosecond)?.to_sql_checked(kind, out)
            }
            ParameterValue::Datetime((year, month, day, hour, minute, second, nanosecond)) => {
                let time = time_of(*hour, *minute, *second, *nanosecond)?;
                day_of(*year, *month, *day)?.and_time(time).to_sql_checked(kind, out)
            }
            ParameterValue::Timestamp(seconds) => {
                let moment = DateTime::<Utc>::from_timestamp(*seconds, 0).ok_or("the timestamp is out of range")?;
                moment.to_sql_checked(kind, out)
            }
            ParameterValue::Uuid(text) => Uuid::parse_str(text)?.to_sql_checked(kind, out),
            ParameterValue::Jsonb(text) => json(text, kind, out),
            ParameterValue::Decimal(text) => Decimal(text.clone()).to_sql_checked(kind, out),
            ParameterValue::RangeInt32(range) => {
                only(kind, &[Type::INT4_RANGE])?;
                range::encode(range, out, |value, out| value.to_sql(&Type::INT4, out).map(drop))
            }
            ParameterValue::RangeInt64(range) => {
                only(kind, &[Type::INT8_RANGE])?;
                range::encode(range, out, |value, out| value.to_sql(&Type::INT8, out).map(drop))
            }
            ParameterValue::RangeDecimal(range) => {
                only(kind, &[Type::NUM_RANGE])?;
                range::encode(range, out, |value, out| Decimal(value.clone()).to_sql(&Type::NUMERIC, out).map(drop))
            }
            ParameterValue::ArrayInt32(values) => values.to_sql_checked(kind, out),
            ParameterValue::ArrayInt64(values) => values.to_sql_checked(kind, out),
            ParameterValue::ArrayStr(values) => values.to_sql_checked(kind, out),
            ParameterValue::ArrayDecimal(values) => {
                let values: Vec<_> = values.iter().map(|value| value.clone().map(Decimal)).collect();
                values.to_sql_checked(kind, out)
            }
            ParameterValue::Interval(value) => {
                only(kind, &[Type::INTERVAL])?;
                out.put_i64(value.micros);
                out.put_i32(value.days);
                out.put_i32(value.months);
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        self.to_sql(kind, out)
    }
}

/// A decimal number, kept as text.
#[derive(Debug)]
struct Decimal(String);

impl FromSql<'_> for Decimal {
    fn from_sql(_: &Type, raw: &[u8]) -> Result<Self, Failure> {
        decimal(raw).map(Self)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::NUMERIC
    }
}

impl ToSql for Decimal {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        numeric::encode(&self.0, out).ok_or_else(|| format!("`{}` is no decimal number", self.0))?;
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::NUMERIC
    }

    tokio_postgres::types::to_sql_checked!();
}

fn decimal(raw: &[u8]) -> Result<String, Failure> {
    numeric::decode(raw).ok_or_else(|| "invalid numeric".into())
}

fn json(text: &[u8], kind: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
    only(kind, &[Type::JSONB, Type::JSON])?;
    if *kind == Type::JSONB {
        out.put_u8(1);
    }
    out.put_slice(text);
    Ok(IsNull::No)
}

fn interval(raw: &[u8]) -> Option<Interval> {
    let (micros, rest) = raw.split_first_chunk()?;
    let (days, rest) = rest.split_first_chunk()?;
    let (months, rest) = rest.split_first_chunk()?;
    let interval = Interval {
        micros: i64::from_be_bytes(*micros),
        days: i32::from_be_bytes(*days),
        months: i32::from_be_bytes(*months),
    };
    rest.is_empty().then_some(interval)
}

fn date(date: NaiveDate) -> Result<(i32, u8, u8), Failure> {
    Ok((date.year(), date.month().try_into()?, date.day().try_into()?))
}

fn time(time: NaiveTime) -> Result<(u8, u8, u8, u32), Failure> {
    Ok((time.hour().try_into()?, time.minute().try_into()?, time.second().try_into()?, time.nanosecond()))
}

fn day_of(year: i32, month: u8, day: u8) -> Result<NaiveDate, Failure> {
    let date = NaiveDate::from_ymd_opt(year, month.into(), day.into());
    date.ok_or_else(|| format!("there is no {year}-{month}-{day}").into())
}

fn time_of(hour: u8, minute: u8, second: u8, nanosecond: u32) -> Result<NaiveTime, Failure> {
    let time = NaiveTime::from_hms_nano_opt(hour.into(), minute.into(), second.into(), nanosecond);
    time.ok_or_else(|| format!("there is no {hour}:{minute}:{second}").into())
}

/// Refuses a parameter whose column has another type.
fn only(kind: &Type, accepted: &[Type]) -> Result<(), Failure> {
    match accepted.contains(kind) {
        true => Ok(()),
        false => Err(Box::new(WrongType::new::<Parameter>(kind.clone()))),
    }
}
