//! Which way mails leave, by the settings.

use color_eyre::eyre::{Result, eyre};

use super::database::data_dir;
use crate::config::Config;
use crate::output::mailer::{MailUrl, Mailer, Settings};

/// A mailer as the settings want it: through `smtp.url`, or into the folder `mail` of the data
/// directory.
///
/// # Errors
/// A server without `notice.from`, for nobody takes mail from nobody; a certificate file that
/// cannot be read.
pub fn mailer(config: &Config) -> Result<Mailer> {
    let url = match &config.smtp_url.value {
        Some(url) => url.clone(),
        None => MailUrl::Folder(data_dir(config)?.join("mail")),
    };
    let from = match (&config.notice_from.value, &url) {
        (Some(from), _) => from.clone(),
        (None, MailUrl::Folder(_)) => "packline@localhost".parse()?,
        (None, MailUrl::Smtp(_)) => {
            return Err(eyre!(
                "smtp.url is set and notice.from is not: say whom mails are from"
            ));
        }
    };
    let settings = Settings {
        per_minute: config.notice_per_minute.value,
        ..Settings::new(from)
    };
    Ok(Mailer::new(&url, settings)?)
}
