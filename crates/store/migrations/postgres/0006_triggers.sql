-- What starts an agent besides a call. `config` is what its author wrote; `planned_at` is the time that its schedule says
-- for the next run, `next_at` when that run starts. Neither is set while it rests.
CREATE TABLE trigger (
  project_id TEXT COLLATE "C" NOT NULL,
  trigger_id TEXT COLLATE "C" NOT NULL,
  agent_id TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  environment TEXT COLLATE "C" NOT NULL,
  origin TEXT COLLATE "C" NOT NULL,
  config TEXT NOT NULL,
  paused BIGINT NOT NULL,
  inactive BIGINT NOT NULL,
  shard BIGINT NOT NULL,
  generation BIGINT NOT NULL,
  previous_until BIGINT,
  planned_at BIGINT,
  next_at BIGINT,
  last_at BIGINT,
  last_execution_id TEXT COLLATE "C",
  last_error TEXT,
  started BIGINT NOT NULL,
  skipped BIGINT NOT NULL,
  refused BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  created_by TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (project_id, trigger_id),
  FOREIGN KEY (project_id, agent_id) REFERENCES agent(project_id, agent_id)
);

CREATE UNIQUE INDEX trigger_name ON trigger(project_id, agent_id, environment, name);

-- The URL of a webhook names it alone.
CREATE UNIQUE INDEX trigger_of_url ON trigger(trigger_id);

CREATE INDEX trigger_due ON trigger(next_at) WHERE next_at IS NOT NULL;

-- One time that a trigger fired: waiting until an execution is started for it, then its history.
CREATE TABLE fire (
  project_id TEXT COLLATE "C" NOT NULL,
  trigger_id TEXT COLLATE "C" NOT NULL,
  fire_key TEXT COLLATE "C" NOT NULL,
  shard BIGINT NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  planned_at BIGINT NOT NULL,
  chain_depth BIGINT NOT NULL,
  context TEXT,
  execution_id TEXT COLLATE "C",
  error TEXT,
  created_at BIGINT NOT NULL,
  settled_at BIGINT,
  PRIMARY KEY (project_id, trigger_id, fire_key)
);

CREATE INDEX fire_pending ON fire(created_at, fire_key, trigger_id) WHERE state = 'pending';

CREATE INDEX fire_history ON fire(project_id, trigger_id, created_at, fire_key);
