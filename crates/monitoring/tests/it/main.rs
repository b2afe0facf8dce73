//! The monitoring service on real stores.

use moltforge_monitoring::{Gauge, Monitoring};
use moltforge_store::Store;
use moltforge_types::{Actor, ProjectId};
use serde_json::json;

async fn project(store: &Store, name: &str) -> ProjectId {
    let mut tx = store.begin().await.expect("a transaction");
    let organisation = tx.organisations().insert(name).await.expect("inserted");
    let project = tx.projects(organisation.organisation_id).insert(name).await.expect("inserted");
    for number in 0..5 {
        let data = json!({ "number": number });
        tx.changes(project.project_id).insert(Actor::System, "agent.created", number, &data).await.expect("inserted");
    }
    tx.commit().await.expect("committed");
    project.project_id
}

#[tokio::test]
async fn changes_come_newest_first_page_by_page_and_only_the_projects_own() {
    for store in moltforge_testing::stores().await {
        let (mine, _other) = (project(&store, "mine").await, project(&store, "other").await);
        let monitoring = Monitoring::new(store.store());
        let mut seen = Vec::new();
        let mut before = None;
        loop {
            let page = monitoring.changes(mine, before, 2).await.expect("a page");
            seen.extend(page.items.iter().map(|change| change.n));
            before = page.items.last().map(|change| change.n);
            if page.next.is_none() {
                break;
            }
        }
        assert_eq!(seen, [5, 4, 3, 2, 1], "{}", store.backend);
    }
}

#[tokio::test]
async fn metrics_carry_the_seeds_names() {
    for store in moltforge_testing::stores().await {
        let mine = project(&store, "mine").await;
        let text = Monitoring::new(store.store()).metrics(mine).await.expect("text");
        assert!(text.contains("# TYPE pending_executions_count gauge\npending_executions_count 0\n"), "{text}");
        assert!(text.contains("executions_count{state=\"completed\"} 0\n"), "{text}");
        let of = move |project_id| {
            vec![Gauge {
                name: "mine",
                help: "Mine.",
                values: vec![(None, f64::from(project_id == mine)), (Some("hello".to_owned()), 2.5)],
            }]
        };
        let text = Monitoring::new(store.store()).with_gauges(of).metrics(mine).await.expect("text");
        assert!(text.ends_with("# HELP mine Mine.\n# TYPE mine gauge\nmine 1\nmine{agent=\"hello\"} 2.5\n"), "{text}");
    }
}
