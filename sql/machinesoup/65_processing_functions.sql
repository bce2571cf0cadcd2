-- What waits for processing, and for what; the views that the launcher, describe_model and doctor() read.
--
-- An idle version has no row in soup.cursor: the first worker that serves a lane makes it. So the views start from
-- what there is to do, intervals and heads, and a version without either costs nothing.
--
-- The views run as their reader: a principal's scope, the launcher's and the DBA's hold as on the tables, and a
-- superuser sees all.

DO $policies$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['failure', 'fit'] LOOP
        EXECUTE format('ALTER TABLE soup.%I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE soup.%I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY scope ON soup.%I USING (soup.scope_allows(org, model, version))', t);
        EXECUTE format('CREATE POLICY platform_dba ON soup.%I USING (soup.platform_allows(''dba''))', t);
        EXECUTE format('CREATE POLICY platform_launcher ON soup.%I USING (soup.platform_allows(''launcher''))', t);
    END LOOP;
END
$policies$;

CREATE VIEW soup.lag WITH (security_invoker) AS
    SELECT i.org, i.model, i.version, i.partition, 'default'::text COLLATE "C" AS lane,
           coalesce(min(c.next_offset), 0) AS next_offset,
           max(least(coalesce(i.to_offset, p.next_offset), p.next_offset)) AS head_offset,
           sum(greatest(0, least(coalesce(i.to_offset, p.next_offset), p.next_offset)
                           - greatest(i.from_offset, coalesce(c.next_offset, 0))))::bigint AS lag_records,
           min(c.processed_until) AS processed_until
      FROM soup.version_interval i
      JOIN soup.partition p ON p.org = i.org AND p.model = i.model AND p.partition = i.partition
      LEFT JOIN soup.cursor c ON c.org = i.org AND c.model = i.model AND c.version = i.version
                             AND c.partition = i.partition AND c.lane = 'default'
     GROUP BY i.org, i.model, i.version, i.partition
    UNION ALL
    SELECT h.org, h.model, h.version, h.partition, 'label', coalesce(c.next_offset, 0), h.head_offset,
           greatest(0, h.head_offset - coalesce(c.next_offset, 0)), c.processed_until
      FROM soup.label_head h
      LEFT JOIN soup.cursor c ON c.org = h.org AND c.model = h.model AND c.version = h.version
                             AND c.partition = h.partition AND c.lane = 'label';
COMMENT ON VIEW soup.lag IS
    'How far each lane of each version is. lag_records counts offsets, so records of the other lane in between are in it until the cursor has passed them: it is at most that many, and 0 exactly when nothing waits.';

