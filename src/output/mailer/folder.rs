//! Mails as files, for a demonstration and for a program that picks them up.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::{Outcome, said};

/// A folder of `.eml` files, each named after its Message-ID: the same mail is the same file.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Writes a mail whole or not at all; the folder is made where it is missing.
    pub(super) async fn put(&self, message_id: &str, mail: Vec<u8>) -> Outcome {
        let folder = self.path.clone();
        let name: String = message_id
            .chars()
            .map(|char| match char {
                'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '-' | '_' | '@' => char,
                _ => '_',
            })
            .collect();
        let written = tokio::task::spawn_blocking(move || -> io::Result<()> {
            fs::create_dir_all(&folder)?;
            // In the folder itself, so that the rename stays on one disk; without the ending, so
            // that nobody picks up half a mail.
            let mut file = tempfile::Builder::new()
                .prefix(".mail")
                .tempfile_in(&folder)?;
            file.write_all(&mail)?;
            file.as_file().sync_all()?;
            file.persist(folder.join(format!("{}.eml", name.trim_start_matches('.'))))?;
            Ok(())
        });
        match written.await {
            Ok(Ok(())) => Outcome::Sent,
            Ok(Err(error)) => {
                Outcome::Unreachable(said(format_args!("{}: {error}", self.path.display())))
            }
            Err(error) => Outcome::Unreachable(said(error)),
        }
    }
}
