-- The raw log by SQL: addresses and routing, streams and partitions, idempotency, what is stored, what can't be changed.
-- Every refusal is compared by code, and the log is counted before and after.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS machinesoup CASCADE;
RESET client_min_messages;

SELECT soup.add_org('rawlog') IS NOT NULL AS org_added;
SELECT soup.add_principal('rawlog', 'rawlog_pump', 'producer', 'long enough 1') IS NOT NULL AS producer_added;
SELECT soup.add_principal('rawlog', 'rawlog_lab', 'producer', 'long enough 2') IS NOT NULL AS lab_producer_added;
SELECT soup.add_principal('rawlog', 'rawlog_chief', 'consumer', 'long enough 3') IS NOT NULL AS consumer_added;
SELECT soup.add_model('rawlog', 'pump') IS NOT NULL AS model_added;
SELECT soup.add_model('rawlog', 'valves', 3) IS NOT NULL AS second_added;
SELECT soup.grant_right('rawlog_pump', 'rawlog', NULL, '*', 'append');
SELECT soup.grant_right('rawlog_lab', 'rawlog', 'pump', 'lab-*', 'append');
SELECT soup.grant_right('rawlog_chief', 'rawlog', 'pump', '*', 'query');
SELECT soup.grant_right('rawlog_chief', 'rawlog', 'pump', '*', 'promote');
\set manifest '{"runtime": "builtin", "entry": "passthrough", "input": {"content_type": "application/json"}, "output": {"vector": 2}}'
SELECT soup.add_version('rawlog', 'pump', 'prod-1', :'manifest') IS NOT NULL AS version_added;
SELECT soup.add_version('rawlog', 'pump', 'prod-2', :'manifest') IS NOT NULL AS version_added;
SELECT soup.add_version('rawlog', 'pump', 'lab-1', :'manifest') IS NOT NULL AS version_added;
SELECT token AS pump FROM soup_api.login('rawlog_pump', 'long enough 1') \gset
SELECT token AS lab FROM soup_api.login('rawlog_lab', 'long enough 2') \gset
SELECT token AS chief FROM soup_api.login('rawlog_chief', 'long enough 3') \gset

-- What the log holds, as a superuser sees it.
CREATE VIEW rawlog_rows AS
    SELECT m.name AS model, b.partition, b.first_offset, b.record_count AS count, e.label AS explicit, r.label AS routed,
           b.stream, b.content_type, u.username
      FROM soup.raw_batch b
      JOIN soup.org o ON o.org = b.org AND o.name = 'rawlog'
      JOIN soup.model m ON m.org = b.org AND m.model = b.model
      JOIN soup.principal u ON u.principal = b.producer
      LEFT JOIN soup.version e ON e.version = b.explicit_version
      LEFT JOIN soup.version r ON r.version = b.routed_version
     ORDER BY m.name, b.partition, b.first_offset;

-- Without a default version records are kept and routed nowhere; offsets number records.
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY['[1,2]', '[3,4]', '[5,6]']::bytea[]);
-- As the gateway's role, which may call and nothing else.
SELECT current_user AS superuser \gset
\c - soup_gateway
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY['[7,8]']::bytea[], content_type => 'application/json',
                              times => ARRAY['2021-03-04 05:06:07+00'::timestamptz]);
SELECT count(*) FROM soup.raw_batch;
\c - :superuser
-- An explicit label goes to that version only.
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY['[0,0]']::bytea[], label => 'lab-1');
SELECT * FROM soup_api.append(:'lab', 'pump', ARRAY['[0,1]', '[0,2]']::bytea[], label => 'lab-1', stream => 'bench 3/left');
-- The default moves; the next append is routed to it.
SELECT * FROM soup_api.promote(:'chief', 'pump', 'prod-1');
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY['[9,9]']::bytea[]);
SELECT * FROM soup_api.promote(:'chief', 'pump', 'prod-2');
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY['[9,8]']::bytea[]);
SELECT * FROM rawlog_rows WHERE model = 'pump';
SELECT v.label, h.head_offset FROM soup.label_head h JOIN soup.version v USING (org, model, version)
  JOIN soup.org o ON o.org = h.org AND o.name = 'rawlog' ORDER BY 1;

