//! What to do next, by code, where the error itself cannot know how the command line is used.

/// A sentence for the people at the terminal.
pub(super) fn hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "server_unreachable" => {
            "start a server with `moltforge dev`, or name a running one with --server or MOLTFORGE_URL"
        }
        "request_timed_out" => "the server may be busy or unreachable; `moltforge doctor` looks at both",
        "unexpected_response" => "check that --server or MOLTFORGE_URL is the address of a MoltForge server",
        "credentials_missing" | "credentials_malformed" | "key_unknown" => {
            "name a key with --key or MOLTFORGE_KEY; `moltforge dev` prints one"
        }
        "key_expired" | "key_revoked" => "make another key with `moltforge keys create`",
        "scope_missing" => "use a key with that scope; `moltforge keys list` shows what each key may do",
        "agent_not_found" => "`moltforge agents list` shows the agents of this project",
        "version_not_found" => "`moltforge versions AGENT` shows the versions there are",
        "execution_not_found" => "`moltforge executions list` shows the executions of this project",
        "agent_not_deployed" | "deployment_not_found" => "make a version live with `moltforge deploy`",
        "agent_has_live_executions" => "add --cancel to stop its executions too",
        "executions_not_cancelled" => {
            "repeat it with the agent's id, which `moltforge agents list --deleted` shows, and --cancel"
        }
        "input_invalid" => "`moltforge agents get AGENT` shows the input_schema that the input must fit",
        "unknown_effects" => {
            "find out whether the call took effect, then `moltforge resume EXE --unknown-effects retry` sends it again, \
             `fail` tells the model that it failed"
        }
        "execution_not_paused" => "`moltforge executions get EXE` shows its state and what it waits for",
        "no_earlier_deployment" => "`moltforge versions AGENT` shows the versions; `moltforge deploy` makes one live",
        "key_scope_exceeds" => {
            "name fewer scopes with --scopes, or none for all that your key has; `moltforge keys list` shows them"
        }
        "agent_name_taken" => "choose another name, or update the agent with `moltforge deploy`",
        "rate_limited" => "wait a moment and try again",
        "data_folder_in_use" => "another MoltForge works there: stop it, or choose another folder with --data-dir",
        "database_newer" => "start the newer MoltForge that wrote it, or choose another folder with --data-dir",
        "model_unknown" => "name the provider in [models] of the configuration, or set OPENAI_API_KEY",
        _ => return None,
    })
}
