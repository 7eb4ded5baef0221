//! The schema: applying it, and saying when it does not fit this program.

use std::sync::LazyLock;

use sqlx::Executor;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnection;

use super::db::DbError;
use super::grants;

/// Every change of the schema that this program knows, from `assets/migrations`. Its records
/// are in `packline.migration`.
pub static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrator = sqlx::migrate!("assets/migrations");
    migrator.create_schema("packline");
    migrator.dangerous_set_table_name("packline.migration");
    migrator
});

/// Why this program should not work with a database as it is.
#[derive(Debug, thiserror::Error)]
pub enum SchemaMismatch {
    /// Packline was never set up in this database.
    #[error("this database has no packline schema yet: run `packline migrate`")]
    Missing,
    /// The program knows changes that were not applied.
    #[error(
        "the schema of this database is older than this program (it is at {found}, this program \
         needs {needed}): run `packline migrate` once every console can be updated"
    )]
    Older {
        /// The newest migration applied.
        found: i64,
        /// The newest one that this program knows.
        needed: i64,
    },
    /// Someone with a newer program has migrated.
    #[error(
        "the schema of this database is newer than this program (it is at {found}, this program \
         knows {known}): update packline"
    )]
    Newer {
        /// The newest migration applied.
        found: i64,
        /// The newest one that this program knows.
        known: i64,
    },
    /// A migration was applied with another content than this program's.
    #[error(
        "migration {0} was applied to this database in another form than this program's: it was \
         set up by another build; use that build, or restore a backup and run `packline migrate`"
    )]
    Changed(i64),
    /// A migration outside of a transaction stopped half-way.
    #[error(
        "migration {0} stopped half-way: restore a backup, or undo it by hand and delete its row \
         from packline.migration"
    )]
    Unfinished(i64),
    /// The question could not be asked.
    #[error(transparent)]
    Unreadable(#[from] DbError),
}

impl From<sqlx::Error> for SchemaMismatch {
    fn from(error: sqlx::Error) -> Self {
        Self::Unreadable(error.into())
    }
}

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database is not one that this program can bring up to date.
    #[error(transparent)]
    Mismatch(SchemaMismatch),
    /// A migration was refused; it and those after it were not applied.
    #[error("migration {version} failed, nothing of it was kept: {error}")]
    Failed {
        /// Its number.
        version: i64,
        /// What the server said.
        error: DbError,
    },
    /// The server could not be asked, or refused.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Anything else that the migrator reports.
    #[error("{0}")]
    Other(MigrateError),
}

/// One row of `packline.migration`.
#[derive(sqlx::FromRow)]
struct Applied {
    version: i64,
    checksum: Vec<u8>,
    success: bool,
}

/// Applies what is missing, each migration in a transaction of its own, under an advisory lock
/// of the database; a second run at the same time waits and then finds nothing to do. Then grants
/// each role what its verbs need.
pub async fn run(connection: &mut PgConnection) -> Result<(), MigrationError> {
    // Migrations name their tables plainly; and an index over years of orders takes longer than
    // any screen would wait.
    connection
        .execute("set search_path = packline, pg_catalog, pg_temp; set statement_timeout = 0")
        .await
        .map_err(DbError::from)?;
    let outcome = match MIGRATOR.run(&mut *connection).await {
        Ok(()) => finish(connection).await.map_err(MigrationError::from),
        Err(error) => Err(explained(error)),
    };
    // A migrator that failed keeps its lock until the session ends.
    let tidied = connection
        .execute(if outcome.is_ok() {
            "reset search_path; reset statement_timeout"
        } else {
            "select pg_advisory_unlock_all(); reset search_path; reset statement_timeout"
        })
        .await;
    outcome?;
    tidied.map_err(DbError::from)?;
    Ok(())
}

fn explained(error: MigrateError) -> MigrationError {
    match error {
        MigrateError::Execute(error) => MigrationError::Db(error.into()),
        MigrateError::ExecuteMigration(error, version) => MigrationError::Failed {
            version,
            error: error.into(),
        },
        MigrateError::VersionMissing(found) => MigrationError::Mismatch(SchemaMismatch::Newer {
            found,
            known: newest(),
        }),
        MigrateError::VersionMismatch(version) => {
            MigrationError::Mismatch(SchemaMismatch::Changed(version))
        }
        MigrateError::Dirty(version) => {
            MigrationError::Mismatch(SchemaMismatch::Unfinished(version))
        }
        other => MigrationError::Other(other),
    }
}

