//! Who may do what: grants added up. Pure look-ups over one version of the catalog.

use super::role::{DATABASE_OWNER, READ_ALL_DATA, WRITE_ALL_DATA};
use super::{
    Catalog, CatalogChange, CreationStamp, Grant, ObjectKind, PUBLIC, PUBLIC_SCHEMA, Privileges,
    Role,
};
use crate::types::Oid;
use std::sync::Arc;

/// Something with an owner and grants.
#[derive(Clone, Debug)]
pub struct Securable<'a> {
    pub oid: Oid,
    pub kind: ObjectKind,
    pub schema: Option<&'a str>,
    pub name: &'a str,
    pub owner: Oid,
    pub acl: Option<&'a [Grant]>,
}

/// What a role may do with an object, and which of it it may pass on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub privileges: Privileges,
    pub grantable: Privileges,
}

impl ObjectKind {
    /// All there is to grant on an object of this kind.
    pub fn all(self) -> Privileges {
        use Privileges as P;
        match self {
            ObjectKind::Relation => P(P::INSERT.0
                | P::SELECT.0
                | P::UPDATE.0
                | P::DELETE.0
                | P::TRUNCATE.0
                | P::REFERENCES.0
                | P::TRIGGER.0),
            ObjectKind::Sequence => P(P::USAGE.0 | P::SELECT.0 | P::UPDATE.0),
            ObjectKind::Schema => P(P::USAGE.0 | P::CREATE.0),
            ObjectKind::Database => P(P::CREATE.0 | P::TEMPORARY.0 | P::CONNECT.0),
            ObjectKind::Function => P::EXECUTE,
            ObjectKind::Type => P::USAGE,
        }
    }

    /// What PUBLIC has before anybody grants or revokes.
    fn public(self) -> Privileges {
        match self {
            ObjectKind::Relation | ObjectKind::Sequence | ObjectKind::Schema => Privileges(0),
            ObjectKind::Database => Privileges::TEMPORARY.with(Privileges::CONNECT),
            ObjectKind::Function => Privileges::EXECUTE,
            ObjectKind::Type => Privileges::USAGE,
        }
    }
}

/// What can be granted on a column.
pub const COLUMN_PRIVILEGES: Privileges = Privileges(
    Privileges::INSERT.0 | Privileges::SELECT.0 | Privileges::UPDATE.0 | Privileges::REFERENCES.0,
);

impl Securable<'_> {
    /// The grants, those included that go without saying.
    pub fn grants(&self) -> Vec<Grant> {
        match self.acl {
            Some(acl) => acl.to_vec(),
            None => self.default_grants(),
        }
    }

    /// What stands for grants until the first GRANT or REVOKE.
    pub fn default_grants(&self) -> Vec<Grant> {
        let grant = |grantee, privileges| Grant {
            grantee,
            grantor: self.owner,
            privileges,
            grantable: Privileges(0),
            column: None,
        };
        let mut grants = Vec::with_capacity(2);
        let public = match self.oid {
            // The schema that a new database starts with lets everybody look into it.
            PUBLIC_SCHEMA => Privileges::USAGE,
            _ => self.kind.public(),
        };
        if !public.is_empty() {
            grants.push(grant(PUBLIC, public));
        }
        grants.push(grant(self.owner, self.kind.all()));
        grants
    }
}

impl Catalog {
    pub fn role(&self, oid: Oid) -> Option<&Arc<Role>> {
        self.roles.get(&oid)
    }

    pub fn role_named(&self, name: &str) -> Option<&Arc<Role>> {
        self.roles.values().find(|role| role.name == name)
    }

    pub fn roles(&self) -> impl Iterator<Item = &Arc<Role>> {
        self.roles.values()
    }

    /// A role's name; its number where it is gone, as PostgreSQL shows it.
    pub fn role_name(&self, oid: Oid) -> String {
        match self.role(oid) {
            Some(role) => role.name.clone(),
            None => format!("unknown (OID={oid})"),
        }
    }

