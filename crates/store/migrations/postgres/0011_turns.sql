-- Projects take turns with their fires: each reads its own, in order.
CREATE INDEX fire_waiting ON fire(project_id, created_at, fire_key, trigger_id) WHERE state = 'pending';

DROP INDEX fire_pending;
