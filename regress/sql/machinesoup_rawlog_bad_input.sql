-- Bad input to append and append_many: a code for each, nothing stored, and the legal twin works. Elements are refused
-- one by one; arguments that can't be cut into elements refuse the call.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS machinesoup CASCADE;
RESET client_min_messages;

SELECT soup.add_org('rawlog bad') IS NOT NULL AND soup.add_org('rawlog foreign') IS NOT NULL AS orgs;
SELECT soup.add_principal('rawlog bad', 'bad_producer', 'producer', 'long enough 1') IS NOT NULL
   AND soup.add_principal('rawlog bad', 'bad_limited', 'producer', 'long enough 2') IS NOT NULL
   AND soup.add_principal('rawlog bad', 'bad_consumer', 'consumer', 'long enough 3') IS NOT NULL AS principals;
SELECT soup.add_model('rawlog bad', 'pump') IS NOT NULL AND soup.add_model('rawlog foreign', 'theirs') IS NOT NULL AS models;
\set manifest '{"runtime": "builtin", "entry": "passthrough", "input": {"content_type": "application/json"}, "output": {"vector": 2}}'
SELECT soup.add_version('rawlog bad', 'pump', 'prod-1', :'manifest') IS NOT NULL
   AND soup.add_version('rawlog bad', 'pump', 'lab-1', :'manifest') IS NOT NULL
   AND soup.add_version('rawlog bad', 'pump', 'old-1', :'manifest') IS NOT NULL AS versions;
UPDATE soup.version SET state = 'retired' WHERE label = 'old-1';
SELECT soup.grant_right('bad_producer', 'rawlog bad', NULL, '*', 'append');
SELECT soup.grant_right('bad_limited', 'rawlog bad', 'pump', 'lab-*', 'append');
SELECT soup.grant_right('bad_limited', 'rawlog bad', 'pump', 'prod-*', 'query');
SELECT soup.grant_right('bad_consumer', 'rawlog bad', NULL, '*', 'append');
SELECT token AS good FROM soup_api.login('bad_producer', 'long enough 1') \gset
SELECT token AS limited FROM soup_api.login('bad_limited', 'long enough 2') \gset
SELECT token AS consumer FROM soup_api.login('bad_consumer', 'long enough 3') \gset

-- Columns bodies: the worked example of FORMAT.md, and one column of bytes with the rows `a` and `bc`.
\set typed '\\x53434f4c010003000200000007026174010474656d700905737461746500000000401e18240a060090102218240a06000000a4410000a84102000000000000006f6b'
\set opaque '\\x53434f4c0100010002000000080172000100000002000000616263'
CREATE TABLE bad_case (n serial, what text, token text, model text, label text, stream text, content_type text, key text,
                       records bytea[], times timestamptz[]);
