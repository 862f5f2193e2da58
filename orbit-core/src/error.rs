//! One error type for everything a client can be told: what happened, where,
//! and what to do now, with PostgreSQL's five-letter code.

use crate::ids::TableId;
use std::borrow::Cow;
use std::fmt;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A SQLSTATE code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlState(pub [u8; 5]);

impl SqlState {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XX000")
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident = $code:literal),* $(,)?) => {
        /// The codes Orbit raises, by PostgreSQL's names.
        pub mod state {
            use super::SqlState;
            $($(#[$doc])* pub const $name: SqlState = SqlState(*$code);)*
        }
    };
}

states! {
    SUCCESSFUL_COMPLETION = b"00000",
    WARNING = b"01000",
    NO_DATA = b"02000",
    CONNECTION_FAILURE = b"08006",
    PROTOCOL_VIOLATION = b"08P01",
    FEATURE_NOT_SUPPORTED = b"0A000",
    CARDINALITY_VIOLATION = b"21000",
    WITH_CHECK_OPTION_VIOLATION = b"44000",
    STRING_DATA_RIGHT_TRUNCATION = b"22001",
    NUMERIC_VALUE_OUT_OF_RANGE = b"22003",
    NULL_VALUE_NOT_ALLOWED = b"22004",
    INVALID_DATETIME_FORMAT = b"22007",
    DATETIME_FIELD_OVERFLOW = b"22008",
    SEQUENCE_GENERATOR_LIMIT_EXCEEDED = b"2200H",
    DIVISION_BY_ZERO = b"22012",
    INVALID_REGULAR_EXPRESSION = b"2201B",
    INVALID_ARGUMENT_FOR_LOGARITHM = b"2201E",
    INVALID_ARGUMENT_FOR_POWER_FUNCTION = b"2201F",
    INVALID_ROW_COUNT_IN_LIMIT_CLAUSE = b"2201W",
    INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE = b"2201X",
    ARRAY_SUBSCRIPT_ERROR = b"2202E",
    CHARACTER_NOT_IN_REPERTOIRE = b"22021",
    INVALID_PARAMETER_VALUE = b"22023",
    SUBSTRING_ERROR = b"22011",
    INVALID_ESCAPE_SEQUENCE = b"22025",
    INVALID_USE_OF_ESCAPE = b"2200C",
    INVALID_TEXT_REPRESENTATION = b"22P02",
    INVALID_BINARY_REPRESENTATION = b"22P03",
    BAD_COPY_FILE_FORMAT = b"22P04",
    RESTRICT_VIOLATION = b"23001",
    NOT_NULL_VIOLATION = b"23502",
    FOREIGN_KEY_VIOLATION = b"23503",
    UNIQUE_VIOLATION = b"23505",
    CHECK_VIOLATION = b"23514",
    ACTIVE_SQL_TRANSACTION = b"25001",
    NO_ACTIVE_SQL_TRANSACTION = b"25P01",
    IN_FAILED_SQL_TRANSACTION = b"25P02",
    IDLE_IN_TRANSACTION_SESSION_TIMEOUT = b"25P03",
    READ_ONLY_SQL_TRANSACTION = b"25006",
    INVALID_SQL_STATEMENT_NAME = b"26000",
    INVALID_TRANSACTION_TERMINATION = b"2D000",
    INVALID_AUTHORIZATION = b"28000",
    PRIVILEGE_NOT_REVOKED = b"01006",
    PRIVILEGE_NOT_GRANTED = b"01007",
    RESERVED_NAME = b"42939",
    INVALID_ROLE_SPECIFICATION = b"0P000",
    INVALID_GRANT_OPERATION = b"0LP01",
    CONFIG_FILE_ERROR = b"F0000",
    INVALID_PASSWORD = b"28P01",
    INVALID_CURSOR_NAME = b"34000",
    DEPENDENT_OBJECTS_STILL_EXIST = b"2BP01",
    INVALID_CATALOG_NAME = b"3D000",
    INVALID_SAVEPOINT_SPECIFICATION = b"3B001",
    INVALID_SCHEMA_NAME = b"3F000",
    SERIALIZATION_FAILURE = b"40001",
    STATEMENT_COMPLETION_UNKNOWN = b"40003",
    DEADLOCK_DETECTED = b"40P01",
    INSUFFICIENT_PRIVILEGE = b"42501",
    SYNTAX_ERROR = b"42601",
    NAME_TOO_LONG = b"42622",
    DUPLICATE_COLUMN = b"42701",
    AMBIGUOUS_COLUMN = b"42702",
    DUPLICATE_ALIAS = b"42712",
    AMBIGUOUS_FUNCTION = b"42725",
    INVALID_RECURSION = b"42P19",
    WINDOWING_ERROR = b"42P20",
    UNDEFINED_COLUMN = b"42703",
    UNDEFINED_OBJECT = b"42704",
    DUPLICATE_OBJECT = b"42710",
    GROUPING_ERROR = b"42803",
    DATATYPE_MISMATCH = b"42804",
    WRONG_OBJECT_TYPE = b"42809",
    CANNOT_COERCE = b"42846",
    GENERATED_ALWAYS = b"428C9",
    UNDEFINED_FUNCTION = b"42883",
    UNDEFINED_TABLE = b"42P01",
    UNDEFINED_PARAMETER = b"42P02",
    DUPLICATE_CURSOR = b"42P03",
    DUPLICATE_PREPARED_STATEMENT = b"42P05",
    DUPLICATE_SCHEMA = b"42P06",
    DUPLICATE_TABLE = b"42P07",
    INVALID_FOREIGN_KEY = b"42830",
    INVALID_COLUMN_REFERENCE = b"42P10",
    INVALID_TABLE_DEFINITION = b"42P16",
    INVALID_OBJECT_DEFINITION = b"42P17",
    INDETERMINATE_DATATYPE = b"42P18",
    INSUFFICIENT_RESOURCES = b"53000",
    DISK_FULL = b"53100",
    OUT_OF_MEMORY = b"53200",
    TOO_MANY_CONNECTIONS = b"53300",
    CONFIGURATION_LIMIT_EXCEEDED = b"53400",
    PROGRAM_LIMIT_EXCEEDED = b"54000",
    TOO_MANY_COLUMNS = b"54011",
    STATEMENT_TOO_COMPLEX = b"54001",
    OBJECT_NOT_IN_PREREQUISITE_STATE = b"55000",
    OBJECT_IN_USE = b"55006",
    LOCK_NOT_AVAILABLE = b"55P03",
    QUERY_CANCELED = b"57014",
    ADMIN_SHUTDOWN = b"57P01",
    CANNOT_CONNECT_NOW = b"57P03",
    IDLE_SESSION_TIMEOUT = b"57P05",
    IO_ERROR = b"58030",
    /// Never leaves the node: the statement must be planned again.
    STALE_PLAN = b"XXP01",
    INTERNAL_ERROR = b"XX000",
    DATA_CORRUPTED = b"XX001",
    INDEX_CORRUPTED = b"XX002",
}

/// What went wrong, as a client will read it. Boxed inside: a `Result` stays small.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    state: SqlState,
    message: Cow<'static, str>,
    detail: Option<String>,
    hint: Option<Cow<'static, str>>,
    /// 1-based character position in the statement.
    position: Option<u32>,
    context: Option<String>,
    schema: Option<String>,
    table: Option<String>,
    column: Option<String>,
    constraint: Option<String>,
    shown: Option<Box<Shown>>,
}

