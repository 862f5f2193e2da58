//! Every setting: its name as SHOW writes it, its default, what it accepts.

mod inert;

use inert::INERT;

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Bool,
    /// A whole number between two bounds.
    Integer(i64, i64),
    /// Milliseconds, with PostgreSQL's units (`2s`, `1min`); shown with the largest that fits.
    Milliseconds(i64),
    Choice(&'static [&'static str]),
    /// A number between two bounds.
    Real(f64, f64),
    /// A size between two bounds, counted in so many kilobytes, with PostgreSQL's units
    /// (`64kB`, `1GB`); shown with the largest that fits. Negative: none.
    Size(i64, i64, i64),
    Text,
    /// A whole number that bounds what the session may ask for; 0: the server's own
    /// bound. Given by a role or by the server when a session starts, never by the
    /// session itself.
    Limit,
    /// Told, never changed.
    ReadOnly,
}

#[derive(Debug)]
pub struct Setting {
    pub name: &'static str,
    pub default: &'static str,
    pub kind: Kind,
    /// Clients are told of changes (ParameterStatus).
    pub reported: bool,
    /// Others are refused with 42501.
    pub by_superusers: bool,
    pub about: &'static str,
}

const fn setting(
    name: &'static str,
    default: &'static str,
    kind: Kind,
    reported: bool,
    about: &'static str,
) -> Setting {
    Setting {
        name,
        default,
        kind,
        reported,
        by_superusers: false,
        about,
    }
}

/// The PostgreSQL version whose dialect Orbit speaks; drivers parse it.
pub const SERVER_VERSION: &str = "15.14";

const LEVELS: Kind = Kind::Choice(&[
    "serializable",
    "repeatable read",
    "read committed",
    "read uncommitted",
]);
const MESSAGES: Kind = Kind::Choice(&[
    "debug5", "debug4", "debug3", "debug2", "debug1", "debug", "log", "info", "notice", "warning",
    "error",
]);
const INT_MAX: i64 = i32::MAX as i64;

use Kind::{Bool, Choice, Integer, Limit, Milliseconds, ReadOnly, Size, Text};

