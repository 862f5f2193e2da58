//! The commits by which columnar copies come and go.

use super::{Database, stopped};
use crate::catalog::Table;
use crate::columns::{Columns, ColumnsChange, Manifest, SegmentId};
use crate::committer::Request;
use crate::error::Result;
use crate::store::Batch;
use std::sync::Arc;

impl Database {
    /// From here on the delta names what is written to a table.
    pub async fn follow_columns(&self, table: &Table) -> Result<()> {
        self.change_columns(ColumnsChange::Follow(table.partition, table.storage))
            .await
    }

    /// Makes segments the ones that are read. Their files must be on disk.
    pub async fn show_columns(&self, manifest: Manifest) -> Result<()> {
        self.change_columns(ColumnsChange::Put(Arc::new(manifest)))
            .await
    }

    /// Gives up a columnar copy; older views may still be reading its files.
    pub async fn forget_columns(&self, manifest: &Manifest) -> Result<()> {
        self.change_columns(ColumnsChange::Forget(manifest.partition, manifest.storage))
            .await
    }

    /// The columnar copies as the newest commit has them.
    pub fn columns(&self) -> Arc<Columns> {
        self.newest().columns.clone()
    }

    /// Never given twice: a moment of this node's clock.
    pub fn new_segment_id(&self) -> SegmentId {
        SegmentId(self.clock.tick().0)
    }

    async fn change_columns(&self, change: ColumnsChange) -> Result<()> {
        let (mut request, answer) = Request::upkeep(Batch::new());
        request.columns = Some(change);
        self.commit(request).await?;
        answer.await.map_err(|_| stopped())??;
        Ok(())
    }
}