/// Which values of a table a DETAIL shows: whoever may not read them is told less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub table: TableId,
    pub values: ShownValues,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShownValues {
    /// Those of a key, and the DETAIL without them.
    Key {
        columns: Vec<usize>,
        otherwise: Option<String>,
    },
    /// Those of a whole row as they are written, in the order of its columns.
    Row(Vec<String>),
}

macro_rules! fields {
    ($($with:ident, $get:ident: String);* $(;)?) => {$(
        #[must_use]
        pub fn $with(mut self, text: impl Into<String>) -> Self {
            self.0.$get = Some(text.into());
            self
        }
        pub fn $get(&self) -> Option<&str> {
            self.0.$get.as_deref()
        }
    )*};
}

impl Error {
    pub fn new(state: SqlState, message: impl Into<Cow<'static, str>>) -> Self {
        Error(Box::new(Inner {
            state,
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
            context: None,
            schema: None,
            table: None,
            column: None,
            constraint: None,
            shown: None,
        }))
    }

    /// Something this version doesn't do. Never an approximation instead.
    pub fn unsupported(what: impl fmt::Display) -> Self {
        Error::new(
            state::FEATURE_NOT_SUPPORTED,
            format!("{what} is not supported"),
        )
    }

    /// A state of affairs that our own code should have made impossible.
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Error::new(state::INTERNAL_ERROR, message)
    }

    pub fn corrupted(message: impl Into<Cow<'static, str>>) -> Self {
        Error::new(state::DATA_CORRUPTED, message)
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn at(mut self, position: u32) -> Self {
        self.0.position = Some(position);
        self
    }

    /// Where it was isn't a place that the client knows.
    #[must_use]
    pub fn without_position(mut self) -> Self {
        self.0.position = None;
        self
    }

    fields! {
        with_detail, detail: String;
        in_context, context: String;
        of_schema, schema: String;
        of_table, table: String;
        of_column, column: String;
        of_constraint, constraint: String;
    }

    /// What the DETAIL shows, for whoever sends it to a client.
    #[must_use]
    pub fn showing(mut self, shown: Shown) -> Self {
        self.0.shown = Some(Box::new(shown));
        self
    }

    pub fn is_showing(&self) -> bool {
        self.0.shown.is_some()
    }

    pub fn take_shown(&mut self) -> Option<Shown> {
        self.0.shown.take().map(|shown| *shown)
    }

    pub fn set_detail(&mut self, detail: Option<String>) {
        self.0.detail = detail;
    }

    pub fn state(&self) -> SqlState {
        self.0.state
    }
    pub fn message(&self) -> &str {
        &self.0.message
    }
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
    pub fn position(&self) -> Option<u32> {
        self.0.position
    }
    pub fn is(&self, state: SqlState) -> bool {
        self.0.state == state
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if let Some(detail) = &self.0.detail {
            write!(f, " ({detail})")?;
        }
        if let Some(hint) = &self.0.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:?}] {self}", self.0.state)
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        let state = match error.kind() {
            std::io::ErrorKind::StorageFull => state::DISK_FULL,
            _ => state::IO_ERROR,
        };
        Error::new(state, error.to_string())
    }
}
