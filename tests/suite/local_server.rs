//! The private local server, and what can go wrong with it.

use sqlx::{Connection as _, PgConnection};

use crate::harness;

#[tokio::test]
async fn each_test_has_a_database_of_its_own() {
    let (one, other) = tokio::join!(harness::database(), harness::database());
    assert_ne!(one.name, other.name);
    let mut connection = one.connect().await;
    let name: String = sqlx::query_scalar("select current_database()::text")
        .fetch_one(&mut connection)
        .await
        .expect("a name");
    assert_eq!(name, one.name);
    let mut by_url = PgConnection::connect(&other.url).await.expect("its URL");
    let name: String = sqlx::query_scalar("select current_database()::text")
        .fetch_one(&mut by_url)
        .await
        .expect("a name");
    assert_eq!(name, other.name);
}

#[tokio::test]
async fn a_server_of_its_own_can_be_stopped_killed_and_started() {
    let server = harness::dedicated_server();
    let database = server.database().await;
    let mut connection = database.connect().await;
    sqlx::query("create table kept (n int)")
        .execute(&mut connection)
        .await
        .expect("a table");
    for interrupt in [
        harness::DedicatedServer::stop,
        harness::DedicatedServer::kill,
    ] {
        interrupt(&server);
        let refused = PgConnection::connect_with(&database.options).await;
        assert!(refused.is_err(), "nothing answers");
        server.start();
        let mut connection = database.connect().await;
        sqlx::query("insert into kept values (1)")
            .execute(&mut connection)
            .await
            .expect("the table is still there");
    }
}
