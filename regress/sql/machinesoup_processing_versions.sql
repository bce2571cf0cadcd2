-- add_version and resume_version: the table that is made, and every refusal with its code and nothing left behind.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS machinesoup CASCADE;
RESET client_min_messages;
SELECT soup.add_org('versions') IS NOT NULL AS org_added;
SELECT soup.add_model('versions', 'm', 2) IS NOT NULL AS model_added;
\set good '{"runtime": "builtin", "entry": "passthrough", "input": {"key_field": "id"}, "output": {"vector": 3, "position": {"type": "xyz", "fields": ["x", "y"]}, "attributes": {"turbine word": "text", "b": "boolean", "c": "bigint", "d": "double", "e": "integer", "f": "real", "g": "timestamptz"}}}'

SELECT soup.add_version('versions', 'm', 'first', :'good') IS NOT NULL AS added;
SELECT v.storage = 'v_' || replace(v.version::text, '-', '') AS named_by_id, v.label, v.state FROM soup.version v JOIN soup.model m USING (org, model) JOIN soup.org o ON o.org = v.org AND o.name = 'versions';
SELECT v.storage, v.version FROM soup.version v JOIN soup.org o USING (org) WHERE o.name = 'versions' \gset
SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull FROM pg_attribute a WHERE a.attrelid = ('soup_data.' || :'storage')::regclass AND a.attnum > 0 ORDER BY a.attnum;
SELECT ordinal, name, type FROM soup.version_attribute WHERE version = :'version' ORDER BY ordinal;
SELECT c.relrowsecurity, c.relforcerowsecurity, pg_get_userbyid(c.relowner) AS owner, c.reloptions,
       obj_description(c.oid) = 'Points of version ' || :'version' AS commented, has_table_privilege('soup_gateway', c.oid, 'SELECT') AS gateway_reads,
       has_table_privilege('soup_worker', c.oid, 'INSERT, UPDATE') AS worker_writes, has_table_privilege('soup_worker', c.oid, 'DELETE') AS worker_deletes
  FROM pg_class c WHERE c.oid = ('soup_data.' || :'storage')::regclass;
SELECT count(*) FROM pg_policy WHERE polrelid = ('soup_data.' || :'storage')::regclass;
-- No word of the customer is in the catalogue.
SELECT count(*) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE a.attname LIKE '%turbine%' OR c.relname LIKE '%first%' AND c.relnamespace = 'soup_data'::regnamespace;
-- Nobody reads it unbound.
INSERT INTO soup_data.:"storage" (source_partition, source_offset, received_at, key, position, vector) VALUES (0, 0, now(), 'k', '[1,2]', '[1,2,3]');
SET ROLE soup_worker;
SELECT count(*) FROM soup_data.:"storage";
RESET ROLE;
-- It waits for its fit from the start; the other kinds do not.
SELECT soup.add_version('versions', 'm', 'learns', '{"runtime": "builtin", "entry": "window_convolution", "input": {"channels": ["a"]}, "output": {"vector": 4}}') IS NOT NULL AS added;
SELECT v.label, f.partition, f.windows_needed, f.windows_seen, f.fitted_at FROM soup.fit f JOIN soup.version v USING (org, model, version) JOIN soup.org o ON o.org = v.org AND o.name = 'versions';

-- Refusals.
CREATE TEMP TABLE tally AS SELECT (SELECT count(*) FROM soup.version) AS versions, (SELECT count(*) FROM soup.version_attribute) AS attributes,
    (SELECT count(*) FROM soup.fit) AS fits, (SELECT count(*) FROM pg_class WHERE relnamespace = 'soup_data'::regnamespace) AS tables;