INSERT INTO bad_case (what, token, model, label, stream, content_type, key, records, times) VALUES
    ('legal twin',                :'good', 'pump', NULL, NULL, NULL, NULL, '{x}', NULL),
    ('no token',                  NULL, 'pump', NULL, NULL, NULL, NULL, '{x}', NULL),
    ('empty token',               '', 'pump', NULL, NULL, NULL, NULL, '{x}', NULL),
    ('altered token',             overlay(:'good' placing 'AAAA' from 40), 'pump', NULL, NULL, NULL, NULL, '{x}', NULL),
    ('kind may not append',       :'consumer', 'pump', NULL, NULL, NULL, NULL, '{x}', NULL),
    ('no model',                  :'good', NULL, NULL, NULL, NULL, NULL, '{x}', NULL),
    ('unknown model',             :'good', 'nothing', NULL, NULL, NULL, NULL, '{x}', NULL),
    ('foreign model',             :'good', 'theirs', NULL, NULL, NULL, NULL, '{x}', NULL),
    ('empty model',               :'good', '', NULL, NULL, NULL, NULL, '{x}', NULL),
    ('unknown label',             :'good', 'pump', 'nothing', NULL, NULL, NULL, '{x}', NULL),
    ('empty label',               :'good', 'pump', '', NULL, NULL, NULL, '{x}', NULL),
    ('label as pattern',          :'good', 'pump', '*', NULL, NULL, NULL, '{x}', NULL),
    ('retired, still a label',          :'good', 'pump', 'old-1', NULL, NULL, NULL, '{x}', NULL),
    ('granted label',             :'limited', 'pump', 'lab-1', NULL, NULL, NULL, '{x}', NULL),
    ('visible label, no right',   :'limited', 'pump', 'prod-1', NULL, NULL, NULL, '{x}', NULL),
    ('invisible label',           :'limited', 'pump', 'old-1', NULL, NULL, NULL, '{x}', NULL),
    ('absent label',              :'limited', 'pump', 'old-2', NULL, NULL, NULL, '{x}', NULL),
    ('default needs the right',   :'limited', 'pump', NULL, NULL, NULL, NULL, '{x}', NULL),
    ('empty stream',              :'good', 'pump', NULL, '', NULL, NULL, '{x}', NULL),
    ('control character',         :'good', 'pump', NULL, E'a\nb', NULL, NULL, '{x}', NULL),
    ('longest stream',            :'good', 'pump', NULL, repeat('s', 800), NULL, NULL, '{x}', NULL),
    ('stream too long',           :'good', 'pump', NULL, repeat('s', 801), NULL, NULL, '{x}', NULL),
    ('content type without /',    :'good', 'pump', NULL, NULL, 'json', NULL, '{x}', NULL),
    ('content type with blank',   :'good', 'pump', NULL, NULL, 'text/ plain', NULL, '{x}', NULL),
    ('content type not ASCII',    :'good', 'pump', NULL, NULL, 'text/plain; x=ä', NULL, '{x}', NULL),
    ('empty content type',        :'good', 'pump', NULL, NULL, '', NULL, '{x}', NULL),
    ('content type too long',     :'good', 'pump', NULL, NULL, 'a/' || repeat('b', 4100), NULL, '{x}', NULL),
    ('empty key',                 :'good', 'pump', NULL, NULL, NULL, '', '{x}', NULL),
    ('key too long',              :'good', 'pump', NULL, NULL, NULL, repeat('k', 201), '{x}', NULL),
    ('no records',                :'good', 'pump', NULL, NULL, NULL, NULL, '{}', NULL),
    ('null record',               :'good', 'pump', NULL, NULL, NULL, NULL, '{x,NULL}', NULL),
    ('empty opaque record',       :'good', 'pump', NULL, NULL, NULL, NULL, '{""}', NULL),
    ('too many records',          :'good', 'pump', NULL, NULL, NULL, NULL, array_fill('x'::bytea, ARRAY[100001]), NULL),
    ('infinite time',             :'good', 'pump', NULL, NULL, NULL, NULL, '{x,y}', '{2020-01-01 00:00:00+00,infinity}'),
    ('null time',                 :'good', 'pump', NULL, NULL, NULL, NULL, '{x,y}', '{2020-01-01 00:00:00+00,NULL}'),
    ('JSON',                      :'good', 'pump', NULL, NULL, 'application/json', NULL, ARRAY['{"a": [1, 2.5e3, "ü"]}'::text]::bytea[], NULL),
    ('not JSON',                  :'good', 'pump', NULL, NULL, 'application/json', NULL, '{1,"{x}"}', NULL),
    ('empty JSON',                :'good', 'pump', NULL, NULL, 'Application/JSON; charset=utf-8', NULL, '{""}', NULL),
    ('JSON NaN',                  :'good', 'pump', NULL, NULL, 'application/json', NULL, '{NaN}', NULL),
    ('JSON number too big',       :'good', 'pump', NULL, NULL, 'application/json', NULL, '{1e999}', NULL),
    ('JSON with NUL',             :'good', 'pump', NULL, NULL, 'application/json', NULL, ARRAY[convert_to('"\u0000"', 'UTF8')], NULL),
    ('JSON not UTF-8',            :'good', 'pump', NULL, NULL, 'application/json', NULL, ARRAY['\x22ff22'::bytea], NULL),
    ('JSON too deep',             :'good', 'pump', NULL, NULL, 'application/json', NULL, ARRAY[(repeat('[', 40) || repeat(']', 40))::bytea], NULL),
    ('JSON keys twice',           :'good', 'pump', NULL, NULL, 'application/json', NULL, ARRAY['{"a":1,"a":2}'::bytea], NULL),
    ('columns',                   :'good', 'pump', NULL, NULL, 'application/vnd.soup.columns', NULL, ARRAY[:'typed'::bytea], NULL),
    ('columns, type given',       :'good', 'pump', NULL, NULL, 'application/vnd.soup.columns;records=text/plain', NULL, ARRAY[:'opaque'::bytea], NULL),
    ('columns that are none',     :'good', 'pump', NULL, NULL, 'application/vnd.soup.columns', NULL, '{x}', NULL),
    ('columns, null',             :'good', 'pump', NULL, NULL, 'application/vnd.soup.columns', NULL, '{NULL}', NULL),
    ('columns in two records',    :'good', 'pump', NULL, NULL, 'application/vnd.soup.columns', NULL, ARRAY[:'opaque', :'opaque']::bytea[], NULL),
    ('columns with times beside', :'good', 'pump', NULL, NULL, 'application/vnd.soup.columns', NULL, ARRAY[:'opaque'::bytea], '{2020-01-01 00:00:00+00}'),
    ('typed columns, type given', :'good', 'pump', NULL, NULL, 'application/vnd.soup.columns;records=text/plain', NULL, ARRAY[:'typed'::bytea], NULL),
    ('columns, empty type',       :'good', 'pump', NULL, NULL, 'application/vnd.soup.columns;records=', NULL, ARRAY[:'opaque'::bytea], NULL),
    ('columns, type without /',   :'good', 'pump', NULL, NULL, 'application/vnd.soup.columns;records=text', NULL, ARRAY[:'opaque'::bytea], NULL),
    ('columns, rows not JSON',    :'good', 'pump', NULL, NULL, 'application/vnd.soup.columns;records=application/json', NULL, ARRAY[:'opaque'::bytea], NULL),
    ('columns of too many rows',  :'good', 'pump', NULL, NULL, 'application/vnd.soup.columns', NULL, ARRAY['\x53434f4c01000100a1860100'::bytea], NULL);

