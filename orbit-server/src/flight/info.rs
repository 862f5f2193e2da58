//! What the server says it can, and the types it has.

use arrow_flight::sql::metadata::{
    SqlInfoData, SqlInfoDataBuilder, XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder,
};
use arrow_flight::sql::{
    Nullable, Searchable, SqlInfo, SqlSupportedCaseSensitivity, SqlSupportedTransaction,
    XdbcDataType, XdbcDatetimeSubcode,
};
use orbit_core::{Error, Result};

pub fn sql_info() -> Result<SqlInfoData> {
    let mut info = SqlInfoDataBuilder::new();
    info.append(SqlInfo::FlightSqlServerName, "Orbit");
    info.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    info.append(SqlInfo::FlightSqlServerArrowVersion, "1.3");
    info.append(SqlInfo::FlightSqlServerReadOnly, false);
    info.append(SqlInfo::FlightSqlServerSql, true);
    info.append(SqlInfo::FlightSqlServerSubstrait, false);
    info.append(
        SqlInfo::FlightSqlServerTransaction,
        SqlSupportedTransaction::Transaction as i32,
    );
    info.append(SqlInfo::FlightSqlServerCancel, true);
    info.append(SqlInfo::FlightSqlServerBulkIngestion, true);
    info.append(SqlInfo::FlightSqlServerIngestTransactionsSupported, true);
    info.append(SqlInfo::FlightSqlServerStatementTimeout, 0i32);
    info.append(SqlInfo::FlightSqlServerTransactionTimeout, 0i32);
    info.append(SqlInfo::SqlDdlCatalog, false);
    info.append(SqlInfo::SqlDdlSchema, true);
    info.append(SqlInfo::SqlDdlTable, true);
    info.append(
        SqlInfo::SqlIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i64,
    );
    info.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    info.append(
        SqlInfo::SqlQuotedIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i64,
    );
    info.append(SqlInfo::SqlMaxColumnsInSelect, 1664i64);
    info.append(SqlInfo::SqlMaxConnections, 0i64);
    info.build()
        .map_err(|error| Error::internal(format!("the server's description: {error}")))
}

/// name, code, column size, quotes, what CREATE TABLE asks for, base of its digits
type Row = (
    &'static str,
    XdbcDataType,
    Option<i32>,
    bool,
    &'static [&'static str],
    Option<i32>,
);

const TYPES: &[Row] = {
    use XdbcDataType::*;
    &[
        ("boolean", XdbcBit, Some(1), false, &[], None),
        ("smallint", XdbcSmallint, Some(16), false, &[], Some(2)),
        ("integer", XdbcInteger, Some(32), false, &[], Some(2)),
        ("bigint", XdbcBigint, Some(64), false, &[], Some(2)),
        ("real", XdbcReal, Some(24), false, &[], Some(2)),
        (
            "double precision",
            XdbcDouble,
            Some(53),
            false,
            &[],
            Some(2),
        ),
        (
            "numeric",
            XdbcNumeric,
            Some(1000),
            false,
            &["precision", "scale"],
            Some(10),
        ),
        ("text", XdbcLongvarchar, None, true, &[], None),
        (
            "character varying",
            XdbcVarchar,
            None,
            true,
            &["length"],
            None,
        ),
        ("character", XdbcChar, None, true, &["length"], None),
        ("bytea", XdbcVarbinary, None, true, &[], None),
        ("date", XdbcDate, Some(10), true, &[], None),
        ("time", XdbcTime, Some(15), true, &[], None),
        ("timestamp", XdbcTimestamp, Some(26), true, &[], None),
    ]
};

pub fn xdbc_types() -> Result<XdbcTypeInfoData> {
    let mut types = XdbcTypeInfoDataBuilder::new();
    for (name, code, size, quoted, parameters, radix) in TYPES {
        let quote = quoted.then(|| "'".to_owned());
        let moment = match code {
            // A date's code is also a year's.
            XdbcDataType::XdbcDate => Some(XdbcDatetimeSubcode::XdbcSubcodeYear),
            XdbcDataType::XdbcTime => Some(XdbcDatetimeSubcode::XdbcSubcodeTime),
            XdbcDataType::XdbcTimestamp => Some(XdbcDatetimeSubcode::XdbcSubcodeTimestamp),
            _ => None,
        };
        let general = match moment {
            Some(_) => XdbcDataType::XdbcDatetime,
            None => *code,
        };
        let parameters = parameters.iter().map(|name| (*name).to_owned());
        let parameters: Vec<String> = parameters.collect();
        types.append(XdbcTypeInfo {
            type_name: (*name).to_owned(),
            data_type: *code,
            column_size: *size,
            literal_prefix: quote.clone(),
            literal_suffix: quote,
            create_params: (!parameters.is_empty()).then_some(parameters),
            nullable: Nullable::NullabilityNullable,
            case_sensitive: *quoted && moment.is_none(),
            searchable: Searchable::Full,
            unsigned_attribute: radix.map(|_| false),
            fixed_prec_scale: false,
            auto_increment: None,
            local_type_name: Some((*name).to_owned()),
            minimum_scale: None,
            maximum_scale: None,
            sql_data_type: general,
            datetime_subcode: moment,
            num_prec_radix: *radix,
            interval_precision: None,
        });
    }
    types
        .build()
        .map_err(|error| Error::internal(format!("the types' description: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_can_be_asked_for() {
        let info = sql_info().unwrap();
        let one = [SqlInfo::FlightSqlServerTransaction as u32];
        assert_eq!(info.record_batch(one).unwrap().num_rows(), 1);
        assert!(info.record_batch([]).unwrap().num_rows() > 15);
        let types = xdbc_types().unwrap();
        assert_eq!(types.record_batch(None).unwrap().num_rows(), TYPES.len());
        let integer = XdbcDataType::XdbcInteger as i32;
        assert_eq!(types.record_batch(integer).unwrap().num_rows(), 1);
    }
}
