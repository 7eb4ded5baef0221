//! Where labels and slips go: a program's standard input, or a file.

use std::fmt::{self, Display};
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use crate::domain::text;

/// How long a program may take to accept a document.
const LIMIT: Duration = Duration::from_secs(30);

/// Takes documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Printer {
    /// A program and its arguments, run without a shell. It reads the document from its standard
    /// input.
    Command(Vec<String>),
    /// A file, written anew.
    File(PathBuf),
}

/// Why a document was not printed. As text it is safe for a terminal.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    /// No printer is set up.
    #[error("no program prints labels: set print.command, or write to a file")]
    NoCommand,
    /// The program cannot be run, or a file cannot be written.
    #[error("{what}: {error}")]
    Io {
        /// The program or file.
        what: String,
        /// What is wrong.
        error: io::Error,
    },
    /// The program did not end well.
    #[error("{what}: {status}{said}")]
    Failed {
        /// The program.
        what: String,
        /// How it ended.
        status: String,
        /// What it said, after `: `; empty for nothing.
        said: String,
    },
    /// The program did not end. It may have printed.
    #[error("{what}: did not end within {LIMIT:?} and was stopped: see whether it printed")]
    Slow {
        /// The program.
        what: String,
    },
}

impl Printer {
    /// Prints a document.
    ///
    /// # Errors
    /// See [`PrintError`].
    pub async fn print(&self, document: &str) -> Result<(), PrintError> {
        let what = text::plain(&self.to_string()).into_owned();
        let failed = |error| PrintError::Io {
            what: what.clone(),
            error,
        };
        let words = match self {
            Self::File(path) => return tokio::fs::write(path, document).await.map_err(failed),
            Self::Command(words) => words,
        };
        let [program, arguments @ ..] = words.as_slice() else {
            return Err(PrintError::NoCommand);
        };
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let mut input = child.stdin.take();
        let document = document.to_owned();
        // Beside the program, which may write more than a pipe holds before it reads.
        let fed = async move {
            match &mut input {
                Some(input) => input.write_all(document.as_bytes()).await,
                None => Ok(()),
            }
            // Dropped here: the program sees the end of its input.
        };
        let ended = async { tokio::join!(fed, child.wait_with_output()) };
        let Ok((fed, output)) = timeout(LIMIT, ended).await else {
            return Err(PrintError::Slow { what });
        };
        let output = output.map_err(failed)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().next().unwrap_or_default();
            return Err(PrintError::Failed {
                what,
                status: output.status.to_string(),
                said: if said.is_empty() {
                    String::new()
                } else {
                    format!(": {}", text::plain(said))
                },
            });
        }
        fed.map_err(failed)
    }
}

impl Display for Printer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(words) => f.write_str(words.first().map_or("", String::as_str)),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str]) -> Printer {
        Printer::Command(words.iter().map(|&word| word.to_owned()).collect())
    }

    #[tokio::test]
    async fn a_program_reads_the_document_and_no_shell_reads_its_arguments() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("label; echo $HOME.zpl");
        let document = "^XA^XZ\n".repeat(50_000);
        command(&["tee", &file.display().to_string()])
            .print(&document)
            .await
            .expect("it prints");
        assert_eq!(std::fs::read_to_string(file).expect("a file"), document);
    }

    #[tokio::test]
    async fn a_program_that_fails_says_so() {
        let error = command(&["cat", "/nowhere/at/all"])
            .print("^XA^XZ")
            .await
            .expect_err("it fails")
            .to_string();
        assert!(error.starts_with("cat: exit status: 1: "), "{error}");
        let error = command(&["/nowhere/printer"]).print("").await;
        assert!(matches!(error, Err(PrintError::Io { .. })), "{error:?}");
        let error = command(&[]).print("").await;
        assert!(matches!(error, Err(PrintError::NoCommand)), "{error:?}");
    }
}