-- A look at a version counts its windows (bgworkers/fit.cpp) and notes look_again_at: the heads that it saw, plus one for
-- each window that was missing. What arrived since is taken off here, so that the number goes down record by record. Records
-- that a look found to be of no use are not taken off.
CREATE VIEW soup.fit_wait WITH (security_invoker) AS
    SELECT f.org, f.model, f.version, f.partition, f.windows_seen, f.windows_needed,
           greatest(1, CASE WHEN f.windows_seen = 0 THEN m.window_length + (f.windows_needed - 1) * m.stride
                                                             - (a.heads - f.default_from - f.label_from)
                            ELSE missing.windows * m.stride - (a.heads - (f.look_again_at - missing.windows)) END) AS records_missing,
           f.last_error, greatest(f.default_from, f.label_from) AS usable_from
      FROM soup.fit f
      JOIN soup.version v ON v.org = f.org AND v.model = f.model AND v.version = f.version
      JOIN soup.partition p ON p.org = f.org AND p.model = f.model AND p.partition = f.partition
      LEFT JOIN soup.label_head h ON h.org = f.org AND h.model = f.model AND h.version = f.version AND h.partition = f.partition
     CROSS JOIN LATERAL (SELECT greatest(f.windows_needed - f.windows_seen, 1)::bigint AS windows) missing
     -- An image is a window of one record, and the next one the next window.
     CROSS JOIN LATERAL (SELECT coalesce((v.manifest #>> '{parameters,window}')::bigint, 1) AS window_length,
                                coalesce((v.manifest #>> '{parameters,stride}')::bigint, 1) AS stride) m
     CROSS JOIN LATERAL (SELECT coalesce(h.head_offset, 0)
                                + coalesce((SELECT max(least(coalesce(i.to_offset, p.next_offset), p.next_offset)) FROM soup.version_interval i
                                             WHERE i.org = f.org AND i.model = f.model AND i.version = f.version
                                               AND i.partition = f.partition), 0) AS heads) a
     WHERE f.fitted_at IS NULL;
COMMENT ON VIEW soup.fit_wait IS
    'Versions that have not seen enough windows (of images: records) to learn from, in the partition that they learn from. records_missing is about how many more records that takes: exact for one stream without records of other versions in between, up to a stride; each further stream takes a window''s length more. Of the records before offset usable_from the version can use none.';

CREATE VIEW soup.work WITH (security_invoker) AS
    SELECT w.org, w.model, w.version, w.partition, w.lane,
           m.default_version IS NOT DISTINCT FROM w.version AND w.lane = 'default' AS is_live, w.updated_at
      FROM (SELECT i.org, i.model, i.version, i.partition, 'default'::text COLLATE "C" AS lane,
                   coalesce(c.updated_at, '-infinity') AS updated_at
              FROM soup.version_interval i
              JOIN soup.partition p ON p.org = i.org AND p.model = i.model AND p.partition = i.partition
              LEFT JOIN soup.cursor c ON c.org = i.org AND c.model = i.model AND c.version = i.version
                                     AND c.partition = i.partition AND c.lane = 'default'
             WHERE least(coalesce(i.to_offset, p.next_offset), p.next_offset) > greatest(i.from_offset, coalesce(c.next_offset, 0))
               AND coalesce(c.retry_at, '-infinity') <= pg_catalog.clock_timestamp()
            UNION ALL
            SELECT h.org, h.model, h.version, h.partition, 'label', coalesce(c.updated_at, '-infinity')
              FROM soup.label_head h
              LEFT JOIN soup.cursor c ON c.org = h.org AND c.model = h.model AND c.version = h.version
                                     AND c.partition = h.partition AND c.lane = 'label'
             WHERE h.head_offset > coalesce(c.next_offset, 0)
               AND coalesce(c.retry_at, '-infinity') <= pg_catalog.clock_timestamp()) w
      JOIN soup.version v ON v.org = w.org AND v.model = w.model AND v.version = w.version AND v.state <> 'suspended'
      JOIN soup.model m ON m.org = w.org AND m.model = w.model
     WHERE NOT EXISTS (SELECT FROM soup.fit f
                        WHERE f.org = w.org AND f.model = w.model AND f.version = w.version AND f.fitted_at IS NULL)
    UNION ALL
    SELECT f.org, f.model, f.version, f.partition, 'fit',
           m.default_version IS NOT DISTINCT FROM f.version, f.looked_at
      FROM soup.fit f
      JOIN soup.partition p ON p.org = f.org AND p.model = f.model AND p.partition = f.partition
      JOIN soup.version v ON v.org = f.org AND v.model = f.model AND v.version = f.version AND v.state <> 'suspended'
      JOIN soup.model m ON m.org = f.org AND m.model = f.model
      LEFT JOIN soup.label_head h ON h.org = f.org AND h.model = f.model AND h.version = f.version AND h.partition = f.partition
     WHERE f.fitted_at IS NULL
       -- What costs nothing first: the heads of both lanes are at most the partition's, so idle versions end here.
       AND p.next_offset > 0 AND 2 * p.next_offset >= f.look_again_at
       AND f.retry_at <= pg_catalog.clock_timestamp()
       AND coalesce(h.head_offset, 0)
           + coalesce((SELECT max(least(coalesce(i.to_offset, p.next_offset), p.next_offset)) FROM soup.version_interval i
                        WHERE i.org = f.org AND i.model = f.model AND i.version = f.version AND i.partition = f.partition), 0)
           >= greatest(f.look_again_at, 1);
COMMENT ON VIEW soup.work IS
    'What a worker could do now: lanes with records to process, versions with enough records to learn from. Empty in an idle platform.';

CREATE FUNCTION soup.launcher_pid() RETURNS integer
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'soup_launcher_pid';
COMMENT ON FUNCTION soup.launcher_pid() IS 'Process id of the launcher that serves this database; null if none runs.';

CREATE FUNCTION soup.subject(org uuid, model uuid, version uuid DEFAULT NULL) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN v.label IS NULL THEN 'model ' ELSE format('version %s of ', v.label) END || format('%s/%s', o.name, m.name)
      FROM soup.org o
      JOIN soup.model m ON m.org = o.org AND m.model = subject.model
      LEFT JOIN soup.version v ON v.org = o.org AND v.model = m.model AND v.version = subject.version
     WHERE o.org = subject.org;
END;
COMMENT ON FUNCTION soup.subject(uuid, uuid, uuid) IS
    'How doctor() names a model or a version: by the names that the DBA''s functions take.';

CREATE FUNCTION soup.doctor_processing() RETURNS TABLE (severity text, subject text, problem text, remedy text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT 'error', 'processing', 'the launcher does not run',
           'Look for "machinesoup launcher" in the server''s log; soup.database must name this database.'
     WHERE soup.launcher_pid() IS NULL AND NOT pg_is_in_recovery() -- a standby has none
    UNION ALL
    SELECT 'error', soup.subject(v.org, v.model, v.version),
           format('suspended since it failed too often: %s', coalesce(v.suspended_because, 'no reason given')),
           format('Correct the cause, then SELECT soup.resume_version(%L, %L, %L).', o.name, m.name, v.label)
      FROM soup.version v
      JOIN soup.model m ON m.org = v.org AND m.model = v.model
      JOIN soup.org o ON o.org = v.org
     WHERE v.state = 'suspended'
    UNION ALL
    SELECT 'info', soup.subject(m.org, m.model), 'has versions and none is the default: questions and records without a label find none',
           'A consumer or org_admin with the right to promote makes one the default: soup_api.promote.'
      FROM soup.model m
     WHERE m.default_version IS NULL
       AND EXISTS (SELECT FROM soup.version v WHERE v.org = m.org AND v.model = m.model)
    UNION ALL
    SELECT 'info', soup.subject(w.org, w.model, w.version),
           format('waits for its fit: %s of %s windows seen in partition %s, about %s more records needed there, %s records of its partitions wait%s%s',
                  w.windows_seen, w.windows_needed, w.partition, w.records_missing, coalesce(l.lag_records, 0),
                  CASE WHEN w.windows_seen = 0 AND w.usable_from > 0 THEN format(', none before offset %s can be used', w.usable_from) ELSE '' END,
                  coalesce(', last error ' || w.last_error, '')),
           CASE WHEN w.windows_seen = 0 AND w.usable_from > 0 THEN 'Compare the records with the manifest: content type, names of channels, sizes.'
                ELSE 'Send more records to the streams of that partition.' END
      FROM soup.fit_wait w
      LEFT JOIN LATERAL (SELECT sum(g.lag_records)::bigint AS lag_records FROM soup.lag g
                          WHERE g.org = w.org AND g.model = w.model AND g.version = w.version) l ON true
    UNION ALL
    SELECT 'warning', soup.subject(c.org, c.model, c.version),
           format('partition %s, lane %s, offset %s: %s failed and %s unfinished attempts, last error %s, next at %s',
                  c.partition, c.lane, c.next_offset, c.failures, c.attempts, coalesce(c.last_error, 'none'), c.retry_at),
           'The server''s log names the error. A batch that fails three times by its own fault is set aside.'
      FROM soup.cursor c WHERE c.failures > 0 OR c.attempts > 1
    UNION ALL
    SELECT 'warning', soup.subject(q.org, q.model, q.version),
           format('%s records were set aside, the most frequent reason is %s',
                  sum(q.record_count), mode() WITHIN GROUP (ORDER BY q.reason)),
           format('SELECT * FROM soup.quarantined(%L, %L, %L) shows offsets and reasons; the raw log still holds the records.',
                  o.name, m.name, v.label)
      FROM soup.quarantine q
      JOIN soup.version v ON v.org = q.org AND v.model = q.model AND v.version = q.version
      JOIN soup.model m ON m.org = q.org AND m.model = q.model
      JOIN soup.org o ON o.org = q.org
     GROUP BY q.org, q.model, q.version, o.name, m.name, v.label
    UNION ALL
    SELECT 'info', soup.subject(n.org, n.model, n.version),
           format('%s windows were given up half full, because the streams in progress do not fit into the state of a partition', n.value),
           'Spread the streams over more partitions (soup.set_partitions), or make windows shorter.'
      FROM soup.version_counter n WHERE n.name = 'streams_restarted' AND n.value > 0;
END;
COMMENT ON FUNCTION soup.doctor_processing() IS 'The rows of doctor() about launcher, fits, failures, quarantine and counters.';

GRANT USAGE ON SCHEMA soup, soup_data TO soup_worker;
GRANT SELECT ON soup.model, soup.version, soup.version_attribute, soup.artefact, soup.partition, soup.label_head,
    soup.version_interval, soup.cursor, soup.failure, soup.fit, soup.lag, soup.work, soup.quarantine, soup.version_counter TO soup_worker;
GRANT INSERT ON soup.artefact, soup.cursor, soup.failure, soup.quarantine, soup.version_counter TO soup_worker;
GRANT UPDATE ON soup.cursor, soup.fit, soup.version_counter TO soup_worker;
GRANT UPDATE (state, suspended_because) ON soup.version TO soup_worker;
GRANT DELETE ON soup.failure TO soup_worker;
