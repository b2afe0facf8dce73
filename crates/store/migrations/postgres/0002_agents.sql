-- Agents, their versions and deployments, and the changes of a project.

-- A named definition. A deleted agent keeps its row, so that its history stays readable; its name is free again.
CREATE TABLE agent (
  project_id TEXT COLLATE "C" NOT NULL,
  agent_id TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  latest_version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  deleted_at BIGINT,
  PRIMARY KEY (project_id, agent_id)
);

CREATE UNIQUE INDEX agent_name ON agent(project_id, name) WHERE deleted_at IS NULL;

CREATE INDEX agent_by_name ON agent(project_id, name, agent_id);

-- An immutable snapshot of an agent's configuration; never updated.
CREATE TABLE agent_version (
  project_id TEXT COLLATE "C" NOT NULL,
  agent_id TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  version_id TEXT COLLATE "C" NOT NULL,
  content_hash TEXT COLLATE "C" NOT NULL,
  config TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (project_id, agent_id, version),
  FOREIGN KEY (project_id, agent_id) REFERENCES agent(project_id, agent_id)
);

CREATE UNIQUE INDEX agent_version_id ON agent_version(project_id, version_id);

-- A version made live in an environment. `n` counts an agent's deployments from 1 without gaps; `restores` names the one
-- that a rollback went back to.
CREATE TABLE deployment (
  project_id TEXT COLLATE "C" NOT NULL,
  agent_id TEXT COLLATE "C" NOT NULL,
  n BIGINT NOT NULL,
  deployment_id TEXT COLLATE "C" NOT NULL,
  environment TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  action TEXT COLLATE "C" NOT NULL,
  restores BIGINT,
  created_at BIGINT NOT NULL,
  created_by TEXT COLLATE "C" NOT NULL,
  ended_at BIGINT,
  PRIMARY KEY (project_id, agent_id, n),
  FOREIGN KEY (project_id, agent_id, version) REFERENCES agent_version(project_id, agent_id, version),
  CHECK ((status = 'live') = (ended_at IS NULL))
);

CREATE UNIQUE INDEX deployment_id ON deployment(project_id, deployment_id);

-- One live deployment per environment. There is deliberately no index of all deployments by environment: SQLite would
-- prefer it to this one and read an agent's whole history to find what is live. History is read along the primary key.
CREATE UNIQUE INDEX deployment_live ON deployment(project_id, agent_id, environment) WHERE ended_at IS NULL;

-- What was changed, by whom: the audit log and the outbox of everything that has no execution. Written in the
-- transaction of the change itself; `n` counts a project's changes from 1 without gaps.
CREATE TABLE change (
  project_id TEXT COLLATE "C" NOT NULL,
  n BIGINT NOT NULL,
  at BIGINT NOT NULL,
  actor TEXT COLLATE "C" NOT NULL,
  action TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (project_id, n)
);

-- The last number of a project's changes; its row is locked until the change commits.
CREATE TABLE project_counter (
  project_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  changes BIGINT NOT NULL
);
