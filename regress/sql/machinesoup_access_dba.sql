-- The DBA's functions: what they store, and a table of bad input for each. Every refusal has an SQLSTATE and a reason
-- code, and after all of them the tables are as before.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS machinesoup CASCADE;

-- Runs a statement and tells how it was refused; 'accepted' otherwise. The statement's effects are undone if refused.
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text; reason text; owner text; message text;
BEGIN
    EXECUTE statement;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, reason = CONSTRAINT_NAME, owner = SCHEMA_NAME, message = MESSAGE_TEXT;
    RETURN concat_ws(' ', state, nullif(owner, ''), nullif(reason, ''), '|', message);
END
$$;

SELECT soup.add_org('dba test org') IS NOT NULL AS added;
SELECT soup.add_org('dba test other') IS NOT NULL AS added;
SELECT soup.add_principal('dba test org', 'dba-producer', 'producer', 'correct horse') IS NOT NULL AS added;
SELECT soup.add_principal(NULL, 'dba-scientist', 'data_scientist', 'correct horse') IS NOT NULL AS added;
SELECT soup.add_model('dba test org', 'pump', 3) IS NOT NULL AS added;
SELECT soup.add_model('dba test org', 'fan') IS NOT NULL AS added;
SELECT soup.grant_right('dba-producer', 'dba test org', 'pump', '*', 'append');
SELECT soup.grant_right('dba-producer', 'dba test org', 'pump', '*', 'append');
SELECT soup.grant_right('dba-scientist', 'dba test other', NULL, 'alice-*', 'stage');

-- What is there now.
SELECT p.username, p.kind, o.name AS org, c.slot, c.passphrase_hash ~ '^\$argon2id\$v=19\$m=65536,' AS is_argon2id
  FROM soup.principal p LEFT JOIN soup.org o USING (org) JOIN soup.credential c USING (principal)
 WHERE p.username LIKE 'dba-%' ORDER BY 1;
SELECT m.name, count(*) AS partitions, min(partition), max(partition), min(next_offset) AS next_offset
  FROM soup.model m JOIN soup.partition USING (org, model) JOIN soup.org o USING (org)
 WHERE o.name = 'dba test org' GROUP BY 1 ORDER BY 1;
SELECT p.username, m.name AS model, g.label_pattern, g."right"
  FROM soup."grant" g JOIN soup.principal p USING (principal) LEFT JOIN soup.model m ON m.model = g.model
 WHERE p.username LIKE 'dba-%' ORDER BY 1;

CREATE TEMP TABLE before AS
    SELECT (SELECT count(*) FROM soup.org) AS orgs, (SELECT count(*) FROM soup.principal) AS principals,
           (SELECT count(*) FROM soup.credential) AS credentials, (SELECT count(*) FROM soup."grant") AS grants,
           (SELECT count(*) FROM soup.model) AS models, (SELECT count(*) FROM soup.partition) AS partitions,
           (SELECT count(*) FROM pg_class WHERE relnamespace = 'soup_data'::regnamespace) AS relations;

\pset format unaligned
SELECT call, pg_temp.refusal('SELECT soup.' || call) FROM (VALUES
    ($$add_org(NULL)$$),
    ($$add_org('')$$),
    ($$add_org(E'tab\tinside')$$),
    ($$add_org(E'line\nbreak')$$),
    ($$add_org(repeat('x', 201))$$),
    ($$add_org('dba test org')$$)) AS bad(call);
SELECT call, pg_temp.refusal('SELECT soup.' || call) FROM (VALUES
    ($$add_principal('no such org', 'dba-new', 'producer', 'correct horse')$$),
    ($$add_principal(NULL, 'dba-new', 'producer', 'correct horse')$$),
    ($$add_principal('dba test org', 'dba-new', 'operator', 'correct horse')$$),
    ($$add_principal('dba test org', NULL, 'producer', 'correct horse')$$),
    ($$add_principal('dba test org', '', 'producer', 'correct horse')$$),
    ($$add_principal('dba test org', E'bell\x07', 'producer', 'correct horse')$$),
    ($$add_principal('dba test org', repeat('x', 201), 'producer', 'correct horse')$$),
    ($$add_principal('dba test org', 'dba-producer', 'producer', 'correct horse')$$),
    ($$add_principal('dba test other', 'dba-producer', 'consumer', 'correct horse')$$),
    ($$add_principal('dba test org', 'dba-new', NULL, 'correct horse')$$),
    ($$add_principal('dba test org', 'dba-new', 'superuser', 'correct horse')$$),
    ($$add_principal('dba test org', 'dba-new', 'producer', NULL)$$),
    ($$add_principal('dba test org', 'dba-new', 'producer', '')$$),
    ($$add_principal('dba test org', 'dba-new', 'producer', 'short')$$),
    ($$add_principal('dba test org', 'dba-new', 'producer', repeat('x', 1025))$$)) AS bad(call);