CREATE VIEW stored AS SELECT count(*) AS batches FROM soup.raw_batch b JOIN soup.org o USING (org) WHERE o.name IN ('rawlog bad', 'rawlog foreign');

-- Each alone: the code, and how many batches came into being.
CREATE FUNCTION try_case(c bad_case, OUT code text, OUT detail text, OUT stored_batches bigint) LANGUAGE plpgsql AS $$
DECLARE
    before bigint := (SELECT batches FROM stored);
BEGIN
    SELECT coalesce(a.code, 'stored'), a.detail INTO code, detail
      FROM soup_api.append_many(ARRAY[c.token], ARRAY[c.model], ARRAY[c.label], ARRAY[c.stream], ARRAY[c.content_type],
                                ARRAY[c.key], ARRAY[cardinality(c.records)], c.records, c.times) a;
    stored_batches := (SELECT batches FROM stored) - before;
END $$;
SELECT c.what, t.* FROM bad_case c CROSS JOIN LATERAL try_case(c) t ORDER BY c.n;

-- All in one call: the same answers in the same order, the legal ones with consecutive offsets.
SELECT c.what, a.first_offset - min(a.first_offset) OVER () AS nth, a.count, a.label, a.code
  FROM (SELECT array_agg(token ORDER BY n) AS tokens, array_agg(model ORDER BY n) AS models, array_agg(label ORDER BY n) AS labels,
               array_agg(stream ORDER BY n) AS streams, array_agg(content_type ORDER BY n) AS types, array_agg(key ORDER BY n) AS keys,
               array_agg(cardinality(records) ORDER BY n) AS counts
          FROM bad_case WHERE times IS NULL AND what <> 'too many records') t
 CROSS JOIN (SELECT array_agg(r ORDER BY n, i) AS records
               FROM bad_case, unnest(records) WITH ORDINALITY AS u(r, i) WHERE times IS NULL AND what <> 'too many records') r
 CROSS JOIN LATERAL soup_api.append_many(tokens, models, labels, streams, types, keys, counts, r.records, NULL) WITH ORDINALITY a
  JOIN (SELECT *, row_number() OVER (ORDER BY n) AS place FROM bad_case WHERE times IS NULL AND what <> 'too many records') c
    ON c.place = a.ordinality
 ORDER BY a.ordinality;

