//! A backup into a data directory: built beside, put in place whole or not at all.
//!
//! ```text
//! DIR/.restoring/   everything is built here and checked to its last piece
//! DIR/store, DIR/IDENTITY   then moved here
//! DIR/FORMAT        and this last: without it a directory is no data directory
//! ```

use crate::directory::{self, RESTORING, StoreKind};
use crate::identity;
use crate::node::{NewLife, open_store};
use orbit_core::backup::{self, Checked, Checker, Loader, Manifest, Unpack};
use orbit_core::meta::Identity;
use orbit_core::store::StoreOptions;
use orbit_core::{Error, Result, state};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

pub struct Plan<'a> {
    /// What errors call the backup.
    pub name: String,
    pub unpack: Unpack,
    pub data_dir: &'a Path,
    /// `None`: the kind the backup was taken from.
    pub store: Option<StoreKind>,
    pub life: NewLife,
    /// Told how many bytes of the backup were read.
    pub progress: &'a mut dyn FnMut(u64),
}

/// Restores. After an error the directory is as it was.
pub fn restore(source: &mut dyn Read, mut plan: Plan<'_>) -> Result<(Manifest, Identity)> {
    if directory::is_one(plan.data_dir) {
        return Err(Error::new(
            state::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("{} is a data directory already", plan.data_dir.display()),
        )
        .with_detail("A restore never overwrites one.")
        .with_hint("Restore into a new directory; when it is done, start the node on that one."));
    }
    let existed = plan.data_dir.is_dir();
    directory::create(plan.data_dir)?;
    let lock = directory::lock(plan.data_dir)?;
    clear_leftovers(plan.data_dir)?;
    directory::require_empty(plan.data_dir)?;
    let building = plan.data_dir.join(RESTORING);
    let done = build(source, &mut plan, &building)
        .and_then(|built| put_in_place(&building, plan.data_dir).map(|()| built));
    // Empty by now, or what an error left.
    let _ = fs::remove_dir_all(&building);
    if done.is_err() && !existed {
        let _ = fs::remove_file(plan.data_dir.join(directory::LOCK_FILE));
        let _ = fs::remove_dir(plan.data_dir);
    }
    drop(lock);
    done
}

/// What a restore left that was killed: it is ours where there is a place of building
/// and no FORMAT yet.
fn clear_leftovers(data_dir: &Path) -> Result<()> {
    let building = data_dir.join(RESTORING);
    if !building.is_dir() || directory::is_one(data_dir) {
        return Ok(());
    }
    for path in [&data_dir.join("store"), &building] {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(in_path(path, &error));
            }
            _ => {}
        }
    }
    match fs::remove_file(data_dir.join(identity::FILE)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(in_path(data_dir, &error)),
        _ => Ok(()),
    }
}

fn build(
    source: &mut dyn Read,
    plan: &mut Plan<'_>,
    building: &Path,
) -> Result<(Manifest, Identity)> {
    directory::create(building)?;
    let store_path = building.join("store");
    let mut checker = Checker::new(plan.name.clone(), plan.unpack);
    let mut open = None;
    let wished = plan.store;
    let progress = &mut plan.progress;
    // The store is opened once the first piece has said which kind it is.
    let mut loading: Option<Loader> = None;
    let manifest = backup::read(source, &mut checker, &mut |piece, bytes| {
        match piece {
            Checked::About(about) => {
                let kind = match wished {
                    Some(kind) => kind,
                    None => StoreKind::named(&about.store).unwrap_or(StoreKind::RocksDb),
                };
                let store = open_store(kind, &store_path, &StoreOptions::default())?;
                loading = Some(Loader::new(store.clone()));
                open = Some((kind, store));
            }
            Checked::Entries(space, plain) => {
                let loader = loading.as_mut();
                loader
                    .ok_or_else(|| Error::internal("entries before what they are of"))?
                    .take(space, &plain)?;
            }
            Checked::Manifest(_) => {}
        }
        progress(bytes);
        Ok(())
    })?;
    let (Some(loader), Some((kind, store))) = (loading, open) else {
        return Err(Error::internal("a backup without a first piece"));
    };
    loader.finish()?;
    let identity = plan.life.begin(store.as_ref())?;
    drop(store);
    identity::write(building, identity)?;
    directory::write_format(building, kind).map_err(|error| in_path(building, &error))?;
    sync(&store_path)?;
    Ok((manifest, identity))
}

/// FORMAT goes last, after everything else is known to be there.
fn put_in_place(building: &Path, data_dir: &Path) -> Result<()> {
    let shift = |name: &str| {
        let to = data_dir.join(name);
        fs::rename(building.join(name), &to).map_err(|error| in_path(&to, &error))
    };
    sync(building)?;
    shift("store")?;
    shift(identity::FILE)?;
    sync(data_dir)?;
    shift(directory::FORMAT_FILE)?;
    sync(data_dir)?;
    match data_dir
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        Some(parent) => sync(parent),
        None => sync(Path::new(".")),
    }
}

fn sync(directory: &Path) -> Result<()> {
    File::open(directory)
        .and_then(|opened| opened.sync_all())
        .map_err(|error| in_path(directory, &error))
}

fn in_path(path: &Path, error: &std::io::Error) -> Error {
    let state = match error.kind() {
        ErrorKind::StorageFull => state::DISK_FULL,
        _ => state::IO_ERROR,
    };
    Error::new(state, format!("{}: {error}", path.display()))
}
