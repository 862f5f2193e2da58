//! Time zones by name, as they are at this moment.

use crate::pg_catalog::cells::{Cell, Rows};
use crate::pg_catalog::context::CatalogContext;
use chrono::{Offset, TimeZone, Utc};
use chrono_tz::{OffsetComponents, OffsetName, TZ_VARIANTS};

pub fn pg_timezone_names(_context: &CatalogContext, rows: &mut Rows) {
    let now = Utc::now().naive_utc();
    for zone in TZ_VARIANTS {
        let offset = zone.offset_from_utc_datetime(&now);
        let seconds = i64::from(offset.fix().local_minus_utc());
        rows.add([
            ("name", zone.name().into()),
            ("abbrev", offset.abbreviation().unwrap_or_default().into()),
            ("utc_offset", Cell::Micros(seconds * 1_000_000)),
            ("is_dst", (!offset.dst_offset().is_zero()).into()),
        ]);
    }
}
