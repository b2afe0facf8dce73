-- Who owns what. A node is one process start; its lanes are what its commits are fenced by.
CREATE TABLE node (
  node_id TEXT PRIMARY KEY,
  incarnation INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lane (
  node_id TEXT NOT NULL REFERENCES node (node_id) ON DELETE CASCADE,
  lane INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  -- counts the connections that a lane's committer has had; only PostgreSQL's journal uses it
  connection INTEGER NOT NULL,
  PRIMARY KEY (node_id, lane)
) STRICT, WITHOUT ROWID;

CREATE TABLE shard (
  shard INTEGER PRIMARY KEY,
  node_id TEXT REFERENCES node (node_id),
  lane INTEGER
) STRICT;

WITH RECURSIVE number (shard) AS (SELECT 0 UNION ALL SELECT shard + 1 FROM number WHERE shard < 255)
INSERT INTO shard (shard) SELECT shard FROM number;

CREATE TABLE execution (
  project_id TEXT NOT NULL,
  execution_id TEXT NOT NULL,
  shard INTEGER NOT NULL,
  agent_id TEXT NOT NULL,
  agent_name TEXT NOT NULL,
  version_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  environment TEXT,
  idempotency_key TEXT,
  request_hash TEXT,
  deadline INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  attempt INTEGER NOT NULL,
  wake_at INTEGER,
  waiting_for TEXT,
  finished_at INTEGER,
  tokens INTEGER NOT NULL,
  output TEXT,
  error TEXT,
  PRIMARY KEY (project_id, execution_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX execution_state ON execution (project_id, state, execution_id);
CREATE INDEX execution_agent ON execution (project_id, agent_id, execution_id);
CREATE UNIQUE INDEX execution_idempotency ON execution (project_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX execution_due ON execution (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX execution_live ON execution (shard, execution_id) WHERE state IN ('scheduled', 'running', 'backing_off');

-- Apart from its execution, whose row is written again with every commit: an input may have a mebibyte.
CREATE TABLE execution_input (
  project_id TEXT NOT NULL,
  execution_id TEXT NOT NULL,
  input TEXT NOT NULL,
  PRIMARY KEY (project_id, execution_id)
) STRICT, WITHOUT ROWID;

-- Append-ordered: with the key (execution_id, seq) as the table's order every entry would touch a page of its own.
CREATE TABLE journal (
  lsn INTEGER PRIMARY KEY,
  shard INTEGER NOT NULL,
  execution_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  at INTEGER NOT NULL,
  payload BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX journal_execution ON journal (execution_id, seq);

-- The durable data of agents.
CREATE TABLE state (
  project_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  execution_id TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (project_id, agent_id, key)
) STRICT, WITHOUT ROWID;
