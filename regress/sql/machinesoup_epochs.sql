-- set_partitions: what it changes and what it leaves, bad input, who may.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS machinesoup CASCADE;

SELECT soup.add_org('epochs') IS NOT NULL AS added;
SELECT soup.add_principal('epochs', 'epochs-p', 'producer', 'long enough 1') IS NOT NULL AS added;
SELECT soup.add_model('epochs', 'pump', 2) IS NOT NULL AS added;
SELECT soup.grant_right('epochs-p', 'epochs', NULL, '*', 'append');
SELECT token FROM soup_api.login('epochs-p', 'long enough 1') \gset

-- No version yet, so nothing is processed. Two streams of one partition part.
SELECT partition, first_offset FROM soup_api.append(:'token', 'pump', ARRAY['a', 'b']::bytea[], stream => 'x', idempotency_key => 'k');
SELECT partition, first_offset FROM soup_api.append(:'token', 'pump', ARRAY['c']::bytea[], stream => 'y');
SELECT soup.set_partitions('epochs', 'pump', 2) AS same_number;
SELECT soup.set_partitions('epochs', 'pump', 5) AS epoch;
SELECT partition, first_offset FROM soup_api.append(:'token', 'pump', ARRAY['d']::bytea[], stream => 'x');
SELECT partition, first_offset FROM soup_api.append(:'token', 'pump', ARRAY['e']::bytea[], stream => 'y');
-- A partition's clock was ahead; what comes is later still.
UPDATE soup.partition p SET last_received_at = '2200-01-01' FROM soup.org o WHERE o.org = p.org AND o.name = 'epochs' AND p.partition = 5;
SET TimeZone = 'UTC';
SELECT problem FROM soup.doctor() WHERE subject = 'raw log' AND problem LIKE '%epochs%';
RESET TimeZone;
SELECT soup.set_partitions('epochs', 'pump', 3) AS epoch;
SELECT soup.set_partitions('epochs', 'pump', 3) AS epoch;
SELECT partition, first_offset FROM soup_api.append(:'token', 'pump', ARRAY['f']::bytea[], stream => 'x');
-- An append that was answered before is answered again, with its address.
SELECT partition, first_offset FROM soup_api.append(:'token', 'pump', ARRAY['a', 'b']::bytea[], stream => 'x', idempotency_key => 'k');
SELECT p.partition, p.epoch, p.sealed, p.next_offset, p.last_received_at >= '2200-01-01' AS is_ahead
  FROM soup.partition p JOIN soup.org o USING (org) WHERE o.name = 'epochs' ORDER BY partition;
SELECT * FROM soup.verify_raw('epochs', 'pump');

-- Bad input changes nothing.
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text; reason text; message text;
BEGIN
    EXECUTE statement;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, reason = CONSTRAINT_NAME, message = MESSAGE_TEXT;
    RETURN concat_ws(' ', state, nullif(reason, ''), '|', message);
END
$$;
\pset format unaligned
SELECT call, pg_temp.refusal('SELECT soup.' || call) FROM (VALUES
    ($$set_partitions('no such org', 'pump', 2)$$),
    ($$set_partitions(NULL, 'pump', 2)$$),
    ($$set_partitions('epochs', 'no such model', 2)$$),
    ($$set_partitions('epochs', NULL, 2)$$),
    ($$set_partitions('epochs', 'pump', 0)$$),
    ($$set_partitions('epochs', 'pump', -1)$$),
    ($$set_partitions('epochs', 'pump', 1001)$$),
    ($$set_partitions('epochs', 'pump', NULL)$$)) AS bad(call);
\pset format aligned
SELECT m.epoch, count(*) AS partitions FROM soup.model m JOIN soup.partition p USING (org, model) JOIN soup.org o USING (org)
 WHERE o.name = 'epochs' GROUP BY 1;

-- It is the DBA's.
SET ROLE soup_dba;
SELECT soup.set_partitions('epochs', 'pump', 3) AS epoch;
SET ROLE soup_worker;
SELECT soup.set_partitions('epochs', 'pump', 3) AS epoch;
RESET ROLE;
