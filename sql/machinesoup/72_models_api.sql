-- What a principal may see of its models: list_models, describe_model; and promote, which moves the default.
--
-- The soup_api functions are trampolines (55_access.sql): they bind the token and call the implementation of the same
-- name here, which runs as soup_owner under forced row-level security, so that what is not granted is not there.

CREATE TYPE soup_api.model_entry AS (model text, default_label text, labels text[]);
COMMENT ON TYPE soup_api.model_entry IS 'One model in the answer of list_models.';

CREATE FUNCTION soup.api_list_models() RETURNS SETOF soup_api.model_entry
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT m.name,
           (SELECT d.label FROM soup.version d
             WHERE d.org = m.org AND d.model = m.model AND d.version = m.default_version),
           ARRAY(SELECT v.label FROM soup.version v WHERE v.org = m.org AND v.model = m.model ORDER BY v.label)
      FROM soup.model m
     ORDER BY m.name;
END;
COMMENT ON FUNCTION soup.api_list_models() IS 'Implementation of soup_api.list_models.';

CREATE FUNCTION soup_api.list_models(token text) RETURNS SETOF soup_api.model_entry
    LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_api_call';
COMMENT ON FUNCTION soup_api.list_models(text) IS 'The models that the principal may see, with their labels and the default one.';


CREATE TYPE soup_api.model_description AS (model text, default_label text, versions jsonb, partitions jsonb);
COMMENT ON TYPE soup_api.model_description IS 'The answer of describe_model.';

CREATE FUNCTION soup.visible_model(name text) RETURNS soup.model
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    found_model soup.model;
BEGIN
    IF visible_model.name IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = '22023', SCHEMA = 'soup', CONSTRAINT = 'BAD_INPUT', MESSAGE = 'model must not be null';
    END IF;
    SELECT m.* INTO found_model FROM soup.model m WHERE m.name = visible_model.name;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'P0002', SCHEMA = 'soup', CONSTRAINT = 'NOT_FOUND', MESSAGE = 'model does not exist';
    END IF;
    -- Names are unique in an org. Who is no org's may have grants in several, and is not answered with one's by chance.
    IF EXISTS (SELECT FROM soup.model m WHERE m.name = visible_model.name AND m.org <> found_model.org) THEN
        RAISE EXCEPTION USING ERRCODE = '22023', SCHEMA = 'soup', CONSTRAINT = 'BAD_INPUT',
              MESSAGE = 'the model''s name is used by several orgs in which you have grants';
    END IF;
    RETURN found_model;
END
$body$;
COMMENT ON FUNCTION soup.visible_model(text) IS 'The model of this name in the bound scope, or NOT_FOUND, which looks the same whether it is hidden or absent. BAD_INPUT if several orgs in scope use the name, as for the functions in C.';

-- Counting scans the table, so from 100,000 rows on the answer is the planner's own estimate: rows per page when it was
-- last vacuumed or analysed, times its pages now. A table that nothing is known about yet is counted.
CREATE FUNCTION soup.point_count(storage name, OUT points bigint, OUT is_estimated boolean)
    LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    SELECT round(c.reltuples::float8 / c.relpages * (pg_relation_size(c.oid) / current_setting('block_size')::integer))
      INTO points
      FROM pg_class c
     WHERE c.oid = format('soup_data.%I', storage)::regclass AND c.reltuples >= 0 AND c.relpages > 0;
    is_estimated := coalesce(points >= 100000, false);
    IF NOT is_estimated THEN
        EXECUTE format('SELECT count(*) FROM soup_data.%I', storage) INTO points;
    END IF;
END
$body$;
COMMENT ON FUNCTION soup.point_count(name) IS
    'Number of points in a version''s table: counted under its row-level security, or, where that would take long, estimated.';

CREATE FUNCTION soup.api_describe_model(model text) RETURNS soup_api.model_description
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $body$
#variable_conflict use_column
DECLARE
    the_model soup.model := soup.visible_model(api_describe_model.model);
    answer soup_api.model_description;
