-- Goal: a vtree index at its limits: the largest and smallest numbers, a great many equal rows, less memory than a build would
-- like, room in no temporary file.
SET client_min_messages = warning;

-- Numbers between which no float is a distance any more; minus zero is zero.
CREATE TABLE vl (id integer, at vector(3));
INSERT INTO vl SELECT i, (ARRAY['[3.4e38,3.4e38,3.4e38]', '[-3.4e38,-3.4e38,-3.4e38]', '[1e-42,-1e-42,0]', format('[%s,-0,0]', i), format('[%se34,-%se30,1]', i, i),
    '[0,0,0]'])[1 + i % 6]::vector FROM generate_series(1, 6000) i;
CREATE TABLE region (n integer, box vbox, ball vball, origin vector);
INSERT INTO region VALUES (1, '[-3.4e38,-3.4e38,-3.4e38],[3.4e38,3.4e38,3.4e38]', '<[0,0,0],1e300>', '[0,0,0]'), (2, '[0,0,0],[0,0,0]', '<[0,0,0],0>', '[3.4e38,0,0]'),
    (3, '[0,-1,0],[3.4e38,0,1]', '<[3.4e38,3.4e38,3.4e38],1>', '[1,1,1]'), (4, '[-1e-42,-1e-42,0],[1e-42,1e-42,0]', '<[0,0,0],1e-41>', '[1e-42,0,0]'),
    (5, '[1e34,-3.4e38,0],[1e38,0,1]', '<[0,0,0],5e37>', '[-3.4e38,3.4e38,0]');
CREATE FUNCTION answers() RETURNS TABLE (n integer, in_box text, in_ball text, nearest text) LANGUAGE sql AS $$
    SELECT n, (SELECT count(*) || ' ' || sum(id) FROM vl WHERE at <@ box), (SELECT count(*) || ' ' || sum(id) FROM vl WHERE at <@ ball),
        (SELECT md5(string_agg(d::text, ' ')) FROM (SELECT at <-> origin AS d FROM vl ORDER BY at <-> origin LIMIT 4000) s) FROM region
$$;
CREATE TABLE expected AS SELECT * FROM answers();
SELECT n, in_box, in_ball FROM expected ORDER BY n;
CREATE INDEX vl_at ON vl USING vtree (at);
SET enable_seqscan = off;
SELECT * FROM answers() EXCEPT SELECT * FROM expected;
SELECT vtree_count('vl_at', box) || ' ' || vtree_count('vl_at', ball) AS counted FROM region ORDER BY n;
SELECT * FROM soupvec_verify('vl_at', true);
-- The same, inserted one by one.
CREATE TABLE kept AS SELECT * FROM vl;
TRUNCATE vl;
INSERT INTO vl SELECT * FROM kept;
SELECT * FROM answers() EXCEPT SELECT * FROM expected;
SELECT * FROM soupvec_verify('vl_at', true);
DELETE FROM vl WHERE id % 2 = 0;
VACUUM vl;
SELECT vtree_count('vl_at', box) FROM region WHERE n = 1;
SELECT * FROM soupvec_verify('vl_at', true);
DROP TABLE vl, kept, region, expected;
DROP FUNCTION answers;

-- A million equal rows.
CREATE TABLE vl (id integer, at vector(3));
CREATE INDEX vl_at ON vl USING vtree (at);
INSERT INTO vl SELECT i, '[7,7,7]' FROM generate_series(1, 1000000) i;
SELECT count(*), count(DISTINCT id) FROM vl WHERE at <@ '[7,7,7],[7,7,7]'::vbox;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM vl ORDER BY at <-> '[7,7,7]') s;
SELECT * FROM soupvec_verify('vl_at', true);
REINDEX INDEX vl_at;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM vl ORDER BY at <-> '[7,7,7]') s;
SELECT * FROM soupvec_verify('vl_at', true);

-- Less memory than rows: sorted through temporary files. Without room for these the build ends, and leaves nothing.
INSERT INTO vl SELECT i, array[i, i % 100, i % 7]::vector FROM generate_series(1, 100000) i;
SET maintenance_work_mem = '1MB';
REINDEX INDEX vl_at;
SELECT count(*), count(DISTINCT id) FROM vl WHERE at <@ '[7,7,7],[7,7,7]'::vbox;
SELECT * FROM soupvec_verify('vl_at', true);
DROP INDEX vl_at;
SET temp_file_limit = '64kB';
SELECT soupvec_test.refusal('CREATE INDEX vl_at ON vl USING vtree (at)');
RESET temp_file_limit;
SELECT count(*) FROM pg_class WHERE relname = 'vl_at';
SELECT count(*) FROM pg_ls_tmpdir();
DROP TABLE vl;
