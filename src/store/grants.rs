//! Grants: what each role may write, from the table of verbs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};

use super::db::DbError;
use crate::domain::people::Role;
use crate::domain::verbs::{self, Verb, Write};

/// What whoever may look may keep: it changes how one looks and nothing else, so no verb guards it.
/// Row security keeps it apart by person.
const KEPT: [Write; 6] = [
    kept("insert", "saved_views"),
    kept(
        "update (name, filter, sort_column, descending, columns)",
        "saved_views",
    ),
    kept("delete", "saved_views"),
    kept("insert", "list_columns"),
    kept("update", "list_columns"),
    kept("delete", "list_columns"),
];

const fn kept(privilege: &'static str, table: &'static str) -> Write {
    Write { privilege, table }
}

/// What importing a supplier's dispatches needs beside what the warehouse's verbs do.
const DISPATCHES: [Write; 3] = [
    kept("insert (name)", "suppliers"),
    kept("insert (name)", "carriers"),
    kept("update (state, ship_date, handed_over_at)", "shipments"),
];

/// Every privilege that some verb needs, with a role that the verb names, what everybody may keep,
/// and what imports of the warehouse need.
pub fn needed() -> BTreeSet<(Role, Write)> {
    let kept = KEPT.into_iter().map(|write| (Role::Viewer, write));
    verbs::all()
        .flat_map(|verb: &Verb| {
            verb.roles
                .iter()
                .flat_map(|role| verb.writes.iter().map(|write| (*role, *write)))
        })
        .chain(kept)
        .chain(DISPATCHES.map(|write| (Role::Warehouse, write)))
        .collect()
}

/// Grants what the verbs need and records who may which: a repeat changes nothing. Privileges
/// that an earlier program's verbs needed are taken away first.
pub(super) async fn apply(connection: &mut PgConnection) -> Result<(), DbError> {
    // Every program may see what was applied, whatever its role.
    let mut script = String::from(
        "begin; lock table packline.verb_role; grant select on packline.migration to public;",
    );
    for role in [
        Role::Viewer,
        Role::Warehouse,
        Role::Quality,
        Role::Support,
        Role::Supervisor,
    ] {
        let _ = write!(
            script,
            "revoke insert, update, delete on all tables in schema packline from {};",
            role.database_role()
        );
    }
    for (role, Write { privilege, table }) in needed() {
        let _ = write!(
            script,
            "grant {privilege} on packline.{table} to {};",
            role.database_role()
        );
    }
    script.push_str("delete from packline.verb_role;");
    for verb in verbs::all() {
        for role in verb.roles.iter().chain(&[Role::Admin]) {
            let _ = write!(
                script,
                "insert into packline.verb_role (kind, verb, role) values ('{}', '{}', '{role}');",
                verb.kind, verb.name
            );
        }
    }
    script.push_str("commit;");
    connection.execute(AssertSqlSafe(script)).await?;
    Ok(())
}
