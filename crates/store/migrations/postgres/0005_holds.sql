-- Agents and projects that are held: paused, or stopped by their kill switch.
CREATE TABLE hold (
  project_id TEXT COLLATE "C" NOT NULL,
  -- empty for the whole project
  agent_id TEXT COLLATE "C" NOT NULL,
  mode TEXT COLLATE "C" NOT NULL,
  note TEXT,
  actor TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (project_id, agent_id)
);
