//! A sorted load of a time series: its rows go into blocks at once.

use super::Form;
use super::block::Builder;
use crate::error::Result;
use crate::read::PREFIX_BYTES;
use crate::row::RowRef;
use crate::store::SortedLoad;
use std::sync::Arc;

pub(crate) struct BlockLoad {
    form: Arc<Form>,
    load: Box<dyn SortedLoad>,
    builder: Builder,
    prefix: [u8; PREFIX_BYTES],
    key: Vec<u8>,
    block: Vec<u8>,
}

impl BlockLoad {
    /// `load`: of the space that blocks lie in.
    pub fn new(
        form: Arc<Form>,
        prefix: [u8; PREFIX_BYTES],
        load: Box<dyn SortedLoad>,
    ) -> Result<BlockLoad> {
        Ok(BlockLoad {
            form,
            load,
            builder: Builder::new()?,
            prefix,
            key: Vec::new(),
            block: Vec::new(),
        })
    }

    fn flush(&mut self) -> Result<()> {
        self.key.clear();
        self.key.extend_from_slice(&self.prefix);
        self.key.extend_from_slice(self.builder.first_key());
        self.builder.finish(&mut self.block)?;
        self.load.put(&self.key, &self.block)
    }
}

impl SortedLoad for BlockLoad {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let slots = RowRef::new(value)?.columns();
        if self.builder.is_full() || !self.builder.takes(slots) {
            self.flush()?;
        }
        let pk = key.get(PREFIX_BYTES..).unwrap_or_default();
        self.builder.push(&self.form, pk, value)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        if self.builder.rows() > 0 {
            self.flush()?;
        }
        self.load.finish()
    }
}
