-- What waits, and waited, for a person: a projection of the journal, written in its commits.
CREATE TABLE approval (
  project_id TEXT COLLATE "C" NOT NULL,
  approval_id TEXT COLLATE "C" NOT NULL,
  execution_id TEXT COLLATE "C" NOT NULL,
  agent_id TEXT COLLATE "C" NOT NULL,
  agent_name TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  step BIGINT NOT NULL,
  tool TEXT COLLATE "C" NOT NULL,
  arguments TEXT NOT NULL,
  call_sha256 TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  approvers TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  on_expiry TEXT NOT NULL,
  escalate_at BIGINT,
  escalate_to TEXT NOT NULL,
  escalated_at BIGINT,
  created_at BIGINT NOT NULL,
  decided_at BIGINT,
  decided_by TEXT,
  note TEXT,
  edited_arguments TEXT,
  answer TEXT,
  carried_out_at BIGINT,
  PRIMARY KEY (project_id, approval_id)
);

CREATE INDEX approval_state ON approval (project_id, state, approval_id);
CREATE INDEX approval_execution ON approval (project_id, execution_id, approval_id);

-- Secrets of the installation that every node must have alike and that protect nothing from whoever reads this database:
-- the key from which idempotency keys of effects are made.
CREATE TABLE installation (
  name TEXT COLLATE "C" PRIMARY KEY,
  secret BYTEA NOT NULL
);