    pub fn is_superuser(&self, role: Oid) -> bool {
        self.role(role).is_some_and(|role| role.superuser)
    }

    /// The role and every role whose rights it has without SET ROLE.
    pub fn rights_of(&self, role: Oid) -> Vec<Oid> {
        self.closure(role, true)
    }

    /// The role and every role that it is a member of, also where it doesn't inherit.
    pub fn memberships_of(&self, role: Oid) -> Vec<Oid> {
        self.closure(role, false)
    }

    fn closure(&self, role: Oid, inherited_only: bool) -> Vec<Oid> {
        let mut found = vec![role];
        let mut next = 0;
        // Every role comes in once, so circles end.
        while let Some(&oid) = found.get(next) {
            next += 1;
            let mut push = |role: Oid| {
                if !found.contains(&role) {
                    found.push(role);
                }
            };
            if oid == self.database.owner {
                push(DATABASE_OWNER);
            }
            let Some(of) = self.role(oid) else { continue };
            if of.inherit || !inherited_only {
                of.member_of.iter().for_each(|member| push(member.role));
            }
        }
        found
    }

    /// Whether `member` has the rights of `role`: is it, inherits from it, or is a superuser.
    pub fn has_rights_of(&self, member: Oid, role: Oid) -> bool {
        member == role || self.is_superuser(member) || self.rights_of(member).contains(&role)
    }

    /// Whether `member` may SET ROLE to `role`.
    pub fn is_member_of(&self, member: Oid, role: Oid) -> bool {
        member == role || self.is_superuser(member) || self.memberships_of(member).contains(&role)
    }

    /// Whether `member` may give the membership in `role` to others.
    pub fn is_admin_of(&self, member: Oid, role: Oid) -> bool {
        if self.is_superuser(member) {
            return true;
        }
        self.memberships_of(member).iter().any(|of| {
            self.role(*of).is_some_and(|of| {
                let mut members = of.member_of.iter();
                members.any(|member| member.role == role && member.admin)
            })
        })
    }

    /// Anything that has an owner, by its oid.
    pub fn securable(&self, oid: Oid) -> Option<Securable<'_>> {
        if let Some(table) = self.table_by_oid(oid) {
            return Some(table.securable());
        }
        if let Some(view) = self.view_by_oid(oid) {
            return Some(view.securable());
        }
        if let Some(sequence) = self.sequence_by_oid(oid) {
            return Some(sequence.securable());
        }
        if oid == super::role::DATABASE {
            return Some(self.database_securable("orbit"));
        }
        let mut schemas = self.schema_definitions();
        schemas
            .find(|schema| schema.oid == oid)
            .map(|schema| schema.securable())
    }

    pub fn database_securable<'a>(&'a self, name: &'a str) -> Securable<'a> {
        Securable {
            oid: super::role::DATABASE,
            kind: ObjectKind::Database,
            schema: None,
            name,
            owner: self.database.owner,
            acl: self.database.acl.as_deref(),
        }
    }

    /// What `role` may do with the whole object.
    pub fn held(&self, role: Oid, object: &Securable<'_>) -> Held {
        self.held_by(&self.rights_of(role), object, None)
    }

    /// What these roles together may do; with `column`, by grants on that column alone.
    /// An owner may pass everything on, and grant himself what he has revoked.
    pub fn held_by(
        &self,
        roles: &[Oid],
        object: &Securable<'_>,
        column: Option<CreationStamp>,
    ) -> Held {
        let all = object.kind.all();
        if roles.first().is_some_and(|role| self.is_superuser(*role)) {
            return Held {
                privileges: all,
                grantable: all,
            };
        }
        let mut held = Held::default();
        let default;
        let grants = match object.acl {
            Some(acl) => acl,
            None => {
                default = object.default_grants();
                &default
            }
        };
        for grant in grants {
            if grant.column == column && (grant.grantee == PUBLIC || roles.contains(&grant.grantee))
            {
                held.privileges = held.privileges.with(grant.privileges);
                if grant.grantee != PUBLIC {
                    held.grantable = held.grantable.with(grant.grantable);
                }
            }
        }
        if roles.contains(&object.owner) {
            held.grantable = held.grantable.with(all);
        }
        if column.is_none() {
            held.privileges = held.privileges.with(everywhere(roles, object.kind));
        }
        held
    }
}

