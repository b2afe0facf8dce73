//! What JavaScript and TypeScript files import.

use moltforge_manifest::bundle::Language;

use super::tokens::{self, Token};
use super::{Error, Found};

/// The endings that an import may leave out, in the order in which the engine tries them.
const ENDINGS: [&str; 7] = [".js", ".mjs", ".ts", ".mts", ".json", "/index.js", "/index.ts"];
/// The module that every program has.
const OWN: &str = "moltforge";
/// The modules of Node that are imported without `node:` as well.
const OF_NODE: [&str; 29] = [
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "crypto",
    "dgram",
    "dns",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "readline",
    "stream",
    "timers",
    "tls",
    "url",
    "util",
    "worker_threads",
    "zlib",
];

/// Adds whatever is imported, until nothing new is.
pub(super) fn follow(found: &mut Found) -> Result<(), Error> {
    while let Some((name, text)) = found.next_unread() {
        if !matches!(Language::of(&name), Some(Language::JavaScript | Language::TypeScript)) {
            continue;
        }
        for import in imports(&text) {
            match resolve(found, &name, import.module) {
                Ok(None) => {}
                Ok(Some(file)) => found.add(&file)?,
                // types are no part of the program, and what is imported late may have been meant to fail
                Err(_) if import.optional => {}
                Err(message) => return Err(found.fault(&name, &text, Some(import.offset), &message)),
            }
        }
    }
    Ok(())
}

struct Import<'a> {
    module: &'a str,
    offset: usize,
    /// It may be missing: of types alone, or by `import()`.
    optional: bool,
}

fn imports(source: &str) -> Vec<Import<'_>> {
    let tokens = tokens::of(source);
    let token = |at: usize| tokens.get(at).map(|(_, token)| *token);
    let mut imports = Vec::new();
    for (at, (_, first)) in tokens.iter().enumerate() {
        let is_member = at > 0 && matches!(token(at - 1), Some(Token::Sign('.')));
        let Token::Word(keyword @ ("import" | "export")) = *first else { continue };
        if is_member {
            continue;
        }
        let mut add = |at: usize, optional| {
            if let Some((offset, Token::Text(module))) = tokens.get(at).copied() {
                imports.push(Import { module, offset, optional });
            }
        };
        match (keyword, token(at + 1)) {
            ("import", Some(Token::Sign('('))) => add(at + 2, true),
            ("import", Some(Token::Text(_))) => add(at + 1, false),
            (_, next) => {
                let types = next == Some(Token::Word("type")) && token(at + 2) != Some(Token::Word("from"));
                if let Some(from) = from(&tokens, at + 1) {
                    add(from + 1, types);
                }
            }
        }
    }
    imports
}

/// Where the `from` of a list of names is. Anything that no such list has ends the search.
fn from(tokens: &[(usize, Token<'_>)], start: usize) -> Option<usize> {
    let mut braces = 0_i32;
    for (at, (_, token)) in tokens.iter().enumerate().skip(start) {
        match token {
            Token::Word("from") if braces == 0 && matches!(tokens.get(at + 1), Some((_, Token::Text(_)))) => {
                return Some(at);
            }
            Token::Sign('{') => braces += 1,
            Token::Sign('}') => braces -= 1,
            Token::Word(_) | Token::Sign(',' | '*') => {}
            Token::Text(_) if braces > 0 => {}
            _ => return None,
        }
    }
    None
}

/// The file that an import means; `None` for what the engine brings.
fn resolve(found: &Found, importer: &str, module: &str) -> Result<Option<String>, String> {
    if module == OWN {
        return Ok(None);
    }
    let own = |module: &str| OF_NODE.contains(&module.split('/').next().unwrap_or(module));
    if let Some(name) = module.strip_prefix("node:").or_else(|| own(module).then_some(module)) {
        return Err(format!(
            "the modules of Node, such as `{name}`, do not exist here: files, sockets and processes are out of reach of a \
             code agent; use a tool, or `fetch`"
        ));
    }
    if !module.starts_with("./") && !module.starts_with("../") {
        let is_place = module.starts_with('/') || module.contains("://") || module.starts_with("data:");
        if is_place {
            return Err(format!(
                "`{module}` is no file of the agent: import those by a relative name, like \"./lib/a.js\""
            ));
        }
        return Err(format!(
            "`{module}` is a package, and none is installed where an agent runs: bundle it into a file of the agent (`npx \
             esbuild {module} --bundle --format=esm --outfile=vendor.js`) and import that as \"./vendor.js\""
        ));
    }
    let path = join(importer, module).ok_or_else(|| format!("`{module}` leaves the agent's folder"))?;
    let typescript = path.strip_suffix("js").filter(|stem| stem.ends_with(['.', 'm'])).map(|stem| format!("{stem}ts"));
    let candidates =
        std::iter::once(path.clone()).chain(ENDINGS.iter().map(|ending| format!("{path}{ending}"))).chain(typescript);
    let file = candidates.into_iter().find(|name| found.exists(name));
    file.map(Some)
        .ok_or_else(|| format!("`{module}` is imported, and there is no file {}", found.root.join(&path).display()))
}

/// `module` from the folder of `importer`; `None` when it leads out of the agent's folder.
fn join(importer: &str, module: &str) -> Option<String> {
    let mut parts: Vec<&str> = importer.split('/').collect();
    parts.pop();
    for part in module.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_import_is_seen() {
        let source = r#"
            import "./a.js";
            import b from './b.js';
            import { c, "x y" as d } from "./c.js";
            import * as e from "./e.js";
            import f, { g } from "./f.js"; import type { T } from "./types";
            export { h } from "./h.js";
            export * from "./i.js";
            const late = await import("./late.js");
            import data from "./data.json" with { type: "json" };
            // import "./comment.js"
            const text = 'import "./text.js"', tpl = `import "./tpl.js" ${await import("./inner.js")}`;
            export const from = "./no.js"; export default function run() { return from }
            x.import("./member.js"); const re = /import ".\/re.js"/;
            import.meta.url;
        "#;
        let found: Vec<_> = imports(source).into_iter().map(|import| (import.module, import.optional)).collect();
        let must = |module| (module, false);
        assert_eq!(
            found,
            [
                must("./a.js"),
                must("./b.js"),
                must("./c.js"),
                must("./e.js"),
                must("./f.js"),
                ("./types", true),
                must("./h.js"),
                must("./i.js"),
                ("./late.js", true),
                must("./data.json"),
                ("./inner.js", true),
            ]
        );
    }

    #[test]
    fn names_stay_in_the_folder() {
        assert_eq!(join("agent.js", "./lib/a.js").as_deref(), Some("lib/a.js"));
        assert_eq!(join("lib/deep/b.js", "../../c.js").as_deref(), Some("c.js"));
        assert_eq!(join("lib/b.js", "../../c.js"), None);
    }
}