BEGIN
    answer.model := the_model.name;
    SELECT v.label INTO answer.default_label FROM soup.version v
     WHERE v.org = the_model.org AND v.model = the_model.model AND v.version = the_model.default_version;

    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'label', v.label,
               'state', v.state,
               'suspended_because', v.suspended_because,
               'manifest', v.manifest,
               'points', n.points,
               'points_estimated', n.is_estimated,
               'lag_records', coalesce(l.lag_records, 0),
               'processed_until', l.processed_until,
               'fit_wait', (SELECT jsonb_build_object('partition', w.partition, 'windows_seen', w.windows_seen,
                                                      'windows_needed', w.windows_needed, 'records_missing', w.records_missing)
                              FROM soup.fit_wait w WHERE w.org = v.org AND w.model = v.model AND w.version = v.version),
               'counters', (SELECT coalesce(jsonb_object_agg(c.name, c.value), '{}')
                              FROM soup.version_counter c WHERE c.org = v.org AND c.model = v.model AND c.version = v.version),
               'intervals', i.intervals) ORDER BY v.label), '[]')
      INTO answer.versions
      FROM soup.version v
      LEFT JOIN LATERAL (SELECT sum(lag_records)::bigint AS lag_records, min(processed_until) AS processed_until
                           FROM soup.lag g
                          WHERE g.org = v.org AND g.model = v.model AND g.version = v.version) l ON true
      CROSS JOIN LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('partition', s.partition, 'from_offset', s.from_offset,
                                            'to_offset', s.to_offset, 'cause', s.cause)
                                            ORDER BY s.partition, s.from_offset, s.opened_at), '[]') AS intervals
                            FROM soup.version_interval s
                           WHERE s.org = v.org AND s.model = v.model AND s.version = v.version) i
     CROSS JOIN LATERAL soup.point_count(v.storage) n
     WHERE v.org = the_model.org AND v.model = the_model.model;

    SELECT coalesce(jsonb_agg(jsonb_build_object('partition', p.partition, 'next_offset', p.next_offset, 'epoch', p.epoch, 'sealed', p.sealed)
                              ORDER BY p.partition), '[]')
      INTO answer.partitions
      FROM soup.partition p
     WHERE p.org = the_model.org AND p.model = the_model.model;
    RETURN answer;
END
$body$;
COMMENT ON FUNCTION soup.api_describe_model(text) IS 'Implementation of soup_api.describe_model.';

CREATE FUNCTION soup_api.describe_model(token text, model text) RETURNS soup_api.model_description
    LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_api_call';
COMMENT ON FUNCTION soup_api.describe_model(text, text) IS
    'A model''s versions with state, manifest, points, lag, counters and intervals, and its partitions with their next offsets, epochs, and whether they are sealed. points is exact unless points_estimated says otherwise, which it does from 100,000 on. fit_wait is null unless the version still learns: then windows_seen of windows_needed, and about how many more records of that partition it waits for (records_missing).';


CREATE TYPE soup_api.promotion_answer AS (model text, label text, previous text);
COMMENT ON TYPE soup_api.promotion_answer IS 'The answer of promote: the new default''s label and the one before.';

-- A promoter's grants may reach some labels of the model only, while the move has to leave the whole model right: the
-- previous version, its intervals and the count of promotions are there whatever they are called. So the move runs with
-- that one model in view, and the right to promote the label is asked for before, in C, by whatever way it is called.
-- What it finds goes out as an identifier, which api_promote names as far as the promoter may see it.
CREATE FUNCTION soup.promoter_move_default(org uuid, model uuid, label text, promoter uuid, expected_current text, reason text,
                                           OUT previous uuid, OUT is_as_expected boolean)
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
#variable_conflict use_column
DECLARE
    the_model soup.model;
    target soup.version;
    current_one soup.version;
    lane soup.partition;
    offsets_taken jsonb := '[]'; -- not a column's name: those win here