impl Catalog {
    /// What is created is its creator's, with the grants that ALTER DEFAULT
    /// PRIVILEGES has for it. What is there already keeps its own.
    pub fn put_owner(&self, change: &mut CatalogChange, creator: Oid) {
        match change {
            CatalogChange::PutTable(def) if self.table_by_id(def.id).is_none() => {
                def.owner = creator;
                def.acl = self.first_grants(ObjectKind::Relation, creator, Some(&def.schema));
            }
            CatalogChange::PutView(def) if self.view_by_oid(def.oid).is_none() => {
                def.owner = creator;
                def.acl = self.first_grants(ObjectKind::Relation, creator, Some(&def.schema));
            }
            CatalogChange::PutSequence(def) if self.sequence_by_id(def.id).is_none() => {
                def.owner = creator;
                def.acl = self.first_grants(ObjectKind::Sequence, creator, Some(&def.schema));
            }
            CatalogChange::PutSchema(def)
                if !self.schema_definitions().any(|old| old.oid == def.oid) =>
            {
                def.owner = creator;
                def.acl = self.first_grants(ObjectKind::Schema, creator, None);
            }
            _ => {}
        }
    }

    fn first_grants(
        &self,
        kind: ObjectKind,
        creator: Oid,
        schema: Option<&str>,
    ) -> Option<Vec<Grant>> {
        let role = self.role(creator)?;
        let schema = schema.and_then(|name| self.schema(name)).map(|def| def.oid);
        let of = |place: Option<Oid>| {
            let mut defaults = role.defaults.iter();
            defaults.find(|one| one.kind == kind && one.schema == place)
        };
        let (everywhere, here) = (of(None), schema.and_then(|schema| of(Some(schema))));
        if everywhere.is_none() && here.is_none() {
            return None;
        }
        let mut acl = match everywhere {
            Some(defaults) => defaults.acl.clone(),
            None => Securable {
                oid: 0,
                kind,
                schema: None,
                name: "",
                owner: creator,
                acl: None,
            }
            .default_grants(),
        };
        for grant in here.iter().flat_map(|defaults| &defaults.acl) {
            let known = acl
                .iter_mut()
                .find(|known| known.grantee == grant.grantee && known.grantor == grant.grantor);
            match known {
                Some(known) => {
                    known.privileges = known.privileges.with(grant.privileges);
                    known.grantable = known.grantable.with(grant.grantable);
                }
                None => acl.push(grant.clone()),
            }
        }
        Some(acl)
    }
}

/// What pg_read_all_data and pg_write_all_data come to.
fn everywhere(roles: &[Oid], kind: ObjectKind) -> Privileges {
    let mut privileges = Privileges(0);
    if roles.contains(&READ_ALL_DATA) {
        privileges = privileges.with(match kind {
            ObjectKind::Relation | ObjectKind::Sequence => Privileges::SELECT,
            ObjectKind::Schema => Privileges::USAGE,
            _ => Privileges(0),
        });
    }
    if roles.contains(&WRITE_ALL_DATA) {
        privileges = privileges.with(match kind {
            ObjectKind::Relation => {
                Privileges(Privileges::INSERT.0 | Privileges::UPDATE.0 | Privileges::DELETE.0)
            }
            ObjectKind::Sequence => Privileges::UPDATE,
            ObjectKind::Schema => Privileges::USAGE,
            _ => Privileges(0),
        });
    }
    privileges
}

