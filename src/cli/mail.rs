//! Which way mails leave, by the settings.

use color_eyre::eyre::{Result, eyre};

use super::database::data_dir;
use crate::config::Config;
use crate::output::mailer::{MailUrl, Mailer, Settings};

/// A mailer as the settings want it: through `smtp.url`, else into [`mail_folder`], but for a database
/// that was named: whoever shares it counts on its mails, so there are none until somebody says where
/// they go.
///
/// # Errors
/// A server without `notice.from`, for nobody takes mail from nobody; a certificate file that
/// cannot be read.
pub fn mailer(config: &Config) -> Result<Option<Mailer>> {
    let url = match (&config.smtp_url.value, &config.database_url.value) {
        (Some(url), _) => url.clone(),
        (None, None) => mail_folder(config)?,
        (None, Some(_)) => return Ok(None),
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
    Ok(Some(Mailer::new(&url, settings)?))
}

/// The folder `mail` of the data directory.
///
/// # Errors
/// There is no data directory.
pub fn mail_folder(config: &Config) -> Result<MailUrl> {
    Ok(MailUrl::Folder(data_dir(config)?.join("mail")))
}