-- A stream stays in its partition; the same call numbers its elements in order.
SELECT stream, partition FROM unnest(ARRAY['a', 'b', 'c', 'd', 'sensor-1', 'Fühler 7']) AS stream,
       soup_api.append_many(ARRAY[:'pump'], ARRAY['valves'], NULL, ARRAY[stream], NULL, NULL, ARRAY[1], ARRAY['x'::bytea], NULL)
 ORDER BY 1;
SELECT stream, partition FROM unnest(ARRAY['a', 'b', 'c', 'd', 'sensor-1', 'Fühler 7']) AS stream,
       soup_api.append_many(ARRAY[:'pump'], ARRAY['valves'], NULL, ARRAY[stream], NULL, NULL, ARRAY[1], ARRAY['x'::bytea], NULL)
 ORDER BY 1;
SELECT * FROM soup_api.append_many(
    ARRAY[:'pump', :'pump', :'lab', :'pump'], ARRAY['pump', 'valves', 'pump', 'pump'], ARRAY[NULL, NULL, 'lab-1', 'prod-1'],
    ARRAY['s', 'a', NULL, 's'], NULL, NULL, ARRAY[2, 1, 1, 3],
    ARRAY['1', '2', '3', '4', '5', '6', '7']::bytea[], NULL);
-- Two appends in one transaction.
BEGIN;
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY['in', 'one']::bytea[]);
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY['transaction']::bytea[]);
COMMIT;
BEGIN;
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY['rolled', 'back']::bytea[]);
ROLLBACK;
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY['follows at once']::bytea[]);

-- An idempotency key is answered once more, whatever has happened since; another body is a conflict.
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY['k1', 'k2']::bytea[], label => 'prod-1', idempotency_key => 'key-1');
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY['between']::bytea[]);
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY['k1', 'k2']::bytea[], label => 'prod-1', idempotency_key => 'key-1');
\set VERBOSITY default
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY['k1', 'k3']::bytea[], label => 'prod-1', idempotency_key => 'key-1');
\echo :SQLSTATE
\set VERBOSITY terse
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY['k1', 'k2']::bytea[], label => 'prod-2', idempotency_key => 'key-1');
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY['k1', 'k2']::bytea[], label => 'prod-1', idempotency_key => 'key-1', stream => 'x');
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY['k1', 'k2']::bytea[], label => 'prod-1', idempotency_key => 'key-1',
                              times => ARRAY[now(), NULL]);
-- Another producer's key of the same name is another key.
SELECT * FROM soup_api.append(:'lab', 'pump', ARRAY['mine']::bytea[], label => 'lab-1', idempotency_key => 'key-1');
-- Within one call: the second is the first one again, unless it says something else.
SELECT * FROM soup_api.append_many(array_fill(:'pump'::text, ARRAY[4]), array_fill('pump'::text, ARRAY[4]), NULL, NULL, NULL,
    ARRAY['key-2', 'key-3', 'key-2', 'key-2'], ARRAY[1, 1, 1, 1], ARRAY['A', 'B', 'A', 'C']::bytea[], NULL);
SELECT key, count(*) FROM soup.idempotency i JOIN soup.org o ON o.org = i.org AND o.name = 'rawlog' GROUP BY key ORDER BY key;

-- A columns body's rows are the records: the same key with the same records, sent one by one, is a repetition.
\set opaque '\\x53434f4c0100010002000000080172000100000002000000616263'
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY[:'opaque'::bytea], content_type => 'application/vnd.soup.columns', idempotency_key => 'columns');
SELECT * FROM soup_api.append(:'pump', 'pump', '{a,bc}', idempotency_key => 'columns');
\set typed '\\x53434f4c010003000200000007026174010474656d700905737461746500000000401e18240a060090102218240a06000000a4410000a84102000000000000006f6b'
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY[:'typed'::bytea], content_type => 'application/vnd.soup.columns', idempotency_key => 'typed columns');
SELECT * FROM soup_api.append(:'pump', 'pump', ARRAY['\x0000a441020000006f6b', '\x0000a84100000000']::bytea[],
                              times => ARRAY['2023-11-14 22:13:20+00', '2023-11-14 22:13:20.25+00']::timestamptz[],
                              content_type => 'application/vnd.soup.row;fields=temp:f4,state:text', idempotency_key => 'typed columns');
SELECT content_type, count FROM rawlog_rows WHERE model = 'pump' ORDER BY first_offset DESC LIMIT 2;

