//! CREATE, ALTER and DROP ROLE, GRANT, REVOKE, and what belongs to them.

use super::names::Name;
use super::tokens::Tokens;
use super::utility::Utility;
use crate::access::statement::{
    AccessStatement, Grant, Object, Objects, RoleGrant, RoleName, RoleOption, Wanted,
};
use orbit_core::catalog::{ObjectKind, Privileges};
use orbit_core::{Error, Result, state};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Token;

const ROLE_WORDS: [&str; 3] = ["ROLE", "USER", "GROUP"];

pub fn parse(tokens: &mut Tokens<'_>) -> Result<Option<Utility>> {
    let statement = if let Some(word) = verb_on_role(tokens, "CREATE") {
        if word == "USER" && tokens.is_word("MAPPING") {
            return Err(Error::unsupported("CREATE USER MAPPING"));
        }
        create_role(tokens, word)?
    } else if verb_on_role(tokens, "ALTER").is_some() {
        alter_role(tokens)?
    } else if verb_on_role(tokens, "DROP").is_some() {
        let if_exists = tokens.words(&["IF", "EXISTS"]);
        AccessStatement::DropRole {
            roles: role_names(tokens)?,
            if_exists,
        }
    } else if tokens.word("GRANT") {
        grant_or_revoke(tokens, true)?
    } else if tokens.word("REVOKE") {
        grant_or_revoke(tokens, false)?
    } else if tokens.words(&["ALTER", "DEFAULT", "PRIVILEGES"]) {
        default_privileges(tokens)?
    } else if tokens.words(&["REASSIGN", "OWNED", "BY"]) {
        let from = role_names(tokens)?;
        tokens.expect_word("TO")?;
        let to = role_name(tokens)?;
        AccessStatement::ReassignOwned { from, to }
    } else if tokens.words(&["DROP", "OWNED", "BY"]) {
        let roles = role_names(tokens)?;
        AccessStatement::DropOwned {
            roles,
            cascade: cascade(tokens),
        }
    } else if let Some(schema) = schema(tokens)? {
        schema
    } else if let Some(owner) = owner(tokens)? {
        owner
    } else {
        return Ok(None);
    };
    Ok(Some(Utility::Access(Box::new(statement))))
}