CREATE TEMP TABLE refused AS SELECT * FROM (VALUES
    (1, 'nobody', 'm', 'x', NULL::jsonb), (2, 'versions', 'nothing', 'x', NULL), (3, NULL, 'm', 'x', NULL), (4, 'versions', NULL, 'x', NULL),
    (5, 'versions', 'm', NULL, NULL), (6, 'versions', 'm', '', NULL), (7, 'versions', 'm', 'a/b', NULL), (8, 'versions', 'm', 'a*', NULL),
    (9, 'versions', 'm', E'a\nb', NULL), (10, 'versions', 'm', repeat('x', 201), NULL), (11, 'versions', 'm', 'first', NULL),
    (12, 'versions', 'm', 'x', 'null'), (13, 'versions', 'm', 'x', '[]'), (14, 'versions', 'm', 'x', '{}'),
    (15, 'versions', 'm', 'x', '{"entry": "nonsense"}'), (16, 'versions', 'm', 'x', '{"extra": 1}'),
    (17, 'versions', 'm', 'x', '{"output": {"vector": 0}}'), (18, 'versions', 'm', 'x', '{"output": {"vector": 16001}}'),
    (19, 'versions', 'm', 'x', '{"output": {"vector": "3"}}'), (20, 'versions', 'm', 'x', '{"output": {"vector": 3, "metric": "l3"}}'),
    (21, 'versions', 'm', 'x', '{"output": {"vector": 3, "attributes": {"a": "json"}}}'),
    (22, 'versions', 'm', 'x', '{"output": {"vector": 3, "position": {"type": "latlon", "fields": ["lat"]}}}'),
    (23, 'versions', 'm', 'x', '{"entry": "window_convolution"}'),
    (24, 'versions', 'm', 'x', '{"entry": "window_convolution", "input": {"channels": ["a"]}, "parameters": {"window": 8}}'),
    (25, 'versions', 'm', 'x', '{"entry": "image_convolution"}'), (26, 'versions', 'm', 'x', '{"entry": "position"}'),
    (27, 'versions', 'm', 'x', '{"runtime": "python"}')
) AS t(number, org, model, label, change);
CREATE TEMP TABLE calls AS
    SELECT number, format('SELECT soup.add_version(%L, %L, %L, %L)', org, model, label,
                          CASE WHEN jsonb_typeof(change) IN ('array', 'null') OR change = '{}' THEN change
                               ELSE '{"runtime": "builtin", "entry": "passthrough", "input": {}, "output": {"vector": 3}}' || coalesce(change, '{}') END) AS call
      FROM refused;
SELECT call FROM calls ORDER BY number \gexec
SELECT soup.add_version('versions', 'm', 'x', NULL);
\set VERBOSITY sqlstate
SELECT call FROM calls ORDER BY number \gexec
\set VERBOSITY terse
SELECT (SELECT count(*) FROM soup.version) = versions AND (SELECT count(*) FROM soup.version_attribute) = attributes
   AND (SELECT count(*) FROM soup.fit) = fits
   AND (SELECT count(*) FROM pg_class WHERE relnamespace = 'soup_data'::regnamespace) = tables AS nothing_left FROM tally;
-- The session is as usable as before.
SELECT soup.add_version('versions', 'm', 'x', '{"runtime": "builtin", "entry": "passthrough", "input": {}, "output": {"vector": 3}}') IS NOT NULL AS added;

-- Suspended and resumed.
SELECT soup.resume_version('versions', 'm', 'first');
SELECT soup.resume_version('versions', 'm', 'none');
SELECT soup.resume_version('versions', 'none', 'first');
UPDATE soup.version SET state = 'suspended', suspended_because = 'a test' WHERE version = :'version';
SELECT soup.resume_version('versions', 'm', 'first');
SELECT state, suspended_because FROM soup.version WHERE version = :'version';

-- What is stored is complete: normalised once more, it stays as it is.
SELECT count(*) AS normalised, bool_and((soup.read_manifest(manifest::text)).normalised = manifest) AS stays
  FROM soup.version v JOIN soup.org o USING (org) WHERE o.name = 'versions';
