-- Who owns what. A node is one process start; its lanes are what its commits are fenced by.
CREATE TABLE node (
  node_id TEXT COLLATE "C" PRIMARY KEY,
  incarnation BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE lane (
  node_id TEXT COLLATE "C" NOT NULL REFERENCES node (node_id) ON DELETE CASCADE,
  lane BIGINT NOT NULL,
  incarnation BIGINT NOT NULL,
  -- counts the connections that a lane's committer has had; a statement of an earlier one can no longer land
  connection BIGINT NOT NULL,
  PRIMARY KEY (node_id, lane)
);

CREATE TABLE shard (
  shard BIGINT PRIMARY KEY,
  node_id TEXT COLLATE "C" REFERENCES node (node_id),
  lane BIGINT
);

INSERT INTO shard (shard) SELECT generate_series(0, 255);

CREATE TABLE execution (
  project_id TEXT COLLATE "C" NOT NULL,
  execution_id TEXT COLLATE "C" NOT NULL,
  shard BIGINT NOT NULL,
  agent_id TEXT COLLATE "C" NOT NULL,
  agent_name TEXT COLLATE "C" NOT NULL,
  version_id TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  environment TEXT COLLATE "C",
  idempotency_key TEXT COLLATE "C",
  request_hash TEXT COLLATE "C",
  deadline BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  last_seq BIGINT NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C",
  attempt BIGINT NOT NULL,
  wake_at BIGINT,
  waiting_for TEXT,
  finished_at BIGINT,
  tokens BIGINT NOT NULL,
  output TEXT,
  error TEXT,
  PRIMARY KEY (project_id, execution_id)
) WITH (fillfactor = 70);

CREATE INDEX execution_state ON execution (project_id, state, execution_id);
CREATE INDEX execution_agent ON execution (project_id, agent_id, execution_id);
CREATE UNIQUE INDEX execution_idempotency ON execution (project_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX execution_due ON execution (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX execution_live ON execution (shard, execution_id) WHERE state IN ('scheduled', 'running', 'backing_off');

-- Apart from its execution, whose row is written again with every commit: an input may have a mebibyte.
CREATE TABLE execution_input (
  project_id TEXT COLLATE "C" NOT NULL,
  execution_id TEXT COLLATE "C" NOT NULL,
  input TEXT NOT NULL,
  PRIMARY KEY (project_id, execution_id)
);

-- Numbered without gaps per shard, by the shard's one owner.
CREATE TABLE journal (
  shard BIGINT NOT NULL,
  lsn BIGINT NOT NULL,
  execution_id TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  kind BIGINT NOT NULL,
  at BIGINT NOT NULL,
  payload BYTEA NOT NULL,
  PRIMARY KEY (shard, lsn)
);

CREATE UNIQUE INDEX journal_execution ON journal (execution_id, seq);

-- The durable data of agents.
CREATE TABLE state (
  project_id TEXT COLLATE "C" NOT NULL,
  agent_id TEXT COLLATE "C" NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  value TEXT NOT NULL,
  execution_id TEXT COLLATE "C" NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (project_id, agent_id, key)
);