fn verb_on_role(tokens: &mut Tokens<'_>, verb: &str) -> Option<&'static str> {
    ROLE_WORDS
        .into_iter()
        .find(|word| tokens.words(&[verb, word]))
}

fn cascade(tokens: &mut Tokens<'_>) -> bool {
    tokens.word("CASCADE") || {
        tokens.word("RESTRICT");
        false
    }
}

fn role_name(tokens: &mut Tokens<'_>) -> Result<RoleName> {
    for (word, role) in [
        ("CURRENT_USER", RoleName::Current),
        ("CURRENT_ROLE", RoleName::Current),
        ("SESSION_USER", RoleName::Session),
        ("PUBLIC", RoleName::Public),
    ] {
        if tokens.word(word) {
            return Ok(role);
        }
    }
    let name = tokens.identifier()?;
    match name.as_str() {
        // In quotes, too.
        "public" => Ok(RoleName::Public),
        "none" => Err(reserved("none")),
        _ => Ok(RoleName::Named(name)),
    }
}

pub(crate) fn reserved(name: &str) -> Error {
    Error::new(
        state::RESERVED_NAME,
        format!("role name \"{name}\" is reserved"),
    )
}

fn role_names(tokens: &mut Tokens<'_>) -> Result<Vec<RoleName>> {
    let mut names = Vec::new();
    loop {
        // GRANT ... TO GROUP g, as it once was.
        tokens.word("GROUP");
        names.push(role_name(tokens)?);
        if !tokens.take(&Token::Comma) {
            return Ok(names);
        }
    }
}

fn identifiers(tokens: &mut Tokens<'_>) -> Result<Vec<String>> {
    let mut names = vec![tokens.identifier()?];
    while tokens.take(&Token::Comma) {
        names.push(tokens.identifier()?);
    }
    Ok(names)
}

fn create_role(tokens: &mut Tokens<'_>, word: &'static str) -> Result<AccessStatement> {
    let name = match role_name(tokens)? {
        RoleName::Named(name) => name,
        RoleName::Public => return Err(reserved("public")),
        RoleName::Current | RoleName::Session => {
            return Err(Error::new(
                state::RESERVED_NAME,
                "CURRENT_USER cannot be used as a role name here",
            ));
        }
    };
    tokens.word("WITH");
    let options = role_options(tokens, true)?;
    Ok(AccessStatement::CreateRole {
        name,
        word,
        options,
    })
}

fn alter_role(tokens: &mut Tokens<'_>) -> Result<AccessStatement> {
    let all = tokens.word("ALL");
    let role = match all {
        true => RoleName::Public,
        false => role_name(tokens)?,
    };
    if tokens.words(&["RENAME", "TO"]) {
        let to = tokens.identifier()?;
        let RoleName::Named(from) = role else {
            return Err(tokens.unexpected());
        };
        return Ok(AccessStatement::RenameRole { from, to });
    }
    // There is one database: what holds in it holds everywhere.
    let database = match tokens.words(&["IN", "DATABASE"]) {
        true => Some(tokens.identifier()?),
        false => None,
    };
    let change = super::database_grammar::change(tokens)?;
    if database.is_some() && change.is_none() {
        return Err(tokens.unexpected());
    }
    match change {
        Some(change) => Ok(AccessStatement::RoleSetting {
            role,
            database,
            change,
        }),
        None => {
            // ALTER GROUP g ADD USER u: grants under another name.
            for (word, grant) in [("ADD", true), ("DROP", false)] {
                if tokens.words(&[word, "USER"]) {
                    let RoleName::Named(group) = role else {
                        return Err(tokens.unexpected());
                    };
                    return Ok(AccessStatement::GrantRoles(RoleGrant {
                        grant,
                        roles: vec![group],
                        members: role_names(tokens)?,
                        admin: false,
                        by: None,
                    }));
                }
            }
            tokens.word("WITH");
            let options = role_options(tokens, false)?;
            Ok(AccessStatement::AlterRole { role, options })
        }
    }
}

fn role_options(tokens: &mut Tokens<'_>, create: bool) -> Result<Vec<RoleOption>> {
    let mut options: Vec<RoleOption> = Vec::new();
    while !tokens.at_end() {
        let option = role_option(tokens, create)?;
        let kind = std::mem::discriminant(&option);
        if options
            .iter()
            .any(|known| std::mem::discriminant(known) == kind)
        {
            return Err(Error::new(
                state::SYNTAX_ERROR,
                "conflicting or redundant options",
            ));
        }
        options.push(option);
    }
    Ok(options)
}

fn role_option(tokens: &mut Tokens<'_>, create: bool) -> Result<RoleOption> {
    type Make = fn(bool) -> RoleOption;
    const FLAGS: [(&str, &str, Make); 7] = [
        ("SUPERUSER", "NOSUPERUSER", RoleOption::Superuser),
        ("CREATEDB", "NOCREATEDB", RoleOption::CreateDb),
        ("CREATEROLE", "NOCREATEROLE", RoleOption::CreateRole),
        ("INHERIT", "NOINHERIT", RoleOption::Inherit),
        ("LOGIN", "NOLOGIN", RoleOption::Login),
        ("REPLICATION", "NOREPLICATION", RoleOption::Replication),
        ("BYPASSRLS", "NOBYPASSRLS", RoleOption::BypassRls),
    ];
    for (yes, no, make) in FLAGS {
        if tokens.word(yes) {
            return Ok(make(true));
        }
        if tokens.word(no) {
            return Ok(make(false));
        }
    }
    if tokens.words(&["CONNECTION", "LIMIT"]) {
        let minus = tokens.take(&Token::Minus);
        let Some(Token::Number(digits, _)) = tokens.peek() else {
            return Err(tokens.unexpected());
        };
        let number: i64 = digits.parse().map_err(|_| tokens.unexpected())?;
        tokens.advance();
        return Ok(RoleOption::ConnectionLimit(match minus {
            true => -number,
            false => number,
        }));
    }
    if tokens.words(&["UNENCRYPTED", "PASSWORD"]) {
        return Err(Error::new(
            state::FEATURE_NOT_SUPPORTED,
            "UNENCRYPTED PASSWORD is no longer supported",
        )
        .with_hint("Remove UNENCRYPTED to store the password in encrypted form instead."));
    }
    if tokens.words(&["ENCRYPTED", "PASSWORD"]) || tokens.word("PASSWORD") {
        if tokens.word("NULL") {
            return Ok(RoleOption::Password(None));
        }
        return Ok(RoleOption::Password(Some(tokens.string()?)));
    }
    if tokens.words(&["VALID", "UNTIL"]) {
        return Ok(RoleOption::ValidUntil(tokens.string()?));
    }
    if create {
        if tokens.words(&["IN", "ROLE"]) || tokens.words(&["IN", "GROUP"]) {
            return Ok(RoleOption::InRole(role_names(tokens)?));
        }
        if tokens.word("ADMIN") {
            return Ok(RoleOption::Admins(role_names(tokens)?));
        }
        if tokens.words(&["SYSID"]) {
            tokens.advance();
            return role_option(tokens, create);
        }
    }
    if tokens.word("ROLE") || tokens.word("USER") {
        return Ok(RoleOption::Members(role_names(tokens)?));
    }
    match tokens.peek() {
        Some(Token::Word(word)) if word.keyword == Keyword::NoKeyword => Err(Error::new(
            state::SYNTAX_ERROR,
            format!(
                "unrecognized role option \"{}\"",
                word.value.to_ascii_lowercase()
            ),
        )),
        _ => Err(tokens.unexpected()),
    }
}

fn grant_or_revoke(tokens: &mut Tokens<'_>, grant: bool) -> Result<AccessStatement> {
    let mut option = false;
    let mut admin = false;
    if !grant {
        option = tokens.words(&["GRANT", "OPTION", "FOR"]);
        admin = !option && tokens.words(&["ADMIN", "OPTION", "FOR"]);
    }
    // Without ON it is about membership.
    let has_on = tokens
        .rest()
        .iter()
        .any(|token| super::tokens::is_word(Some(&token.token), "ON"));
    if !has_on {
        return grant_roles(tokens, grant, admin).map(AccessStatement::GrantRoles);
    }
    let (privileges, all_columns) = privileges(tokens)?;
    tokens.expect_word("ON")?;
    let on = objects(tokens)?;
    tokens.expect_word(if grant { "TO" } else { "FROM" })?;
    let to = role_names(tokens)?;
    if grant {
        option = tokens.words(&["WITH", "GRANT", "OPTION"]);
    }
    let by = granted_by(tokens)?;
    Ok(AccessStatement::Grant(Grant {
        grant,
        privileges,
        all_columns,
        on,
        to,
        option,
        cascade: cascade(tokens),
        by,
    }))
}

fn granted_by(tokens: &mut Tokens<'_>) -> Result<Option<RoleName>> {
    match tokens.words(&["GRANTED", "BY"]) {
        true => role_name(tokens).map(Some),
        false => Ok(None),
    }
}

fn grant_roles(tokens: &mut Tokens<'_>, grant: bool, mut admin: bool) -> Result<RoleGrant> {
    let roles = identifiers(tokens)?;
    tokens.expect_word(if grant { "TO" } else { "FROM" })?;
    let members = role_names(tokens)?;
    if grant {
        admin = tokens.words(&["WITH", "ADMIN", "OPTION"]);
    }
    let by = granted_by(tokens)?;
    cascade(tokens);
    Ok(RoleGrant {
        grant,
        roles,
        members,
        admin,
        by,
    })
}

/// `None`: ALL, of these columns if there are any.
fn privileges(tokens: &mut Tokens<'_>) -> Result<(Option<Vec<Wanted>>, Vec<String>)> {
    if tokens.word("ALL") {
        tokens.word("PRIVILEGES");
        return Ok((None, columns(tokens)?));
    }
    let mut wanted = Vec::new();
    loop {
        let word = tokens.identifier()?.to_ascii_uppercase();
        let privilege = privilege(&word).ok_or_else(|| {
            Error::new(
                state::SYNTAX_ERROR,
                format!("unrecognized privilege type \"{}\"", word.to_lowercase()),
            )
        })?;
        wanted.push(Wanted {
            privilege,
            word,
            columns: columns(tokens)?,
        });
        if !tokens.take(&Token::Comma) {
            return Ok((Some(wanted), Vec::new()));
        }
    }
}

fn columns(tokens: &mut Tokens<'_>) -> Result<Vec<String>> {
    if !tokens.take(&Token::LParen) {
        return Ok(Vec::new());
    }
    let names = identifiers(tokens)?;
    tokens.expect(&Token::RParen)?;
    Ok(names)
}

pub(crate) fn privilege(word: &str) -> Option<Privileges> {
    Some(match word {
        "INSERT" => Privileges::INSERT,
        "SELECT" => Privileges::SELECT,
        "UPDATE" => Privileges::UPDATE,
        "DELETE" => Privileges::DELETE,
        "TRUNCATE" => Privileges::TRUNCATE,
        "REFERENCES" => Privileges::REFERENCES,
        "TRIGGER" => Privileges::TRIGGER,
        "EXECUTE" => Privileges::EXECUTE,
        "USAGE" => Privileges::USAGE,
        "CREATE" => Privileges::CREATE,
        "TEMPORARY" | "TEMP" => Privileges::TEMPORARY,
        "CONNECT" => Privileges::CONNECT,
        _ => return None,
    })
}

fn objects(tokens: &mut Tokens<'_>) -> Result<Objects> {
    if tokens.words(&["ALL", "TABLES", "IN", "SCHEMA"]) {
        return identifiers(tokens).map(Objects::AllTablesIn);
    }
    if tokens.words(&["ALL", "SEQUENCES", "IN", "SCHEMA"]) {
        return identifiers(tokens).map(Objects::AllSequencesIn);
    }
    for what in ["FUNCTIONS", "PROCEDURES", "ROUTINES"] {
        if tokens.words(&["ALL", what, "IN", "SCHEMA"]) {
            return identifiers(tokens).map(Objects::AllFunctionsIn);
        }
    }
    if tokens.word("SEQUENCE") {
        return names(tokens).map(Objects::Sequences);
    }
    if tokens.word("SCHEMA") {
        return identifiers(tokens).map(Objects::Schemas);
    }
    if tokens.word("DATABASE") {
        return identifiers(tokens).map(Objects::Databases);
    }
    for what in [
        "FUNCTION",
        "PROCEDURE",
        "ROUTINE",
        "LANGUAGE",
        "TYPE",
        "DOMAIN",
        "TABLESPACE",
        "FOREIGN",
        "LARGE",
        "PARAMETER",
    ] {
        let named = matches!(tokens.peek_nth(1), Some(Token::Word(_)));
        if named && tokens.is_word(what) && !super::tokens::is_word(tokens.peek_nth(1), "TO") {
            return Err(Error::unsupported(format_args!(
                "GRANT and REVOKE ON {what}"
            )));
        }
    }
    tokens.word("TABLE");
    names(tokens).map(Objects::Relations)
}

fn names(tokens: &mut Tokens<'_>) -> Result<Vec<Name>> {
    let mut names = vec![tokens.name()?];
    while tokens.take(&Token::Comma) {
        names.push(tokens.name()?);
    }
    Ok(names)
}

fn default_privileges(tokens: &mut Tokens<'_>) -> Result<AccessStatement> {
    let mut makers = Vec::new();
    let mut schemas = Vec::new();
    loop {
        if tokens.words(&["FOR", "ROLE"]) || tokens.words(&["FOR", "USER"]) {
            makers = role_names(tokens)?;
        } else if tokens.words(&["IN", "SCHEMA"]) {
            schemas = identifiers(tokens)?;
        } else {
            break;
        }
    }
    let grant = match tokens.word("GRANT") {
        true => true,
        false => {
            tokens.expect_word("REVOKE")?;
            false
        }
    };
    let mut option = !grant && tokens.words(&["GRANT", "OPTION", "FOR"]);
    let (privileges, all_columns) = privileges(tokens)?;
    tokens.expect_word("ON")?;
    let kind = [
        ("TABLES", ObjectKind::Relation),
        ("SEQUENCES", ObjectKind::Sequence),
        ("SCHEMAS", ObjectKind::Schema),
        ("FUNCTIONS", ObjectKind::Function),
        ("ROUTINES", ObjectKind::Function),
        ("TYPES", ObjectKind::Type),
    ]
    .into_iter()
    .find_map(|(word, kind)| tokens.word(word).then_some(kind))
    .ok_or_else(|| tokens.unexpected())?;
    tokens.expect_word(if grant { "TO" } else { "FROM" })?;
    let to = role_names(tokens)?;
    if grant {
        option = tokens.words(&["WITH", "GRANT", "OPTION"]);
    }
    Ok(AccessStatement::DefaultPrivileges {
        makers,
        schemas,
        grant: Grant {
            grant,
            privileges,
            all_columns,
            on: Objects::Kind(kind),
            to,
            option,
            cascade: cascade(tokens),
            by: None,
        },
    })
}

/// `CREATE SCHEMA s AUTHORIZATION r`; takes nothing if it is anything else.
fn schema(tokens: &mut Tokens<'_>) -> Result<Option<AccessStatement>> {
    let mut ahead = Tokens::new(tokens.text(), tokens.rest());
    if !ahead.words(&["CREATE", "SCHEMA"]) {
        return Ok(None);
    }
    let if_not_exists = ahead.words(&["IF", "NOT", "EXISTS"]);
    let name = match ahead.is_word("AUTHORIZATION") {
        true => None,
        false => match ahead.identifier() {
            Ok(name) => Some(name),
            Err(_) => return Ok(None),
        },
    };
    if !ahead.word("AUTHORIZATION") {
        return Ok(None);
    }
    let owner = role_name(&mut ahead)?;
    ahead.expect_end()?;
    while tokens.advance().is_some() {}
    Ok(Some(AccessStatement::CreateSchema {
        name,
        owner,
        if_not_exists,
    }))
}

/// `ALTER TABLE t OWNER TO r` and its like; takes nothing if it is anything else.
fn owner(tokens: &mut Tokens<'_>) -> Result<Option<AccessStatement>> {
    let mut ahead = Tokens::new(tokens.text(), tokens.rest());
    let kinds = [
        (&["ALTER", "TABLE"][..], 't'),
        (&["ALTER", "VIEW"], 'v'),
        (&["ALTER", "SEQUENCE"], 's'),
        (&["ALTER", "SCHEMA"], 'n'),
        (&["ALTER", "DATABASE"], 'd'),
    ];
    let Some(kind) = kinds
        .iter()
        .find_map(|(words, kind)| ahead.words(words).then_some(*kind))
    else {
        return Ok(None);
    };
    let if_exists = ahead.words(&["IF", "EXISTS"]);
    if matches!(ahead.peek_nth(1), Some(Token::Word(_))) {
        ahead.word("ONLY");
    }
    let Ok(name) = ahead.name() else {
        return Ok(None);
    };
    ahead.take(&Token::Mul);
    if !ahead.words(&["OWNER", "TO"]) {
        return Ok(None);
    }
    let to = role_name(&mut ahead)?;
    ahead.expect_end()?;
    let object = match kind {
        't' => Object::Table(name),
        'v' => Object::View(name),
        's' => Object::Sequence(name),
        'n' => Object::Schema(name.name),
        _ => Object::Database(name.name),
    };
    while tokens.advance().is_some() {}
    Ok(Some(AccessStatement::Owner {
        object,
        if_exists,
        to,
    }))
}
