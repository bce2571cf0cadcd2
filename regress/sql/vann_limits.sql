-- Goal: a vann index at its limits: the most dimensions, the largest and smallest numbers, a great many equal rows, less memory
-- than a build would like, room in no temporary file.
SET client_min_messages = warning;
SET enable_seqscan = off;

-- 16,000 dimensions, row by row and built.
CREATE TABLE vl (id integer, at vector(16000));
CREATE INDEX vl_at ON vl USING vann (at);
INSERT INTO vl SELECT i, soupvec_test.spread(16000, i) FROM generate_series(1, 30) i;
SELECT id FROM vl ORDER BY at <-> soupvec_test.spread(16000, 20) LIMIT 1;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM vl ORDER BY at <-> soupvec_test.spread(16000, 20)) s;
REINDEX INDEX vl_at;
SELECT id FROM vl ORDER BY at <-> soupvec_test.spread(16000, 20) LIMIT 1;
DELETE FROM vl WHERE id % 2 = 1;
VACUUM vl;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM vl ORDER BY at <-> soupvec_test.spread(16000, 20)) s;
SELECT * FROM soupvec_verify('vl_at', true);
DROP TABLE vl;

-- Numbers whose squares are none any more: no distance tells such rows apart, yet each is found once. A vector of zeros has no
-- cosine, and a cosine's index leaves it out.
CREATE TABLE vl (id integer, at vector(4));
INSERT INTO vl SELECT i, soupvec_test.spread(4, i) FROM generate_series(1, 500) i;
INSERT INTO vl VALUES (1001, '[3e38,3e38,3e38,3e38]'), (1002, '[-3e38,3e38,0,0]'), (1003, '[1e-40,0,0,0]'), (1004, '[0,0,0,0]'),
    (1005, '[1e20,1e20,1e20,1e20]'), (1006, '[1e-30,1e-30,1e-30,1e-30]');
CREATE INDEX vl_l2 ON vl USING vann (at vector_l2_ops);
CREATE INDEX vl_ip ON vl USING vann (at vector_ip_ops);
CREATE INDEX vl_cosine ON vl USING vann (at vector_cosine_ops);
CREATE INDEX vl_l1 ON vl USING vann (at vector_l1_ops);
-- And many of them, inserted.
INSERT INTO vl SELECT 2000 + i, (ARRAY['[3e38,3e38,3e38,3e38]', '[-3e38,-3e38,-3e38,-3e38]', '[1e-42,1e-42,0,0]'])[1 + i % 3]::vector FROM generate_series(1, 3000) i;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM vl ORDER BY at <-> '[1,2,3,4]') s;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM vl ORDER BY at <#> '[1,2,3,4]') s;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM vl ORDER BY at <=> '[1,2,3,4]') s;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM vl ORDER BY at <+> '[1,2,3,4]') s;
SELECT count(*) FROM (SELECT id FROM vl ORDER BY at <-> '[3e38,0,0,0]' LIMIT 7) s;
DELETE FROM vl WHERE id % 2 = 0;
VACUUM vl;
REINDEX INDEX vl_l2;
SELECT metric, found.* FROM unnest('{l2,ip,cosine,l1}'::text[]) metric, soupvec_verify(('vl_' || metric)::regclass, true) found;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM vl ORDER BY at <-> '[1,2,3,4]') s;
DROP TABLE vl;

-- A million equal rows.
CREATE TABLE vl (id integer, at vector(3));
CREATE INDEX vl_at ON vl USING vann (at);
INSERT INTO vl SELECT i, '[7,7,7]' FROM generate_series(1, 1000000) i;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM vl ORDER BY at <-> '[7,7,7]') s;
SELECT * FROM soupvec_verify('vl_at', true);
REINDEX INDEX vl_at;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM vl ORDER BY at <-> '[7,7,7]') s;
SELECT * FROM soupvec_verify('vl_at', true);
DROP TABLE vl;

-- Less memory than rows: sorted through temporary files. Without room for these the build ends, and leaves nothing.
CREATE TABLE vl AS SELECT i AS id, soupvec_test.spread(64, i)::vector(64) AS at FROM generate_series(1, 12000) i;
SET maintenance_work_mem = '1MB';
CREATE INDEX vl_at ON vl USING vann (at);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM vl ORDER BY at <-> soupvec_test.spread(64, 7)) s;
SELECT * FROM soupvec_verify('vl_at', true);
DROP INDEX vl_at;
SET temp_file_limit = '64kB';
SELECT soupvec_test.refusal('CREATE INDEX vl_at ON vl USING vann (at)');
RESET temp_file_limit;
SELECT count(*) FROM pg_class WHERE relname = 'vl_at';
SELECT count(*) FROM pg_ls_tmpdir();
DROP TABLE vl;