/// What follows from the schema and the program: grants, and the partitions of the days to come.
async fn finish(connection: &mut PgConnection) -> Result<(), DbError> {
    grants::apply(connection).await?;
    maintain(connection).await
}

/// Makes the partitions of the days to come and drops changes that nobody needs any more. Cheap
/// where there is nothing to do, and never waits for a lock.
pub async fn maintain(connection: &mut PgConnection) -> Result<(), DbError> {
    connection
        .execute("select packline.maintain_partitions()")
        .await?;
    Ok(())
}

/// Says whether the database has exactly the schema of this program. Changes nothing.
pub async fn check(connection: &mut PgConnection) -> Result<(), SchemaMismatch> {
    let exists: bool = sqlx::query_scalar("select to_regclass('packline.migration') is not null")
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Err(SchemaMismatch::Missing);
    }
    let applied: Vec<Applied> = sqlx::query_as(
        "select version, checksum, success from packline.migration order by version",
    )
    .fetch_all(connection)
    .await?;
    let known: Vec<(i64, &[u8])> = MIGRATOR
        .iter()
        .map(|migration| (migration.version, &*migration.checksum))
        .collect();
    compared(&applied, &known)
}

fn compared(applied: &[Applied], known: &[(i64, &[u8])]) -> Result<(), SchemaMismatch> {
    if let Some(half) = applied.iter().find(|applied| !applied.success) {
        return Err(SchemaMismatch::Unfinished(half.version));
    }
    let newest_known = known.last().map_or(0, |(version, _)| *version);
    let Some(newest_applied) = applied.last().map(|applied| applied.version) else {
        return if known.is_empty() {
            Ok(())
        } else {
            Err(SchemaMismatch::Missing)
        };
    };
    for row in applied {
        match known.iter().find(|(version, _)| *version == row.version) {
            None => {
                return Err(SchemaMismatch::Newer {
                    found: newest_applied,
                    known: newest_known,
                });
            }
            Some((version, checksum)) if *checksum != row.checksum => {
                return Err(SchemaMismatch::Changed(*version));
            }
            Some(_) => {}
        }
    }
    if applied.len() < known.len() {
        return Err(SchemaMismatch::Older {
            found: newest_applied,
            needed: newest_known,
        });
    }
    Ok(())
}

fn newest() -> i64 {
    MIGRATOR
        .iter()
        .last()
        .map_or(0, |migration| migration.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(version: i64, checksum: u8) -> Applied {
        Applied {
            version,
            checksum: vec![checksum],
            success: true,
        }
    }

    const KNOWN: &[(i64, &[u8])] = &[(1, &[1]), (2, &[2])];

    #[test]
    fn the_same_migrations_fit() {
        assert!(compared(&[applied(1, 1), applied(2, 2)], KNOWN).is_ok());
    }

    #[test]
    fn an_older_schema_asks_for_migrate_and_a_newer_one_for_an_update() {
        let older = compared(&[applied(1, 1)], KNOWN).expect_err("one is missing");
        assert!(matches!(
            older,
            SchemaMismatch::Older {
                found: 1,
                needed: 2
            }
        ));
        assert!(older.to_string().contains("packline migrate"));
        let newer = compared(&[applied(1, 1), applied(2, 2), applied(3, 3)], KNOWN)
            .expect_err("one is not known");
        assert!(matches!(
            newer,
            SchemaMismatch::Newer { found: 3, known: 2 }
        ));
        assert!(newer.to_string().contains("update packline"));
    }

    #[test]
    fn a_changed_or_unfinished_migration_is_named() {
        let changed = compared(&[applied(1, 1), applied(2, 9)], KNOWN).expect_err("2 differs");
        assert!(matches!(changed, SchemaMismatch::Changed(2)));
        let mut half = applied(2, 2);
        half.success = false;
        let half = compared(&[applied(1, 1), half], KNOWN).expect_err("2 is half done");
        assert!(matches!(half, SchemaMismatch::Unfinished(2)));
    }

    #[test]
    fn an_empty_record_of_migrations_means_that_nothing_is_set_up() {
        let missing = compared(&[], KNOWN).expect_err("nothing is applied");
        assert!(matches!(missing, SchemaMismatch::Missing));
    }
}
