-- Goal: the nearest rows of a table without an index come by way of "Nearest Rows" where that is right, and are those of a
-- sort; where it is not right, the server's sort is used.
-- Method: each query beside the same with a distance that the planner does not know ("+ 0"), and its plan.
LOAD 'soupvec';
SET max_parallel_workers_per_gather = 0;
CREATE TABLE lying (gone text, id integer, at vector(3), tag text);
INSERT INTO lying SELECT 'x', i, ARRAY[i * 7919 % 101, i * 104729 % 103, i]::vector, 'tag ' || i % 7 FROM generate_series(1, 2000) i;
INSERT INTO lying SELECT 'x', -i, NULL, 'null' FROM generate_series(1, 5) i;
INSERT INTO lying VALUES ('x', 0, '[0,0,0]', 'zero');
ANALYZE lying;
CREATE FUNCTION root_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; uses boolean := false;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP uses := uses OR line LIKE '%Nearest Rows%'; END LOOP;
    RETURN CASE WHEN uses THEN 'nearest rows' ELSE 'sort' END;
END $$;

EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM lying WHERE id % 2 = 0 ORDER BY at <-> '[1,2,3]' LIMIT 3 OFFSET 1;

-- Same rows, whatever is selected.
CREATE TABLE lying_asked (number integer, statement text);
INSERT INTO lying_asked SELECT row_number() OVER (), s FROM unnest(ARRAY[
    'SELECT id FROM lying ORDER BY (at <-> ''[1,2,3]'')%s, id LIMIT 5',
    'SELECT at <-> ''[1,2,3]'' FROM lying ORDER BY (at <-> ''[1,2,3]'')%s LIMIT 5',
    'SELECT at <=> ''[1,2,3]'' FROM lying WHERE id <> 0 ORDER BY (at <=> ''[1,2,3]'')%s LIMIT 5',
    'SELECT at <#> ''[1,2,3]'' FROM lying ORDER BY (at <#> ''[1,2,3]'')%s LIMIT 5',
    'SELECT at <+> ''[1,2,3]'' FROM lying ORDER BY (at <+> ''[1,2,3]'')%s LIMIT 5 OFFSET 3',
    'SELECT at <-> ''[1,2,3]'' FROM lying WHERE tag = ''tag 3'' ORDER BY (at <-> ''[1,2,3]'')%s LIMIT 7',
    'SELECT at <-> ''[1,2,3]'' FROM lying WHERE id < 3 ORDER BY (at <-> ''[1,2,3]'')%s LIMIT 7',
    'SELECT at <=> ''[1,2,3]'' FROM lying WHERE id < 3 ORDER BY (at <=> ''[1,2,3]'')%s LIMIT 7',
    'SELECT at <-> ''[1,2,3]'' FROM lying ORDER BY (at <-> ''[1,2,3]'')%s LIMIT 5000',
    'SELECT lying, ctid IS NULL, tableoid::regclass, upper(tag) FROM lying WHERE mod(id, 3) = 0 ORDER BY (at <-> ''[1,2,3]'')%s LIMIT 5',
    'SELECT (SELECT count(*) FROM lying b WHERE b.tag = lying.tag) FROM lying WHERE mod(id, 3) = 0 ORDER BY (at <-> ''[1,2,3]'')%s LIMIT 5',
    'SELECT max(d) FROM (SELECT at <-> ''[1,2,3]'' AS d FROM lying ORDER BY (at <-> ''[1,2,3]'')%s LIMIT 6) s',
    'SELECT a.id, near.d FROM lying a, LATERAL (SELECT b.at <-> a.at AS d FROM lying b WHERE b.id <> a.id ORDER BY (b.at <-> a.at)%s LIMIT 2) near
        WHERE a.id < 20 AND a.id > 0',
    'SELECT at <-> (SELECT at FROM lying WHERE id = 9) FROM lying ORDER BY (at <-> (SELECT at FROM lying WHERE id = 9))%s LIMIT 4'
]) s;
CREATE FUNCTION differs(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE ours text[]; theirs text[];
BEGIN
    EXECUTE format('SELECT array_agg(s::text) FROM (' || statement || ') s', '') INTO ours;
    EXECUTE format('SELECT array_agg(s::text) FROM (' || statement || ') s', ' + 0') INTO theirs;
    RETURN ours IS DISTINCT FROM theirs;
END $$;
SELECT number, root_of(format(statement, '')), differs(statement) FROM lying_asked ORDER BY number;
-- A table whose rows have a hole, and one with a new column.
ALTER TABLE lying DROP COLUMN gone;
SELECT number, root_of(format(statement, '')), differs(statement) FROM lying_asked WHERE number IN (2, 10) ORDER BY number;
ALTER TABLE lying ADD COLUMN fresh integer DEFAULT 7;
SELECT number, root_of(format(statement, '')), differs(statement) FROM lying_asked WHERE number IN (2, 10) ORDER BY number;

-- Where more rows than LIMIT says may be lying_asked for, or another order, or too many, or a better way is there.
SELECT s AS statement, root_of(s) FROM unnest(ARRAY[
    'SELECT id FROM lying ORDER BY at <-> ''[1,2,3]''',
    'SELECT id FROM lying ORDER BY at <-> ''[1,2,3]'' LIMIT 0',
    'SELECT id FROM lying ORDER BY at <-> ''[1,2,3]'' LIMIT 10001',
    'SELECT id FROM lying ORDER BY at <-> ''[1,2,3]'' LIMIT (SELECT 5)',
    'SELECT id FROM lying ORDER BY at <-> ''[1,2,3]'' DESC LIMIT 5',
    'SELECT id FROM lying ORDER BY at <-> ''[1,2,3]'' NULLS FIRST LIMIT 5',
    'SELECT id FROM lying ORDER BY at <-> ''[1,2,3]'' FETCH FIRST 5 ROWS WITH TIES',
    'SELECT id FROM lying ORDER BY at <-> ''[1,2,3]'' LIMIT 5 FOR UPDATE',
    'SELECT id, generate_series(1, 2) FROM lying ORDER BY at <-> ''[1,2,3]'' LIMIT 5',
    'SELECT DISTINCT at <-> ''[1,2,3]'' FROM lying ORDER BY at <-> ''[1,2,3]'' LIMIT 5',
    'SELECT a.id FROM lying a JOIN lying b USING (id) ORDER BY a.at <-> ''[1,2,3]'' LIMIT 5',
    'SELECT id FROM lying TABLESAMPLE SYSTEM (50) ORDER BY at <-> ''[1,2,3]'' LIMIT 5',
    'SELECT id FROM lying ORDER BY random() LIMIT 5']) s;
BEGIN;
SET LOCAL work_mem = '64kB';
SELECT root_of('SELECT id, tag FROM lying ORDER BY at <-> ''[1,2,3]'' LIMIT 5000');
ROLLBACK;
CREATE INDEX lying_at ON lying USING vtree (at);
SELECT root_of('SELECT id FROM lying ORDER BY at <-> ''[1,2,3]'' LIMIT 5');
DROP INDEX lying_at;
PREPARE few (integer) AS SELECT count(*) FROM (SELECT id FROM lying ORDER BY at <-> '[1,2,3]' LIMIT $1) s;
SET plan_cache_mode = force_generic_plan;
SELECT root_of('EXECUTE few(3)');
EXECUTE few(3);
SET plan_cache_mode = force_custom_plan;
SELECT root_of('EXECUTE few(3)');
EXECUTE few(3);
EXECUTE few(4);
RESET plan_cache_mode;

-- An error in a row, a cursor that goes back, a policy.
SELECT id FROM lying ORDER BY at <-> '[1,2]' LIMIT 5;
BEGIN;
DECLARE back SCROLL CURSOR FOR SELECT at <-> '[1,2,3]' < 100 AS near FROM lying ORDER BY at <-> '[1,2,3]' LIMIT 3;
FETCH 2 FROM back;
FETCH BACKWARD 1 FROM back;
MOVE ABSOLUTE 0 IN back;
FETCH ALL FROM back;
ROLLBACK;
CREATE ROLE nearest_reader;
GRANT SELECT ON lying TO nearest_reader;
CREATE POLICY even ON lying USING (id % 2 = 0);
ALTER TABLE lying ENABLE ROW LEVEL SECURITY;
SET ROLE nearest_reader;
SELECT count(*), bool_and(id % 2 = 0) AS even FROM (SELECT id FROM lying ORDER BY at <-> '[1,2,3]' LIMIT 50) s;
RESET ROLE;
DROP TABLE lying, lying_asked;
DROP FUNCTION root_of, differs;
DROP ROLE nearest_reader;
