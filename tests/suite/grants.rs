//! Who may what, asked of the database itself.

use packline::store::grants;

use crate::harness;

/// Privileges that staff roles hold on tables and columns, as the server lists them.
const HELD: &str = "
    select grantee || ': ' || lower(privilege_type) || ' on ' || table_name
    from information_schema.role_table_grants
    where table_schema = 'packline' and privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
      and grantee = any ($1)
    union
    select grantee || ': ' || lower(privilege_type) || ' (' || column_name || ') on ' || table_name
    from information_schema.role_column_grants c
    where table_schema = 'packline' and privilege_type in ('INSERT', 'UPDATE') and grantee = any ($1)
      and not exists (select from information_schema.role_table_grants t
                      where t.table_schema = c.table_schema and t.table_name = c.table_name
                        and t.grantee = c.grantee and t.privilege_type = c.privilege_type)
    order by 1";

#[tokio::test]
async fn staff_hold_what_their_verbs_need_and_nothing_else() {
    const STAFF: [&str; 5] = ["viewer", "warehouse", "quality", "support", "supervisor"];
    let database = harness::database().await;
    let mut connection = database.connect().await;
    let roles: Vec<String> = STAFF
        .iter()
        .map(|role| format!("packline_{role}"))
        .collect();
    let held: Vec<String> = sqlx::query_scalar(HELD)
        .bind(&roles)
        .fetch_all(&mut connection)
        .await
        .expect("the grants");
    let mut needed: Vec<String> = grants::needed()
        .into_iter()
        .filter(|(role, _)| STAFF.contains(&role.as_str()))
        .flat_map(|(role, write)| {
            let role = role.database_role();
            match write.privilege.split_once('(') {
                None => vec![format!("{role}: {} on {}", write.privilege, write.table)],
                Some((verb, columns)) => columns
                    .trim_end_matches(')')
                    .split(',')
                    .map(|column| {
                        format!(
                            "{role}: {} ({}) on {}",
                            verb.trim(),
                            column.trim(),
                            write.table
                        )
                    })
                    .collect(),
            }
        })
        .collect();
    needed.sort();
    needed.dedup();
    let mut held = held;
    held.sort();
    assert_eq!(held, needed);
}