/// In alphabetical order, whatever the case.
#[rustfmt::skip]
pub static SETTINGS: &[Setting] = &[
    setting("application_name", "", Text, true, "Sets the application name to be reported in statistics and logs."),
    setting("array_nulls", "on", Bool, false, "Enables input of NULL elements in arrays."),
    setting("bytea_output", "hex", Choice(&["escape", "hex"]), false, "Sets the output format for bytea."),
    setting("check_function_bodies", "on", Bool, false, "Checks routine bodies when they are created."),
    setting("client_encoding", "UTF8", Text, true, "Sets the client's character set encoding."),
    setting("client_min_messages", "notice", MESSAGES, false, "Sets the message levels that are sent to the client."),
    setting("DateStyle", "ISO, MDY", Text, true, "Sets the display format for date and time values."),
    setting("deadlock_timeout", "1s", Milliseconds(1), false, "Sets the time to wait on a lock before checking for deadlock."),
    setting("default_table_access_method", "heap", Text, false, "Sets the default table access method for new tables."),
    setting("default_tablespace", "", Text, false, "Sets the default tablespace to create tables and indexes in."),
    setting("default_transaction_deferrable", "off", Bool, false, "Sets the default deferrable status of new transactions."),
    setting("default_transaction_isolation", "read committed", LEVELS, false, "Sets the transaction isolation level of each new transaction."),
    setting("default_transaction_read_only", "off", Bool, true, "Sets the default read-only status of new transactions."),
    setting("escape_string_warning", "on", Bool, false, "Warn about backslash escapes in ordinary string literals."),
    setting("expression_depth_limit", "0", Limit, false, "Limits how deep the expressions of a statement may nest."),
    setting("extra_float_digits", "1", Integer(-15, 3), false, "Sets the number of digits displayed for floating-point values."),
    setting("idle_in_transaction_session_timeout", "0", Milliseconds(0), false, "Sets the maximum allowed idle time between queries, when in a transaction."),
    setting("idle_session_timeout", "0", Milliseconds(0), false, "Sets the maximum allowed idle time between queries, when not in a transaction."),
    setting("in_hot_standby", "off", ReadOnly, true, "Shows whether hot standby is currently active."),
    setting("integer_datetimes", "on", ReadOnly, true, "Shows whether datetimes are integer based."),
    setting("IntervalStyle", "postgres", Choice(&["postgres", "postgres_verbose", "sql_standard", "iso_8601"]), true, "Sets the display format for interval values."),
    setting("is_superuser", "on", ReadOnly, true, "Shows whether the current user is a superuser."),
    setting("jit", "off", Bool, false, "Allow JIT compilation."),
    setting("lc_collate", "C.UTF-8", ReadOnly, false, "Shows the collation order locale."),
    setting("lc_ctype", "C.UTF-8", ReadOnly, false, "Shows the character classification and case conversion locale."),
    setting("lc_messages", "C", Text, false, "Sets the language in which messages are displayed."),
    setting("lc_monetary", "C", Text, false, "Sets the locale for formatting monetary amounts."),
    setting("lc_numeric", "C", Text, false, "Sets the locale for formatting numbers."),
    setting("lc_time", "C", Text, false, "Sets the locale for formatting date and time values."),
    setting("lock_timeout", "0", Milliseconds(0), false, "Sets the maximum allowed duration of any wait for a lock."),
    setting("max_connections", "100", ReadOnly, false, "Sets the maximum number of concurrent connections."),
    setting("max_identifier_length", "63", ReadOnly, false, "Shows the maximum identifier length."),
    setting("max_index_keys", "32", ReadOnly, false, "Shows the maximum number of index keys."),
    setting("parameter_limit", "0", Limit, false, "Limits the parameters of a prepared statement."),
    setting("password_encryption", "scram-sha-256", Choice(&["scram-sha-256"]), false, "Chooses the algorithm for encrypting passwords."),
    setting("quote_all_identifiers", "off", Bool, false, "When generating SQL fragments, quote all identifiers."),
    setting("result_memory_limit", "0", Limit, false, "Limits the bytes that one statement may hold for its result."),
    setting("role", "none", Text, false, "Sets the current role."),
    setting("row_security", "on", Bool, false, "Enable row security."),
    setting("search_path", "\"$user\", public", Text, false, "Sets the schema search order for names that are not schema-qualified."),
    setting("server_encoding", "UTF8", ReadOnly, true, "Shows the server (database) character set encoding."),
    setting("server_version", SERVER_VERSION, ReadOnly, true, "Shows the server version."),
    setting("server_version_num", "150014", ReadOnly, false, "Shows the server version as an integer."),
    setting("session_authorization", "", Text, true, "Shows the session user name."),
    Setting { by_superusers: true, ..setting("session_replication_role", "origin", Choice(&["origin", "replica", "local"]), false, "Sets the session's behavior for triggers and rewrite rules.") },
    setting("standard_conforming_strings", "on", Bool, true, "Causes '...' strings to treat backslashes literally."),
    setting("statement_size_limit", "0", Limit, false, "Limits the bytes of a statement."),
    setting("statement_term_limit", "0", Limit, false, "Limits the words and signs of a statement."),
    setting("statement_timeout", "0", Milliseconds(0), false, "Sets the maximum allowed duration of any statement."),
    setting("synchronize_seqscans", "on", Bool, false, "Enable synchronized sequential scans."),
    setting("synchronous_commit", "on", Choice(&["local", "remote_write", "remote_apply", "on", "off"]), false, "Sets the current transaction's synchronization level."),
    setting("TimeZone", "UTC", Text, true, "Sets the time zone for displaying and interpreting time stamps."),
    setting("transaction_deferrable", "off", Bool, false, "Whether to defer a read-only serializable transaction."),
    setting("transaction_isolation", "read committed", LEVELS, false, "Sets the current transaction's isolation level."),
    setting("transaction_read_only", "off", Bool, false, "Sets the current transaction's read-only status."),
    setting("transaction_timeout", "0", Milliseconds(0), false, "Sets the maximum allowed duration of any transaction within a session."),
    setting("work_mem", "4MB", Size(1, 64, INT_MAX), false, "Sets the maximum memory to be used for query workspaces."),
    setting("xmlbinary", "base64", Choice(&["base64", "hex"]), false, "Sets how binary values are to be encoded in XML."),
    setting("xmloption", "content", Choice(&["content", "document"]), false, "Sets whether XML data is considered as documents or content fragments."),
];

/// Every setting; those that steer nothing come last.
pub fn all() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().chain(INERT)
}

/// The setting of that name, whatever the case.
pub fn find(name: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.name.eq_ignore_ascii_case(name))
}
