//! Who may do what, in the standard's words.

use super::information::{database, yes};
use crate::pg_catalog::cells::Rows;
use crate::pg_catalog::context::CatalogContext;
use orbit_core::catalog::{CreationStamp, Grant, PUBLIC, Privileges};
use orbit_core::types::Oid;
use std::collections::HashSet;

const WORDS: [(Privileges, &str); 7] = [
    (Privileges::INSERT, "INSERT"),
    (Privileges::SELECT, "SELECT"),
    (Privileges::UPDATE, "UPDATE"),
    (Privileges::DELETE, "DELETE"),
    (Privileges::TRUNCATE, "TRUNCATE"),
    (Privileges::REFERENCES, "REFERENCES"),
    (Privileges::TRIGGER, "TRIGGER"),
];

/// Of those, the ones that columns have.
const OF_COLUMNS: [Privileges; 4] = [
    Privileges::INSERT,
    Privileges::SELECT,
    Privileges::UPDATE,
    Privileges::REFERENCES,
];

/// A relation with its grants.
struct Granted<'a> {
    schema: &'a str,
    name: &'a str,
    columns: Vec<(&'a str, Option<CreationStamp>)>,
    owner: Oid,
    grants: Vec<Grant>,
}

impl Granted<'_> {
    /// An owner may grant what is his, said or not.
    fn may_be_granted(&self, grant: &Grant, privilege: Privileges) -> bool {
        grant.grantee == self.owner || grant.grantable.contains(privilege)
    }
}

/// What an owner has before anybody grants or revokes.
fn owners(owner: Oid) -> Grant {
    let all = WORDS
        .iter()
        .fold(Privileges::default(), |all, (one, _)| all.with(*one));
    Grant {
        grantee: owner,
        grantor: owner,
        privileges: all,
        grantable: all,
        column: None,
    }
}

fn relations(context: &CatalogContext) -> Vec<Granted<'_>> {
    let grants = |owner: Oid, acl: Option<&Vec<Grant>>| match acl {
        Some(grants) => grants.clone(),
        None => vec![owners(owner)],
    };
    let tables = context.catalog().tables().map(|table| Granted {
        schema: &table.schema,
        name: &table.name,
        columns: table
            .columns
            .iter()
            .map(|column| (column.name.as_str(), Some(column.created)))
            .collect(),
        owner: table.owner,
        grants: grants(table.owner, table.acl.as_ref()),
    });
    let views = context.catalog().views().map(|view| Granted {
        schema: &view.schema,
        name: &view.name,
        columns: view
            .columns
            .iter()
            .map(|column| (column.name.as_str(), None))
            .collect(),
        owner: view.owner,
        grants: grants(view.owner, view.acl.as_ref()),
    });
    tables.chain(views).collect()
}

fn role(context: &CatalogContext, oid: Oid) -> String {
    match oid {
        PUBLIC => "PUBLIC".to_owned(),
        oid => context.role_name(oid),
    }
}

pub fn table_privileges(context: &CatalogContext, rows: &mut Rows) {
    for relation in relations(context) {
        for grant in relation.grants.iter().filter(|g| g.column.is_none()) {
            for (privilege, word) in WORDS {
                if !grant.privileges.contains(privilege) {
                    continue;
                }
                rows.add([
                    ("grantor", role(context, grant.grantor).into()),
                    ("grantee", role(context, grant.grantee).into()),
                    ("table_catalog", database(context)),
                    ("table_schema", relation.schema.into()),
                    ("table_name", relation.name.into()),
                    ("privilege_type", word.into()),
                    (
                        "is_grantable",
                        yes(relation.may_be_granted(grant, privilege)),
                    ),
                    ("with_hierarchy", yes(word == "SELECT")),
                ]);
            }
        }
    }
}

pub fn column_privileges(context: &CatalogContext, rows: &mut Rows) {
    for relation in relations(context) {
        for (column, stamp) in &relation.columns {
            let grants = relation.grants.iter();
            let mut told = HashSet::new();
            for grant in grants.filter(|g| g.column.is_none() || g.column == *stamp) {
                for (privilege, word) in WORDS {
                    let held = grant.privileges.contains(privilege);
                    if !held || !OF_COLUMNS.contains(&privilege) {
                        continue;
                    }
                    // What is given on the table and on its column too is told once.
                    let grantable = relation.may_be_granted(grant, privilege);
                    if !told.insert((grant.grantor, grant.grantee, word, grantable)) {
                        continue;
                    }
                    rows.add([
                        ("grantor", role(context, grant.grantor).into()),
                        ("grantee", role(context, grant.grantee).into()),
                        ("table_catalog", database(context)),
                        ("table_schema", relation.schema.into()),
                        ("table_name", relation.name.into()),
                        ("column_name", (*column).into()),
                        ("privilege_type", word.into()),
                        (
                            "is_grantable",
                            yes(relation.may_be_granted(grant, privilege)),
                        ),
                    ]);
                }
            }
        }
    }
}

/// Sequences, where somebody said who may use them.
pub fn usage_privileges(context: &CatalogContext, rows: &mut Rows) {
    for sequence in context.catalog().sequences() {
        let grants = sequence.acl.iter().flatten();
        for grant in grants.filter(|grant| grant.privileges.contains(Privileges::USAGE)) {
            let grantable =
                grant.grantee == sequence.owner || grant.grantable.contains(Privileges::USAGE);
            rows.add([
                ("grantor", role(context, grant.grantor).into()),
                ("grantee", role(context, grant.grantee).into()),
                ("object_catalog", database(context)),
                ("object_schema", sequence.schema.as_str().into()),
                ("object_name", sequence.name.as_str().into()),
                ("object_type", "SEQUENCE".into()),
                ("privilege_type", "USAGE".into()),
                ("is_grantable", yes(grantable)),
            ]);
        }
    }
}
