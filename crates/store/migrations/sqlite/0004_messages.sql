-- Where an execution comes from, how it is treated among others, and what executions tell each other.
ALTER TABLE execution ADD COLUMN trigger TEXT NOT NULL DEFAULT 'api';
ALTER TABLE execution ADD COLUMN trigger_id TEXT;
ALTER TABLE execution ADD COLUMN chain_depth INTEGER NOT NULL DEFAULT 0;
ALTER TABLE execution ADD COLUMN priority INTEGER NOT NULL DEFAULT 5;
ALTER TABLE execution ADD COLUMN concurrency_key TEXT;
ALTER TABLE execution ADD COLUMN parent_id TEXT;
ALTER TABLE execution ADD COLUMN root_id TEXT;
ALTER TABLE execution ADD COLUMN forked_from TEXT;

CREATE INDEX execution_parent ON execution (project_id, parent_id, execution_id) WHERE parent_id IS NOT NULL;
CREATE INDEX execution_trigger ON execution (project_id, trigger_id, execution_id) WHERE trigger_id IS NOT NULL;

-- Written in the commit of its sender, deleted in the commit of its receiver.
CREATE TABLE message (
  shard INTEGER NOT NULL,
  message_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  -- an execution or a trigger
  recipient TEXT NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (shard, message_id)
) STRICT, WITHOUT ROWID;