BEGIN
    -- The model's row serialises promotions; what it says is read after the lock. The versions' rows keep suspension and
    -- resumption away: the state that is read here is the one that is replaced.
    SELECT m.* INTO STRICT the_model FROM soup.model m
     WHERE m.org = promoter_move_default.org AND m.model = promoter_move_default.model FOR UPDATE;
    PERFORM FROM soup.version v
      WHERE v.org = the_model.org AND v.model = the_model.model
        AND (v.label = promoter_move_default.label OR v.version = the_model.default_version)
      ORDER BY v.version FOR NO KEY UPDATE;
    SELECT v.* INTO target FROM soup.version v
     WHERE v.org = the_model.org AND v.model = the_model.model AND v.label = promoter_move_default.label;
    IF NOT FOUND THEN -- in the words of the trampoline, which refuses labels that the promoter does not see
        RAISE EXCEPTION USING ERRCODE = 'P0002', SCHEMA = 'soup', CONSTRAINT = 'NOT_FOUND', MESSAGE = 'no such version';
    END IF;
    SELECT v.* INTO current_one FROM soup.version v
     WHERE v.org = the_model.org AND v.model = the_model.model AND v.version = the_model.default_version;

    previous := current_one.version;
    is_as_expected := promoter_move_default.expected_current IS NULL
                      OR promoter_move_default.expected_current IS NOT DISTINCT FROM current_one.label;
    IF NOT is_as_expected THEN
        RETURN;
    END IF;
    IF target.state = 'suspended' THEN
        RAISE EXCEPTION USING ERRCODE = '40000', SCHEMA = 'soup', CONSTRAINT = 'CONFLICT', MESSAGE = 'version is suspended',
              DETAIL = format('Reason: %s.', target.suspended_because);
    END IF;
    IF target.version = current_one.version THEN
        RETURN;
    END IF;

    -- In key order, as append takes them; append reads the default from the row it locked.
    FOR lane IN
        SELECT p.* FROM soup.partition p
         WHERE p.org = the_model.org AND p.model = the_model.model ORDER BY p.partition FOR UPDATE
    LOOP
        UPDATE soup.version_interval i SET to_offset = lane.next_offset
         WHERE i.org = lane.org AND i.model = lane.model AND i.version = current_one.version
           AND i.partition = lane.partition AND i.to_offset IS NULL AND i.cause = 'promotion';
        -- The new one goes on where its intervals end so far: the gap up to now is processed first. An interval of the
        -- same kind that ends there is opened again, since workers and views read all of a version's at each look, and
        -- promotions back and forth would add one each time.
        UPDATE soup.version_interval i SET to_offset = NULL
         WHERE i.org = lane.org AND i.model = lane.model AND i.version = target.version AND i.partition = lane.partition
           AND (i.from_offset, i.opened_at) = (
               SELECT l.from_offset, l.opened_at
                 FROM (SELECT e.from_offset, e.opened_at, e.cause, e.to_offset, bool_or(e.to_offset IS NULL) OVER () AS is_open,
                              max(e.to_offset) OVER () AS end_offset
                         FROM soup.version_interval e
                        WHERE e.org = lane.org AND e.model = lane.model AND e.version = target.version
                          AND e.partition = lane.partition) l
                WHERE NOT l.is_open AND l.to_offset = l.end_offset AND l.cause = 'promotion'
                ORDER BY l.from_offset, l.opened_at LIMIT 1);
        INSERT INTO soup.version_interval (org, model, version, partition, from_offset, cause)
        SELECT lane.org, lane.model, target.version, lane.partition, coalesce(max(i.to_offset), 0), 'promotion'
          FROM soup.version_interval i
         WHERE i.org = lane.org AND i.model = lane.model AND i.version = target.version AND i.partition = lane.partition
        HAVING NOT coalesce(bool_or(i.to_offset IS NULL), false);
        UPDATE soup.partition p SET default_version = target.version
         WHERE p.org = lane.org AND p.model = lane.model AND p.partition = lane.partition;
        offsets_taken := offsets_taken || jsonb_build_object('partition', lane.partition, 'next_offset', lane.next_offset);
    END LOOP;
    UPDATE soup.model m SET default_version = target.version WHERE m.org = the_model.org AND m.model = the_model.model;
    UPDATE soup.version v SET state = 'active'
     WHERE v.org = the_model.org AND v.model = the_model.model AND v.version = target.version;
    UPDATE soup.version v SET state = 'retired'
     WHERE v.org = the_model.org AND v.model = the_model.model AND v.version = current_one.version AND v.state = 'active';
    INSERT INTO soup.promotion (org, model, ordinal, version, previous, principal, reason, offsets)
    SELECT the_model.org, the_model.model, coalesce(max(p.ordinal), 0) + 1, target.version, current_one.version,
           promoter_move_default.promoter, promoter_move_default.reason, offsets_taken
      FROM soup.promotion p WHERE p.org = the_model.org AND p.model = the_model.model;