-- Calls that are refused as a whole.
SELECT batches AS batches_before FROM stored \gset
SELECT soup_api.append_many(NULL, ARRAY['pump'], NULL, NULL, NULL, NULL, ARRAY[1], '{x}', NULL);
\echo :SQLSTATE
SELECT soup_api.append_many(ARRAY[:'good'], NULL, NULL, NULL, NULL, NULL, ARRAY[1], '{x}', NULL);
SELECT soup_api.append_many(ARRAY[:'good'], ARRAY['pump'], NULL, NULL, NULL, NULL, NULL, '{x}', NULL);
SELECT soup_api.append_many(ARRAY[:'good'], ARRAY['pump'], NULL, NULL, NULL, NULL, ARRAY[1], NULL, NULL);
SELECT soup_api.append_many(ARRAY[:'good'], ARRAY['pump', 'pump'], NULL, NULL, NULL, NULL, ARRAY[1], '{x}', NULL);
SELECT soup_api.append_many(ARRAY[:'good'], ARRAY['pump'], ARRAY[NULL, NULL]::text[], NULL, NULL, NULL, ARRAY[1], '{x}', NULL);
SELECT soup_api.append_many(ARRAY[:'good'], ARRAY['pump'], NULL, '{}', NULL, NULL, ARRAY[1], '{x}', NULL);
SELECT soup_api.append_many(ARRAY[:'good'], ARRAY['pump'], NULL, NULL, '{}', NULL, ARRAY[1], '{x}', NULL);
SELECT soup_api.append_many(ARRAY[:'good'], ARRAY['pump'], NULL, NULL, NULL, '{}', ARRAY[1], '{x}', NULL);
SELECT soup_api.append_many(ARRAY[:'good'], ARRAY['pump'], NULL, NULL, NULL, NULL, ARRAY[2], '{x}', NULL);
SELECT soup_api.append_many(ARRAY[:'good'], ARRAY['pump'], NULL, NULL, NULL, NULL, ARRAY[-1], '{}', NULL);
SELECT soup_api.append_many(ARRAY[:'good'], ARRAY['pump'], NULL, NULL, NULL, NULL, ARRAY[NULL]::int[], '{}', NULL);
SELECT soup_api.append_many(ARRAY[:'good'], ARRAY['pump'], NULL, NULL, NULL, NULL, ARRAY[2147483647], '{x}', NULL);
SELECT soup_api.append_many(ARRAY[:'good'], ARRAY['pump'], NULL, NULL, NULL, NULL, ARRAY[1], '{x}', '{}');
SELECT soup_api.append_many(ARRAY[ARRAY[:'good'], ARRAY[:'good']], ARRAY['pump', 'pump'], NULL, NULL, NULL, NULL, ARRAY[1, 1], '{x,y}', NULL);
SELECT soup_api.append_many(array_fill(:'good'::text, ARRAY[10001]), array_fill('pump'::text, ARRAY[10001]), NULL, NULL, NULL, NULL,
                            array_fill(0, ARRAY[10001]), '{}', NULL);
\echo :SQLSTATE
SELECT soup_api.append_many('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}');
SELECT batches - :batches_before AS stored_by_refused_calls FROM stored;

-- append raises what append_many returns; the session goes on.
SELECT soup_api.append(NULL, 'pump', '{x}');
\echo :SQLSTATE
SELECT soup_api.append('', 'pump', '{x}');
\echo :SQLSTATE
SELECT soup_api.append(:'consumer', 'pump', '{x}');
\echo :SQLSTATE
SELECT soup_api.append(:'good', 'theirs', '{x}');
\echo :SQLSTATE
SELECT soup_api.append(:'limited', 'pump', '{x}', label => 'prod-1');
\echo :SQLSTATE
SELECT soup_api.append(:'good', NULL, '{x}');
\echo :SQLSTATE
SELECT soup_api.append(:'good', 'pump', NULL);
\echo :SQLSTATE
SELECT soup_api.append(:'good', 'pump', '{x}', times => '{}');
SELECT soup_api.append(:'good', 'pump', '{x}', times => ARRAY[now(), now()]);
\echo :SQLSTATE
SELECT soup_api.append(:'good', 'pump', '{{x},{y}}');
\echo :SQLSTATE
SELECT soup_api.append(:'good', 'pump', '{x}', content_type => 'application/json');
\echo :SQLSTATE
BEGIN READ ONLY;
SELECT soup_api.append(:'good', 'pump', '{x}');
\echo :SQLSTATE
ROLLBACK;
SELECT count, label FROM soup_api.append(:'good', 'pump', '{x}');
SELECT * FROM soup.verify_raw('rawlog bad', 'pump');
DROP VIEW stored CASCADE;
DROP TABLE bad_case CASCADE;
