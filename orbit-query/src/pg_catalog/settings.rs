//! Settings as catalog tables and functions show them.

use super::context::CatalogContext;

/// A setting's value as SHOW prints it; `None` if there is no such setting.
pub fn show(context: &CatalogContext, name: &str) -> Option<String> {
    // Changed by this very query, perhaps.
    let backend = context.facts().backend.as_ref();
    if let Some(shown) = backend.and_then(|backend| backend.configured.shown(name)) {
        return Some(shown);
    }
    let settings = context.settings()?;
    settings.show(name).ok().map(str::to_owned)
}
