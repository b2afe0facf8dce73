-- What waits, and waited, for a person: a projection of the journal, written in its commits.
CREATE TABLE approval (
  project_id TEXT NOT NULL,
  approval_id TEXT NOT NULL,
  execution_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  agent_name TEXT NOT NULL,
  version INTEGER NOT NULL,
  step INTEGER NOT NULL,
  tool TEXT NOT NULL,
  arguments TEXT NOT NULL,
  call_sha256 TEXT NOT NULL,
  state TEXT NOT NULL,
  approvers TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  on_expiry TEXT NOT NULL,
  escalate_at INTEGER,
  escalate_to TEXT NOT NULL,
  escalated_at INTEGER,
  created_at INTEGER NOT NULL,
  decided_at INTEGER,
  decided_by TEXT,
  note TEXT,
  edited_arguments TEXT,
  answer TEXT,
  carried_out_at INTEGER,
  PRIMARY KEY (project_id, approval_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX approval_state ON approval (project_id, state, approval_id);
CREATE INDEX approval_execution ON approval (project_id, execution_id, approval_id);

-- Secrets of the installation that every node must have alike and that protect nothing from whoever reads this database:
-- the key from which idempotency keys of effects are made.
CREATE TABLE installation (
  name TEXT PRIMARY KEY,
  secret BLOB NOT NULL
) STRICT, WITHOUT ROWID;
