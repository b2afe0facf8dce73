-- Where an execution comes from, how it is treated among others, and what executions tell each other.
ALTER TABLE execution ADD COLUMN trigger TEXT COLLATE "C" NOT NULL DEFAULT 'api';
ALTER TABLE execution ADD COLUMN trigger_id TEXT COLLATE "C";
ALTER TABLE execution ADD COLUMN chain_depth BIGINT NOT NULL DEFAULT 0;
ALTER TABLE execution ADD COLUMN priority BIGINT NOT NULL DEFAULT 5;
ALTER TABLE execution ADD COLUMN concurrency_key TEXT COLLATE "C";
ALTER TABLE execution ADD COLUMN parent_id TEXT COLLATE "C";
ALTER TABLE execution ADD COLUMN root_id TEXT COLLATE "C";
ALTER TABLE execution ADD COLUMN forked_from TEXT COLLATE "C";

CREATE INDEX execution_parent ON execution (project_id, parent_id, execution_id) WHERE parent_id IS NOT NULL;
CREATE INDEX execution_trigger ON execution (project_id, trigger_id, execution_id) WHERE trigger_id IS NOT NULL;

-- Written in the commit of its sender, deleted in the commit of its receiver.
CREATE TABLE message (
  shard BIGINT NOT NULL,
  message_id TEXT COLLATE "C" NOT NULL,
  project_id TEXT COLLATE "C" NOT NULL,
  -- an execution or a trigger
  recipient TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  body TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (shard, message_id)
);