macro_rules! securable {
    ($type:ty, $kind:expr) => {
        impl $type {
            pub fn securable(&self) -> Securable<'_> {
                Securable {
                    oid: self.oid,
                    kind: $kind,
                    schema: Some(&self.schema),
                    name: &self.name,
                    owner: self.owner,
                    acl: self.acl.as_deref(),
                }
            }
        }
    };
}

securable!(super::TableDef, ObjectKind::Relation);
securable!(super::ViewDef, ObjectKind::Relation);
securable!(super::SequenceDef, ObjectKind::Sequence);

impl super::SchemaDef {
    pub fn securable(&self) -> Securable<'_> {
        Securable {
            oid: self.oid,
            kind: ObjectKind::Schema,
            schema: None,
            name: &self.name,
            owner: self.owner,
            acl: self.acl.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BOOTSTRAP_ROLE, CatalogChange, Membership, SchemaDef};
    use super::*;

    fn catalog(roles: &[(Oid, bool, &[Oid])]) -> Catalog {
        let mut catalog = Catalog::default();
        for (oid, inherit, member_of) in roles {
            let role = Role {
                inherit: *inherit,
                member_of: member_of
                    .iter()
                    .map(|role| Membership {
                        role: *role,
                        grantor: BOOTSTRAP_ROLE,
                        admin: *role == 30,
                    })
                    .collect(),
                ..Role::new(*oid, &format!("r{oid}"))
            };
            catalog = catalog
                .with(&CatalogChange::PutRole(Box::new(role)))
                .unwrap();
        }
        catalog
    }

    #[test]
    fn rights_are_inherited_through_roles_that_inherit_and_membership_through_all() {
        let catalog = catalog(&[
            (20, true, &[30, 40]),
            (30, false, &[50]),
            (40, true, &[]),
            // A circle, which GRANT refuses, would end all the same.
            (50, true, &[20]),
        ]);
        assert!(catalog.has_rights_of(20, 30) && catalog.has_rights_of(20, 40));
        assert!(!catalog.has_rights_of(20, 50));
        assert!(catalog.is_member_of(20, 50));
        assert!(catalog.is_admin_of(20, 30) && !catalog.is_admin_of(20, 40));
        assert!(!catalog.is_admin_of(40, 30));
        assert!(catalog.is_admin_of(BOOTSTRAP_ROLE, 40));
    }

    #[test]
    fn an_owner_loses_what_is_revoked_but_may_grant_it_back() {
        let catalog = catalog(&[(20, true, &[]), (30, true, &[20])]);
        let mut schema = SchemaDef {
            name: "s".to_owned(),
            oid: 100,
            owner: 20,
            acl: None,
        };
        let all = ObjectKind::Schema.all();
        assert_eq!(catalog.held(20, &schema.securable()).privileges, all);
        // By membership, too.
        assert_eq!(catalog.held(30, &schema.securable()).privileges, all);
        schema.acl = Some(Vec::new());
        let held = catalog.held(20, &schema.securable());
        assert!(held.privileges.is_empty());
        assert_eq!(held.grantable, all);
        assert_eq!(
            catalog.held(BOOTSTRAP_ROLE, &schema.securable()).privileges,
            all
        );
        assert_eq!(catalog.held(40, &schema.securable()), Held::default());
    }

    #[test]
    fn what_public_has_can_not_be_passed_on() {
        let catalog = catalog(&[(20, true, &[])]);
        let schema = SchemaDef {
            name: "s".to_owned(),
            oid: 100,
            owner: BOOTSTRAP_ROLE,
            acl: Some(vec![Grant {
                grantee: PUBLIC,
                grantor: BOOTSTRAP_ROLE,
                privileges: Privileges::USAGE,
                grantable: Privileges::USAGE,
                column: None,
            }]),
        };
        let held = catalog.held(20, &schema.securable());
        assert_eq!(held.privileges, Privileges::USAGE);
        assert!(held.grantable.is_empty());
    }
}
