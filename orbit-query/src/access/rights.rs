//! What a session may do: its role and all roles whose rights that one has.

use super::{denied, not_owner};
use orbit_core::catalog::{Catalog, ObjectKind, Privileges, Securable};
use orbit_core::types::Oid;
use orbit_core::{Error, Result};

/// The rights of one role in one version of the catalog.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    /// The current role.
    pub role: Oid,
    /// Who the session is, whatever SET ROLE says.
    pub session_role: Oid,
    pub superuser: bool,
    /// The role and those it inherits from; the role first.
    pub roles: Vec<Oid>,
    /// The node itself, which alone writes what it keeps in the schema `orbit`.
    pub internal: bool,
    version: u64,
}

impl Rights {
    pub fn of(catalog: &Catalog, session_role: Oid, role: Oid) -> Rights {
        Rights {
            role,
            session_role,
            superuser: catalog.is_superuser(role),
            roles: catalog.rights_of(role),
            internal: false,
            version: catalog.version,
        }
    }

    /// Everything: for tests and for what the node does itself.
    pub fn of_node(catalog: &Catalog) -> Rights {
        let role = orbit_core::catalog::BOOTSTRAP_ROLE;
        Rights {
            internal: true,
            ..Rights::of(catalog, role, role)
        }
    }

    /// Whether these are still the rights of that role.
    #[inline]
    pub fn hold(&self, session_role: Oid, role: Oid, version: u64) -> bool {
        self.version == version && self.role == role && self.session_role == session_role
    }

    /// Stands for role and catalog in one number; 0 where nothing may be kept: a
    /// transaction's own catalog is no one else's, whatever its number.
    #[inline]
    pub fn stamp(&self) -> u64 {
        match u32::try_from(self.version) {
            Ok(version) if !self.internal => u64::from(self.role) << 32 | u64::from(version),
            _ => 0,
        }
    }

    pub fn has_rights_of(&self, role: Oid) -> bool {
        self.superuser || self.roles.contains(&role)
    }

    /// What may be done with the whole object.
    pub fn on(&self, catalog: &Catalog, object: &Securable<'_>) -> Privileges {
        if self.superuser {
            return object.kind.all();
        }
        catalog.held_by(&self.roles, object, None).privileges
    }

    /// 42501 unless all of `wanted` is held.
    pub fn require(
        &self,
        catalog: &Catalog,
        object: &Securable<'_>,
        wanted: Privileges,
    ) -> Result<()> {
        if self.on(catalog, object).contains(wanted) {
            return Ok(());
        }
        Err(denied(word(catalog, object), object.name))
    }

    /// 42501 unless one of `wanted` is held.
    pub fn require_any(
        &self,
        catalog: &Catalog,
        object: &Securable<'_>,
        wanted: Privileges,
    ) -> Result<()> {
        if self.on(catalog, object).intersects(wanted) {
            return Ok(());
        }
        Err(denied(word(catalog, object), object.name))
    }

    pub fn owns(&self, object: &Securable<'_>) -> bool {
        self.superuser || self.roles.contains(&object.owner)
    }

    pub fn require_owner(&self, catalog: &Catalog, object: &Securable<'_>) -> Result<()> {
        if self.owns(object) {
            return Ok(());
        }
        Err(not_owner(word(catalog, object), object.name))
    }

    /// A right in a schema by its name. Schemas of the system may be looked into by all.
    pub fn require_in_schema(
        &self,
        catalog: &Catalog,
        schema: &str,
        wanted: Privileges,
    ) -> Result<()> {
        match catalog.schema(schema) {
            Some(schema) => self.require(catalog, &schema.securable(), wanted),
            None if wanted == Privileges::USAGE => Ok(()),
            None => Err(denied("schema", schema)),
        }
    }

    pub fn may_use_schema(&self, catalog: &Catalog, schema: &str) -> bool {
        self.require_in_schema(catalog, schema, Privileges::USAGE)
            .is_ok()
    }

    /// USAGE or UPDATE for nextval, USAGE or SELECT for currval, UPDATE for setval.
    pub fn check_sequence(&self, catalog: &Catalog, sequence: Oid, any: Privileges) -> Result<()> {
        match catalog.sequence_by_oid(sequence) {
            Some(sequence) => self.require_any(catalog, &sequence.securable(), any),
            None => Err(Error::internal("a sequence that is not there")),
        }
    }
}

/// What PostgreSQL calls an object in its complaints.
pub(crate) fn word(catalog: &Catalog, object: &Securable<'_>) -> &'static str {
    match object.kind {
        ObjectKind::Relation if catalog.view_by_oid(object.oid).is_some() => "view",
        ObjectKind::Relation => "table",
        ObjectKind::Sequence => "sequence",
        ObjectKind::Schema => "schema",
        ObjectKind::Database => "database",
        ObjectKind::Function => "function",
        ObjectKind::Type => "type",
    }
}
