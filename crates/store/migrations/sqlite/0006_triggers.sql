-- What starts an agent besides a call. `config` is what its author wrote; `planned_at` is the time that its schedule says
-- for the next run, `next_at` when that run starts. Neither is set while it rests.
CREATE TABLE trigger (
  project_id TEXT NOT NULL,
  trigger_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  environment TEXT NOT NULL,
  origin TEXT NOT NULL,
  config TEXT NOT NULL,
  paused INTEGER NOT NULL,
  inactive INTEGER NOT NULL,
  shard INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  previous_until INTEGER,
  planned_at INTEGER,
  next_at INTEGER,
  last_at INTEGER,
  last_execution_id TEXT,
  last_error TEXT,
  started INTEGER NOT NULL,
  skipped INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (project_id, trigger_id),
  FOREIGN KEY (project_id, agent_id) REFERENCES agent(project_id, agent_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX trigger_name ON trigger(project_id, agent_id, environment, name);

-- The URL of a webhook names it alone.
CREATE UNIQUE INDEX trigger_of_url ON trigger(trigger_id);

CREATE INDEX trigger_due ON trigger(next_at) WHERE next_at IS NOT NULL;

-- One time that a trigger fired: waiting until an execution is started for it, then its history.
CREATE TABLE fire (
  project_id TEXT NOT NULL,
  trigger_id TEXT NOT NULL,
  fire_key TEXT NOT NULL,
  shard INTEGER NOT NULL,
  state TEXT NOT NULL,
  planned_at INTEGER NOT NULL,
  chain_depth INTEGER NOT NULL,
  context TEXT,
  execution_id TEXT,
  error TEXT,
  created_at INTEGER NOT NULL,
  settled_at INTEGER,
  PRIMARY KEY (project_id, trigger_id, fire_key)
) STRICT;

CREATE INDEX fire_pending ON fire(created_at, fire_key, trigger_id) WHERE state = 'pending';

CREATE INDEX fire_history ON fire(project_id, trigger_id, created_at, fire_key);
