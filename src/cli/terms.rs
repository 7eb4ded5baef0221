//! What the settings say to acts.

use chrono::TimeDelta;

use crate::actions::Terms;
use crate::actions::labels::Printing;
use crate::config::Config;

/// What the settings say to acts.
pub(super) fn terms(config: &Config) -> Terms {
    Terms {
        zone: config.shop_time_zone.value,
        hold: TimeDelta::from_std(config.notice_hold.value).unwrap_or_default(),
        carriers: config.carrier_url.value.is_some(),
        font: config.print_scripts.value,
    }
}

/// What the settings say of printing.
pub(super) fn printing(config: &Config) -> Printing {
    let shop = &config.shop_name.value;
    let address = config.shop_address.value.0.iter();
    Printing {
        command: config.print_command.value.0.clone(),
        font: config.print_font.value.clone(),
        from: [shop]
            .into_iter()
            .filter(|shop| !shop.is_empty())
            .chain(address)
            .cloned()
            .collect(),
    }
}