END
$body$;
COMMENT ON FUNCTION soup.promoter_move_default(uuid, uuid, text, uuid, text, text) IS
    'Implementation of soup.move_default, with the whole model in view.';

CREATE FUNCTION soup.move_default(org uuid, model uuid, label text, promoter uuid, expected_current text, reason text,
                                  OUT previous uuid, OUT is_as_expected boolean)
    LANGUAGE c VOLATILE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_promoter_call';
COMMENT ON FUNCTION soup.move_default(uuid, uuid, text, uuid, text, text) IS
    'Makes a label the default if the bound principal may promote it; else SCOPE, or NOT_FOUND for a label that it does not see. Does nothing if the default is not the expected one.';

CREATE FUNCTION soup.api_promote(model text, label text, expected_current text DEFAULT NULL, reason text DEFAULT NULL)
    RETURNS soup_api.promotion_answer
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
#variable_conflict use_column
DECLARE
    the_model soup.model := soup.visible_model(api_promote.model);
    moved record;
    previous_label text;
BEGIN
    IF api_promote.label IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = '22023', SCHEMA = 'soup', CONSTRAINT = 'BAD_INPUT', MESSAGE = 'label must not be null';
    END IF;
    IF octet_length(api_promote.reason) > 10000 THEN
        RAISE EXCEPTION USING ERRCODE = '54000', SCHEMA = 'soup', CONSTRAINT = 'TOO_BIG', MESSAGE = 'reason is longer than 10000 bytes';
    END IF;

    SELECT * INTO moved FROM soup.move_default(the_model.org, the_model.model, api_promote.label, soup.bound_principal(),
                                               api_promote.expected_current, api_promote.reason);
    -- In the promoter's own scope again: a default that it does not see is as none, in the answer and in the refusal.
    SELECT v.label INTO previous_label FROM soup.version v
     WHERE v.org = the_model.org AND v.model = the_model.model AND v.version = moved.previous;
    IF NOT moved.is_as_expected THEN
        RAISE EXCEPTION USING ERRCODE = '40000', SCHEMA = 'soup', CONSTRAINT = 'CONFLICT', MESSAGE = 'the default version is another one',
              DETAIL = format('Expected "%s", found %s.', api_promote.expected_current,
                              coalesce('"' || previous_label || '"', 'none that you may see'));
    END IF;
    RETURN (the_model.name, api_promote.label, previous_label)::soup_api.promotion_answer;
END
$body$;
COMMENT ON FUNCTION soup.api_promote(text, text, text, text) IS 'Implementation of soup_api.promote.';

CREATE FUNCTION soup_api.promote(token text, model text, label text, expected_current text DEFAULT NULL, reason text DEFAULT NULL)
    RETURNS soup_api.promotion_answer
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'soup_api_call';
COMMENT ON FUNCTION soup_api.promote(text, text, text, text, text) IS
    'Makes a label the model''s default for processing and querying, in one transaction. expected_current refuses with CONFLICT if another is the default; rolling back is the same call. previous is null if there was none, or none that the principal may see.';

INSERT INTO soup.api_function (name, exposure, kinds) VALUES
    ('list_models', 'public', '{producer,consumer,data_scientist,org_admin,operator}'),
    ('describe_model', 'public', '{producer,consumer,data_scientist,org_admin,operator}'),
    ('promote', 'public', '{consumer,org_admin}');
