-- Agents and projects that are held: paused, or stopped by their kill switch.
CREATE TABLE hold (
  project_id TEXT NOT NULL,
  -- empty for the whole project
  agent_id TEXT NOT NULL,
  mode TEXT NOT NULL,
  note TEXT,
  actor TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (project_id, agent_id)
) STRICT, WITHOUT ROWID;
