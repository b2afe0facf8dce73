-- The files of code agents, named by their hash and compressed (zlib). `used_at` is when somebody last uploaded one or
-- made a version of it: what nothing refers to is deleted a day later. With a row id in SQLite, since bodies are large.
CREATE TABLE bundle (
  project_id TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  used_at INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (project_id, sha256)
) STRICT;

CREATE INDEX bundle_used ON bundle(used_at);

-- Which bundle a version's code is in.
ALTER TABLE agent_version ADD COLUMN bundle TEXT;

CREATE INDEX agent_version_bundle ON agent_version(project_id, bundle) WHERE bundle IS NOT NULL;
