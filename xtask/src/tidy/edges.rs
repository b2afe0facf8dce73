//! Which crate may depend on which. The table is the architecture; ARCHITECTURE.md explains it.

use super::Finding;
use super::tree::{Section, Tree};

const RULE: &str = "edges";

/// The crate, its layer, what it may depend on. An edge never goes up a layer.
const TABLE: [(&str, i64, &[&str]); 22] = [
    ("types", 0, &[]),
    ("jail", 0, &[]),
    ("attempts", 0, &[]),
    ("api", 1, &["types"]),
    ("manifest", 1, &["types", "api"]),
    ("store", 1, &["types"]),
    ("egress", 1, &["types"]),
    ("sandbox", 1, &["jail"]),
    ("bus", 2, &["types", "store"]),
    ("capabilities", 2, &["types", "api", "manifest", "store", "egress"]),
    ("http", 2, &["types", "api"]),
    ("client", 2, &["types", "api"]),
    ("testing", 2, &["types", "api", "store"]),
    ("accounts", 3, &["types", "api", "http", "store"]),
    ("agents", 3, &["types", "api", "http", "store", "bus", "manifest"]),
    ("execution", 3, &["types", "api", "manifest", "sandbox", "http", "store", "bus", "capabilities"]),
    ("monitoring", 3, &["types", "api", "http", "store", "bus"]),
    ("gateway", 3, &["types", "api", "http", "store"]),
    ("dashboard", 3, &["types", "api", "http", "client"]),
    (
        "moltforge",
        4,
        &[
            "types",
            "api",
            "manifest",
            "store",
            "egress",
            "sandbox",
            "bus",
            "capabilities",
            "http",
            "client",
            "accounts",
            "agents",
            "execution",
            "monitoring",
            "gateway",
            "dashboard",
        ],
    ),
    ("workload", 4, &[]),
    ("xtask", 4, &[]),
];

/// Every member is in the table with its layer; every normal edge is in the table; a dev edge may also lead to
/// `testing` and to any crate that is not of a higher layer: tests look at neighbours as they are.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &tree.members {
        let place = member.place();
        let Some((_, layer, allowed)) = TABLE.iter().find(|(name, ..)| *name == member.name) else {
            findings.push(Finding::new(RULE, place, format!("{} is not in the table of edges", member.name)));
            continue;
        };
        let stated =
            (|| member.manifest.get("package")?.get("metadata")?.get("moltforge")?.get("layer")?.as_integer())();
        if stated != Some(*layer) {
            let message = format!("package.metadata.moltforge.layer is {stated:?}, the table says {layer}");
            findings.push(Finding::new(RULE, &place, message));
        }
        for (section, edge) in member.edges() {
            let not_above = layer_of(edge).is_some_and(|other| other <= *layer);
            let allowed = match section {
                Section::Normal | Section::Build => allowed.contains(&edge),
                Section::Dev => edge == "testing" || allowed.contains(&edge) || not_above,
            };
            if !allowed {
                let message = format!("{} may not depend on {edge} ({section:?})", member.name);
                findings.push(Finding::new(RULE, &place, message));
            }
        }
    }
    findings
}

fn layer_of(name: &str) -> Option<i64> {
    TABLE.iter().find(|(other, ..)| *other == name).map(|(_, layer, _)| *layer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::sample;

    fn crate_with(name: &str, layer: i64, rest: &str) -> String {
        format!("[package]\nname = \"moltforge-{name}\"\n[package.metadata.moltforge]\nlayer = {layer}\n{rest}")
    }

    #[test]
    fn the_table_goes_down_only() {
        for (name, layer, allowed) in TABLE {
            for edge in allowed {
                assert!(layer_of(edge).is_some_and(|other| other <= layer), "{name} -> {edge}");
                assert_ne!(*edge, "testing", "testing is never a normal dependency");
            }
        }
    }

    #[test]
    fn an_edge_that_is_not_in_the_table_is_found() {
        let good = crate_with("store", 1, "[dependencies]\nmoltforge-types.workspace = true\n");
        assert_eq!(check(&sample(&[("crates/store/Cargo.toml", &good)])), []);
        let up = crate_with("store", 1, "[dependencies]\nmoltforge-http.workspace = true\n");
        assert_eq!(check(&sample(&[("crates/store/Cargo.toml", &up)])).len(), 1);
        let fake = crate_with("store", 1, "[dependencies]\nmoltforge-testing.workspace = true\n");
        assert_eq!(check(&sample(&[("crates/store/Cargo.toml", &fake)])).len(), 1);
        let dev = crate_with("store", 1, "[dev-dependencies]\nmoltforge-testing.workspace = true\n");
        assert_eq!(check(&sample(&[("crates/store/Cargo.toml", &dev)])), []);
    }

    #[test]
    fn tests_do_not_reach_up() {
        let up = crate_with("store", 1, "[dev-dependencies]\nmoltforge-gateway.workspace = true\n");
        assert_eq!(check(&sample(&[("crates/store/Cargo.toml", &up)])).len(), 1);
        let beside = crate_with("gateway", 3, "[dev-dependencies]\nmoltforge-accounts.workspace = true\n");
        assert_eq!(check(&sample(&[("crates/gateway/Cargo.toml", &beside)])), []);
    }

    #[test]
    fn a_wrong_layer_and_an_unknown_crate_are_found() {
        assert_eq!(check(&sample(&[("crates/store/Cargo.toml", &crate_with("store", 3, ""))])).len(), 1);
        assert_eq!(check(&sample(&[("crates/common/Cargo.toml", &crate_with("common", 1, ""))])).len(), 1);
    }
}
