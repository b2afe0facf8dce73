-- When its journal was packed into `archive`.
ALTER TABLE execution ADD COLUMN archived_at BIGINT;

-- What the janitor looks for: ended and not packed yet, packed and past its retention.
CREATE INDEX execution_ended ON execution (finished_at) WHERE finished_at IS NOT NULL AND archived_at IS NULL;
CREATE INDEX execution_archived ON execution (state, finished_at) WHERE archived_at IS NOT NULL;

-- The largest number that was ever deleted from the shard's journal: numbers are not used twice.
ALTER TABLE shard ADD COLUMN lsn BIGINT NOT NULL DEFAULT 0;

-- The journal of ended executions, compressed: a few hundred entries in a row. What is here is not in `journal`.
CREATE TABLE archive (
  project_id TEXT COLLATE "C" NOT NULL,
  execution_id TEXT COLLATE "C" NOT NULL,
  first_seq BIGINT NOT NULL,
  last_seq BIGINT NOT NULL,
  body BYTEA NOT NULL,
  PRIMARY KEY (project_id, execution_id, first_seq),
  FOREIGN KEY (project_id, execution_id) REFERENCES execution (project_id, execution_id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX archive_execution ON archive (execution_id, first_seq);

-- The state of a long execution after entry `seq`: a shortcut. The journal is the truth.
CREATE TABLE snapshot (
  project_id TEXT COLLATE "C" NOT NULL,
  execution_id TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  format TEXT COLLATE "C" NOT NULL,
  body BYTEA NOT NULL,
  PRIMARY KEY (project_id, execution_id),
  FOREIGN KEY (project_id, execution_id) REFERENCES execution (project_id, execution_id) ON DELETE CASCADE
);
