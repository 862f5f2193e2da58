//! Statements that the micro node is built without: whoever changes a schema, names roles or
//! reads by cursors does it on the node above.

use super::Session;
use super::arguments::Given;
use crate::rows::Outcome;
use crate::statement::utility::Utility;
use orbit_core::{Error, Result};

#[cfg(feature = "datafusion")]
impl Session {
    pub(super) async fn run_full(
        &mut self,
        utility: &Utility,
        params: Given<'_>,
    ) -> Result<Outcome> {
        use crate::{access, ddl};
        use std::pin::Pin;

        match utility {
            Utility::CreateTableLike { create, likes } => {
                ddl::create_table::run(self, create, likes, params).await
            }
            Utility::Alter(alter) => {
                let altering: Pin<Box<dyn Future<Output = Result<Outcome>> + Send + '_>> =
                    Box::pin(ddl::alter::run(self, alter));
                altering.await
            }
            Utility::RenameSchema { from, to } => ddl::schema::rename(self, from, to).await,
            Utility::Comment { object, text } => {
                ddl::comment::run(self, object, text.as_deref()).await
            }
            Utility::CreateView(create) => ddl::view::create(self, create).await,
            Utility::Database(statement) => ddl::database::run(self, statement).await,
            Utility::Access(statement) => access::roles::run(self, statement).await,
            Utility::Declare(declare) => self.run_declare(declare, params.values).await,
            Utility::Fetch {
                cursor,
                direction,
                moves,
            } => self.run_fetch(cursor, *direction, *moves).await,
            Utility::CloseCursor(name) => self.run_close(name.as_deref()),
            Utility::Positioned { .. } => self.run_positioned(utility, params.values).await,
            Utility::Do(steps) => self.run_do(steps).await,
            Utility::Drop {
                names,
                if_exists,
                cascade,
                ..
            } => ddl::view::drop(self, names, *if_exists, *cascade).await,
            _ => Err(Error::internal("a statement that every node has")),
        }
    }
}

#[cfg(not(feature = "datafusion"))]
impl Session {
    pub(super) async fn run_full(
        &mut self,
        _utility: &Utility,
        _params: Given<'_>,
    ) -> Result<Outcome> {
        Err(Error::unsupported("this statement on a micro node"))
    }
}
