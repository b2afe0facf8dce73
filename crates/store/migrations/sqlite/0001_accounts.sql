-- Who may ask, and for which project: organisations, projects, keys, sessions, sign-in codes; and the answers that are
-- kept for idempotency keys.

CREATE TABLE organisation (
  organisation_id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX organisation_name ON organisation (name);

CREATE TABLE project (
  project_id TEXT NOT NULL PRIMARY KEY,
  organisation_id TEXT NOT NULL REFERENCES organisation (organisation_id),
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX project_name ON project (organisation_id, name);

-- A key's secret is not here: only its SHA-256 and a few characters to recognise it by. A revoked key stays as a row.
CREATE TABLE key (
  project_id TEXT NOT NULL REFERENCES project (project_id),
  key_id TEXT NOT NULL,
  name TEXT NOT NULL,
  secret_hash BLOB NOT NULL,
  hint TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  last_used_at INTEGER,
  PRIMARY KEY (project_id, key_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX key_secret_hash ON key (secret_hash);

-- A session lives as long as the key that it was opened with, and no longer than its own two limits.
CREATE TABLE session (
  project_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  token_hash BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  ended_at INTEGER,
  PRIMARY KEY (project_id, session_id),
  FOREIGN KEY (project_id, key_id) REFERENCES key (project_id, key_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX session_token_hash ON session (token_hash);
CREATE INDEX session_expires_at ON session (project_id, expires_at);

CREATE TABLE sign_in_code (
  project_id TEXT NOT NULL,
  code_hash BLOB NOT NULL,
  key_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER,
  PRIMARY KEY (project_id, code_hash),
  FOREIGN KEY (project_id, key_id) REFERENCES key (project_id, key_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX sign_in_code_hash ON sign_in_code (code_hash);
CREATE INDEX sign_in_code_expires_at ON sign_in_code (project_id, expires_at);

-- `status` is null while the first request is at work under `claim`.
CREATE TABLE idempotency (
  project_id TEXT NOT NULL,
  principal TEXT NOT NULL,
  route TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  request_hash BLOB NOT NULL,
  claim BLOB NOT NULL,
  claimed_at INTEGER NOT NULL,
  status INTEGER,
  headers TEXT,
  body BLOB,
  PRIMARY KEY (project_id, principal, route, idempotency_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_claimed_at ON idempotency (project_id, claimed_at);