SELECT call, pg_temp.refusal('SELECT soup.' || call) FROM (VALUES
    ($$grant_right('nobody', 'dba test org', 'pump', '*', 'append')$$),
    ($$grant_right(NULL, 'dba test org', 'pump', '*', 'append')$$),
    ($$grant_right('dba-producer', 'no such org', 'pump', '*', 'append')$$),
    ($$grant_right('dba-producer', NULL, 'pump', '*', 'append')$$),
    ($$grant_right('dba-producer', 'dba test other', NULL, '*', 'append')$$),
    ($$grant_right('dba-producer', 'dba test org', 'valve', '*', 'append')$$),
    ($$grant_right('dba-scientist', 'dba test other', 'pump', '*', 'stage')$$),
    ($$grant_right('dba-producer', 'dba test org', 'pump', NULL, 'append')$$),
    ($$grant_right('dba-producer', 'dba test org', 'pump', '', 'append')$$),
    ($$grant_right('dba-producer', 'dba test org', 'pump', repeat('*', 201), 'append')$$),
    ($$grant_right('dba-producer', 'dba test org', 'pump', '*', NULL)$$),
    ($$grant_right('dba-producer', 'dba test org', 'pump', '*', 'own')$$)) AS bad(call);
SELECT call, pg_temp.refusal('SELECT soup.' || call) FROM (VALUES
    ($$add_model('no such org', 'valve')$$),
    ($$add_model(NULL, 'valve')$$),
    ($$add_model('dba test org', NULL)$$),
    ($$add_model('dba test org', '')$$),
    ($$add_model('dba test org', 'a/b')$$),
    ($$add_model('dba test org', E'a\x7f')$$),
    ($$add_model('dba test org', repeat('x', 201))$$),
    ($$add_model('dba test org', 'pump')$$),
    ($$add_model('dba test org', 'valve', NULL)$$),
    ($$add_model('dba test org', 'valve', 0)$$),
    ($$add_model('dba test org', 'valve', -1)$$),
    ($$add_model('dba test org', 'valve', 1001)$$)) AS bad(call);
\pset format aligned

-- Nothing has changed.
SELECT (SELECT count(*) FROM soup.org) = orgs AS orgs, (SELECT count(*) FROM soup.principal) = principals AS principals,
       (SELECT count(*) FROM soup.credential) = credentials AS credentials, (SELECT count(*) FROM soup."grant") = grants AS grants,
       (SELECT count(*) FROM soup.model) = models AS models, (SELECT count(*) FROM soup.partition) = partitions AS partitions,
       (SELECT count(*) FROM pg_class WHERE relnamespace = 'soup_data'::regnamespace) = relations AS relations
  FROM before;