-- Dense and whole.
SELECT * FROM soup.verify_raw('rawlog', 'pump');
SELECT * FROM soup.verify_raw('rawlog', 'valves');
SELECT model, partition, max(first_offset + count) = sum(count) AS dense FROM rawlog_rows GROUP BY 1, 2 ORDER BY 1, 2;

-- Nobody changes a raw row: not by the parent, the org's table or the leaf, not even the superuser.
SELECT i.inhrelid::regclass AS org_table, l.inhrelid::regclass AS leaf
  FROM pg_inherits i JOIN pg_inherits l ON l.inhparent = i.inhrelid JOIN soup.org o ON o.name = 'rawlog'
 WHERE i.inhparent = 'soup.raw_batch'::regclass AND i.inhrelid::regclass::text = 'soup_data.r_' || replace(o.org::text, '-', '')
 ORDER BY l.inhrelid::regclass::text LIMIT 1 \gset
UPDATE soup.raw_batch SET stream = 'forged';
DELETE FROM soup.raw_batch;
TRUNCATE soup.raw_batch;
DELETE FROM :org_table;
UPDATE :leaf SET frame = '';
\echo :SQLSTATE
DELETE FROM :leaf WHERE false;
TRUNCATE :leaf;
SET session_replication_role = replica;
DELETE FROM :leaf;
RESET session_replication_role;

-- A leaf: its indexes, row-level security, no statistics of payload, no word of the customer; made once.
SELECT c.relrowsecurity, c.relforcerowsecurity, c.relispartition,
       (SELECT array_agg(regexp_replace(pg_get_indexdef(i.indexrelid), 'r_[0-9a-f]{32}_\d{6}', '<leaf>', 'g') ORDER BY 1)
          FROM pg_index i WHERE i.indrelid = c.oid) AS indexes,
       (SELECT attstattarget FROM pg_attribute a WHERE a.attrelid = c.oid AND attname = 'frame') AS statistics,
       (SELECT attstorage FROM pg_attribute a WHERE a.attrelid = c.oid AND attname = 'frame') AS storage
  FROM pg_class c WHERE c.oid = :'leaf'::regclass;
SELECT soup.make_raw_leaf(o.org, '2020-02-29') = soup.make_raw_leaf(o.org, '2020-02-01') AS same_leaf,
       regexp_replace(soup.make_raw_leaf(o.org, '2020-02-29')::text, '[0-9a-f]{32}', '<org>') AS name
  FROM soup.org o WHERE o.name = 'rawlog';
SET timezone = 'Pacific/Auckland';
SET datestyle = 'German';
SELECT regexp_replace(soup.make_raw_leaf(o.org, '2019-12-31')::text, '[0-9a-f]{32}', '<org>') AS name FROM soup.org o WHERE o.name = 'rawlog';
RESET timezone;
RESET datestyle;
SELECT pg_get_expr(c.relpartbound, c.oid) AS bounds FROM pg_class c WHERE c.relname ~ '^r_[0-9a-f]{32}_(201912|202002)$' ORDER BY c.relname;

-- What verify_raw is for: damage, put there by hand behind the trigger's back.
BEGIN;
ALTER TABLE :leaf DISABLE TRIGGER raw_rows_stay;
DELETE FROM :leaf USING soup.model m WHERE m.model = :leaf.model AND m.name = 'pump' AND first_offset = 3;
UPDATE :leaf SET frame = set_byte(frame, octet_length(frame) - 1, get_byte(frame, octet_length(frame) - 1) # 1)
  FROM soup.model m WHERE m.model = :leaf.model AND m.name = 'pump' AND first_offset = 0;
UPDATE :leaf SET received_at = received_at - interval '1 microsecond' * 1000000
  FROM soup.model m WHERE m.model = :leaf.model AND m.name = 'pump' AND first_offset = 5;
UPDATE soup.partition p SET next_offset = next_offset + 1 FROM soup.model m WHERE m.model = p.model AND m.name = 'pump';
SELECT kind, partition, detail ~ '.' AS has_detail FROM soup.verify_raw('rawlog', 'pump');
ROLLBACK;
SELECT * FROM soup.verify_raw('rawlog', 'nothing');
SELECT * FROM soup.verify_raw('nobody', 'pump');
SELECT * FROM soup.verify_raw(NULL, 'pump');
SELECT severity, problem FROM soup.doctor() WHERE subject = 'raw log';
DROP VIEW rawlog_rows;
