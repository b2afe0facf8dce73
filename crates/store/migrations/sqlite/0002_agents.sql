-- Agents, their versions and deployments, and the changes of a project.

-- A named definition. A deleted agent keeps its row, so that its history stays readable; its name is free again.
CREATE TABLE agent (
  project_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  name TEXT NOT NULL,
  latest_version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER,
  PRIMARY KEY (project_id, agent_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX agent_name ON agent(project_id, name) WHERE deleted_at IS NULL;

CREATE INDEX agent_by_name ON agent(project_id, name, agent_id);

-- An immutable snapshot of an agent's configuration; never updated. With a row id, since configurations are large.
CREATE TABLE agent_version (
  project_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  version_id TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  config TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (project_id, agent_id, version),
  FOREIGN KEY (project_id, agent_id) REFERENCES agent(project_id, agent_id)
) STRICT;

CREATE UNIQUE INDEX agent_version_id ON agent_version(project_id, version_id);

-- A version made live in an environment. `n` counts an agent's deployments from 1 without gaps; `restores` names the one
-- that a rollback went back to.
CREATE TABLE deployment (
  project_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  n INTEGER NOT NULL,
  deployment_id TEXT NOT NULL,
  environment TEXT NOT NULL,
  version INTEGER NOT NULL,
  status TEXT NOT NULL,
  action TEXT NOT NULL,
  restores INTEGER,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  ended_at INTEGER,
  PRIMARY KEY (project_id, agent_id, n),
  FOREIGN KEY (project_id, agent_id, version) REFERENCES agent_version(project_id, agent_id, version),
  CHECK ((status = 'live') = (ended_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX deployment_id ON deployment(project_id, deployment_id);

-- One live deployment per environment. There is deliberately no index of all deployments by environment: SQLite would
-- prefer it to this one and read an agent's whole history to find what is live. History is read along the primary key.
CREATE UNIQUE INDEX deployment_live ON deployment(project_id, agent_id, environment) WHERE ended_at IS NULL;

-- What was changed, by whom: the audit log and the outbox of everything that has no execution. Written in the
-- transaction of the change itself; `n` counts a project's changes from 1 without gaps.
CREATE TABLE change (
  project_id TEXT NOT NULL,
  n INTEGER NOT NULL,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (project_id, n)
) STRICT, WITHOUT ROWID;

-- The last number of a project's changes; its row is locked until the change commits.
CREATE TABLE project_counter (
  project_id TEXT NOT NULL PRIMARY KEY,
  changes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
