-- Goal: each metric's class orders as its operator does. Method: every row asked for, on a set that is small enough for
-- the index to rank all of it by its details; the order may differ from the true one by less than the codes' error.
SET client_min_messages = warning;
CREATE TABLE vm (id integer, at vector(24));
INSERT INTO vm SELECT i, soupvec_test.spread(24, i) FROM generate_series(1, 2000) i;
SET enable_seqscan = off;
SET vann.rerank = 2000;
SET vann.probes = 100;

-- The recall of the ten nearest, and the greatest step back in distance, over twenty queries; the plan has to be an index scan.
CREATE FUNCTION pg_temp.judge(operator text, OUT plan text, OUT recall numeric, OUT in_order boolean) LANGUAGE plpgsql AS $$
DECLARE
    query vector;
    line text;
    hits bigint := 0;
    wrong boolean := false;
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (COSTS off) SELECT id FROM vm ORDER BY at %s %L LIMIT 10', operator, soupvec_test.spread(24, 1)) LOOP
        IF line LIKE '%Index Scan%' THEN plan := trim(line); END IF;
    END LOOP;
    FOR i IN 1..20 LOOP
        query := soupvec_test.spread(24, -i);
        EXECUTE format($q$
            WITH found AS MATERIALIZED (SELECT id, at %1$s %2$L AS distance FROM vm ORDER BY at %1$s %2$L LIMIT 10),
                 truth AS MATERIALIZED (SELECT at %1$s %2$L AS distance FROM vm ORDER BY 1 LIMIT 10)
            SELECT $1 + count(*) FILTER (WHERE distance <= (SELECT max(distance) * (1 + sign(max(distance)) * 1e-6) FROM truth)),
                   $2 OR coalesce(bool_or(step < -0.02 * abs(distance)), false)
            FROM (SELECT distance, distance - lag(distance) OVER () AS step FROM found) s$q$, operator, query)
            USING hits, wrong INTO hits, wrong;
    END LOOP;
    recall := round(hits / 200.0, 1);
    in_order := NOT wrong;
END $$;

CREATE INDEX vm_l2 ON vm USING vann (at vector_l2_ops);
CREATE INDEX vm_ip ON vm USING vann (at vector_ip_ops);
CREATE INDEX vm_cosine ON vm USING vann (at vector_cosine_ops);
CREATE INDEX vm_l1 ON vm USING vann (at vector_l1_ops);
SELECT operator, judged.* FROM unnest(ARRAY['<->', '<#>', '<=>', '<+>']) operator, pg_temp.judge(operator) judged;

-- By distances, too: the taxicab distance is exact, so its order is as well.
SELECT count(*) FILTER (WHERE d < before) AS out_of_order, count(*)
FROM (SELECT d, lag(d) OVER () AS before
      FROM (SELECT at <+> soupvec_test.spread(24, 3) AS d FROM vm ORDER BY at <+> soupvec_test.spread(24, 3) LIMIT 100) s) s;

-- Every row is found once, also when asked for more than the first batch.
RESET vann.rerank;
RESET vann.probes;
SELECT operator, (SELECT count(DISTINCT id) FROM (SELECT id FROM vm ORDER BY at <-> soupvec_test.spread(24, 9)) s) FROM (VALUES ('<->')) o(operator)
UNION ALL SELECT '<#>', count(DISTINCT id) FROM (SELECT id FROM vm ORDER BY at <#> soupvec_test.spread(24, 9)) s
UNION ALL SELECT '<=>', count(DISTINCT id) FROM (SELECT id FROM vm ORDER BY at <=> soupvec_test.spread(24, 9)) s
UNION ALL SELECT '<+>', count(DISTINCT id) FROM (SELECT id FROM vm ORDER BY at <+> soupvec_test.spread(24, 9)) s;

-- Inserted one by one instead of built.
CREATE TABLE vi (LIKE vm);
CREATE INDEX vi_ip ON vi USING vann (at vector_ip_ops);
CREATE INDEX vi_cosine ON vi USING vann (at vector_cosine_ops);
CREATE INDEX vi_l1 ON vi USING vann (at vector_l1_ops);
INSERT INTO vi SELECT * FROM vm;
INSERT INTO vi VALUES (0, (SELECT array_agg(0)::vector FROM generate_series(1, 24)));
SELECT index, (SELECT count(*) FROM soupvec_verify(index::regclass, true)) FROM unnest(ARRAY['vi_ip', 'vi_cosine', 'vi_l1', 'vm_l2', 'vm_ip', 'vm_cosine', 'vm_l1']) index;

-- A vector without direction is not in a cosine index, as with pgvector; as a query it orders nothing.
SELECT count(*), min(id) FROM (SELECT id FROM vi ORDER BY at <=> soupvec_test.spread(24, 9)) s;
SELECT count(*), min(id) FROM (SELECT id FROM vi ORDER BY at <#> soupvec_test.spread(24, 9)) s;
SELECT count(*) FROM (SELECT id FROM vi ORDER BY at <=> (SELECT array_agg(0)::vector FROM generate_series(1, 24))) s;

-- Strict order: never a step back, and the nearest rows are still there.
SET vann."order" = strict;
SELECT count(*) > 10 AS enough, count(*) FILTER (WHERE step < -0.02 * d) AS steps_back
FROM (SELECT d, d - lag(d) OVER () AS step FROM (SELECT at <-> soupvec_test.spread(24, 9) AS d FROM vm ORDER BY at <-> soupvec_test.spread(24, 9)) s) s;
RESET vann."order";
DROP TABLE vm, vi;