-- Names of two orgs never collide, and quotes and dots are only characters.
SELECT soup.add_model('dba test other', 'pump') IS NOT NULL AS added;
SELECT soup.add_model('dba test other', $$o'brien"; DROP TABLE soup.org; --$$) IS NOT NULL AS added;
SELECT soup.add_model('dba test other', 'Pümpe 温度 .$') IS NOT NULL AS added;
SELECT count(*) FROM soup.model JOIN soup.org o USING (org) WHERE o.name = 'dba test other';

-- A new passphrase, with and without overlap; a principal shut out and let in; a right taken back.
SELECT epoch AS epoch_before FROM soup.principal WHERE username = 'dba-producer' \gset
SELECT soup.set_passphrase('dba-producer', 'second horse', '1 hour');
SELECT slot, expires_at = 'infinity' AS stays FROM soup.credential JOIN soup.principal p USING (principal) WHERE username = 'dba-producer' ORDER BY slot;
SELECT kind FROM soup_api.login('dba-producer', 'correct horse') UNION ALL SELECT kind FROM soup_api.login('dba-producer', 'second horse');
SELECT soup.set_passphrase('dba-producer', 'third horse', '1 hour');
SELECT slot, expires_at = 'infinity' AS stays FROM soup.credential JOIN soup.principal p USING (principal) WHERE username = 'dba-producer' ORDER BY slot;
SELECT kind FROM soup_api.login('dba-producer', 'second horse');
SELECT kind FROM soup_api.login('dba-producer', 'correct horse');
SELECT soup.set_passphrase('dba-producer', 'correct horse');
SELECT slot, expires_at = 'infinity' AS stays FROM soup.credential JOIN soup.principal p USING (principal) WHERE username = 'dba-producer' ORDER BY slot;
SELECT kind FROM soup_api.login('dba-producer', 'third horse');
SELECT soup.disable_principal('dba-producer');
SELECT kind FROM soup_api.login('dba-producer', 'correct horse');
SELECT soup.disable_principal('dba-producer', false);
SELECT kind FROM soup_api.login('dba-producer', 'correct horse');
SELECT epoch - :epoch_before AS tokens_ended FROM soup.principal WHERE username = 'dba-producer';
SELECT soup.revoke_right('dba-producer', 'dba test org', 'pump', '*', 'append');
SELECT count(*) FROM soup."grant" g JOIN soup.principal p USING (principal) WHERE p.username = 'dba-producer';
\pset format unaligned
SELECT call, pg_temp.refusal('SELECT soup.' || call) FROM (VALUES
    ($$set_passphrase('nobody', 'correct horse')$$),
    ($$set_passphrase(NULL, 'correct horse')$$),
    ($$set_passphrase('dba-producer', NULL)$$),
    ($$set_passphrase('dba-producer', 'short')$$),
    ($$set_passphrase('dba-producer', 'correct horse', '-1 day')$$),
    ($$set_passphrase('dba-producer', 'correct horse', '31 days')$$),
    ($$set_passphrase('dba-producer', 'correct horse', NULL)$$),
    ($$disable_principal('nobody')$$),
    ($$disable_principal(NULL)$$),
    ($$disable_principal('dba-producer', NULL)$$),
    ($$revoke_right('dba-producer', 'dba test org', 'pump', '*', 'append')$$),
    ($$revoke_right('dba-producer', 'dba test org', NULL, '*', 'append')$$),
    ($$revoke_right('dba-scientist', 'dba test other', NULL, 'alice-*', 'query')$$),
    ($$revoke_right('dba-scientist', 'dba test other', NULL, 'alice', 'stage')$$),
    ($$revoke_right('dba-scientist', 'dba test org', NULL, 'alice-*', 'stage')$$),
    ($$revoke_right('nobody', 'dba test org', NULL, '*', 'stage')$$),
    ($$revoke_right('dba-scientist', 'no such org', NULL, 'alice-*', 'stage')$$)) AS bad(call);
\pset format aligned

-- A new key signs, the old ones verify for 12 more hours.
SELECT soup.rotate_signing_key() = max(key_id) + 1 AS is_next FROM soup.signing_key;
SELECT count(*) FILTER (WHERE valid_to = 'infinity') AS signing,
       bool_and(valid_to <= now() + interval '13 hours') FILTER (WHERE valid_to <> 'infinity') AS others_end
  FROM soup.signing_key;

-- What the DBA's role may do: these functions and no table.
SET ROLE soup_dba;
SELECT soup.add_org('dba test third') IS NOT NULL AS added;
SELECT pg_temp.refusal('SELECT count(*) FROM soup.org');
SELECT pg_temp.refusal($$SELECT soup.dba_add_org('x')$$);
SELECT pg_temp.refusal($$SELECT soup.hash_passphrase('correct horse')$$);
SELECT pg_temp.refusal($$SELECT soup_api.login('dba-producer', 'correct horse')$$);
RESET ROLE;

-- The doctor finds nothing about access here, and says so when there is something.
SELECT severity, subject, problem FROM soup.doctor() WHERE subject ~ '^(role|schema|table|function|type|database|signing|principal)';
BEGIN;
ALTER ROLE soup_worker BYPASSRLS;
GRANT SELECT ON soup.org TO PUBLIC;
GRANT USAGE ON SCHEMA soup TO PUBLIC;
GRANT EXECUTE ON FUNCTION soup.dba_add_org(text) TO PUBLIC;
GRANT USAGE ON TYPE soup_api.place TO PUBLIC;
ALTER TABLE soup.quarantine NO FORCE ROW LEVEL SECURITY;
ALTER FUNCTION soup.add_org(text) RESET ALL;
GRANT soup_owner TO soup_dba;
UPDATE soup.signing_key SET valid_to = now();
DELETE FROM soup.credential c USING soup.principal p WHERE p.principal = c.principal AND p.username = 'dba-producer';
SELECT severity, subject, problem, remedy FROM soup.doctor()
 WHERE subject ~ '^(role|schema|table|function|type|database|signing|principal)' ORDER BY subject, problem;
ROLLBACK;
