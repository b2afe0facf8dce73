-- A key that could do everything before there were approvals can do everything now: nobody else could give the new scope
-- to anybody, because a key is made with at most its maker's scopes.
UPDATE key SET scopes = replace(scopes, '"executions:write"', '"executions:write","approvals:decide"')
WHERE scopes NOT LIKE '%"approvals:decide"%'
  AND scopes LIKE '%"agents:read"%' AND scopes LIKE '%"agents:write"%'
  AND scopes LIKE '%"executions:read"%' AND scopes LIKE '%"executions:write"%'
  AND scopes LIKE '%"keys:read"%' AND scopes LIKE '%"keys:write"%'
  AND scopes LIKE '%"monitoring:read"%';
