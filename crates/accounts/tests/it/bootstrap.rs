//! The first project and the first key.

use moltforge_accounts::{bootstrap, new_key_secret};
use moltforge_types::{Fault as _, Scope, Secret};

#[tokio::test]
async fn it_gives_the_same_at_every_start() {
    for store in moltforge_testing::stores().await {
        let secret = new_key_secret(&store.ambient());
        let first = bootstrap(&store.store(), Some(&secret)).await.unwrap();
        let again = bootstrap(&store.store(), Some(&secret)).await.unwrap();
        let without = bootstrap(&store.store(), None).await.unwrap();
        assert_eq!(first.principal, again.principal);
        assert_eq!((first.project_id, first.project_id), (again.project_id, without.project_id));
        assert_eq!(first.principal.unwrap().scopes, Scope::ALL);
        assert_eq!(without.principal, None);
        assert_eq!(store.keys(first.project_id).list(None, 10).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_starts_at_once_agree() {
    for store in moltforge_testing::stores().await {
        let secret = new_key_secret(&store.ambient());
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (store, secret) = (store.store(), secret.clone());
                tokio::spawn(async move { bootstrap(&store, Some(&secret)).await.unwrap().principal })
            })
            .collect();
        let mut principals = Vec::new();
        for task in tasks {
            principals.push(task.await.unwrap());
        }
        principals.dedup();
        assert_eq!(principals.len(), 1);
    }
}

#[tokio::test]
async fn odd_and_revoked_secrets_are_refused() {
    let store = moltforge_testing::store_sqlite().await;
    let error = bootstrap(&store.store(), Some(&Secret::new("hunter2"))).await.unwrap_err();
    assert_eq!(error.code(), "key_secret_malformed");
    let secret = new_key_secret(&store.ambient());
    let project_id = bootstrap(&store.store(), Some(&secret)).await.unwrap().project_id;
    let key_id = store.keys(project_id).list(None, 1).await.unwrap()[0].key_id;
    let mut tx = store.begin().await.unwrap();
    tx.keys(project_id).revoke(key_id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(bootstrap(&store.store(), Some(&secret)).await.unwrap_err().code(), "key_revoked");
}
