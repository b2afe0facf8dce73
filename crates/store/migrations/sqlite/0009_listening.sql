-- Who waits for events is asked for every second.
CREATE INDEX trigger_listening ON trigger(trigger_id) WHERE kind = 'event';
