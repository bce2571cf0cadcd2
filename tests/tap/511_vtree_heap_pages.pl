# Goal: a vtree scan that remembers where the table's pages lay returns what the table has, whatever became of those pages; it
# prunes pages, counts them and their uses as the server's own way to them does.
#
# Method: one session asks two tables in turns that are each larger than the shared buffers, so that what it remembers is
# mostly wrong; rows are changed, removed, moved; a table gets another file; a temporary one has its pages elsewhere. Every
# answer is held against that of a sort. Pruning is seen in the line pointers, counting in the statistics, use in the buffers.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('heap_pages');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nshared_buffers = 1MB\n");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION soupvec;
CREATE EXTENSION pageinspect;
CREATE EXTENSION pg_buffercache;
CREATE FUNCTION place() RETURNS vector LANGUAGE sql VOLATILE AS $$ SELECT ARRAY[random(), random(), random()]::real[]::vector $$;
-- The nearest rows and those of a ball, for some places; an error if the index and the table do not agree.
CREATE FUNCTION agree(of regclass) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    question text;
    answer text;
    of_index text;
BEGIN
    PERFORM set_config('enable_bitmapscan', 'off', true);
    FOR question IN SELECT q FROM (SELECT place() AS p FROM generate_series(1, 10)) places,
        LATERAL (VALUES (format('SELECT count(DISTINCT id) || array_agg(at <-> %L)::text FROM (SELECT * FROM %s ORDER BY at <-> %1$L LIMIT 300) near', p, of)),
                        (format('SELECT array_agg(id ORDER BY id) FROM %s WHERE at <@ vball(%L, 0.2)', of, p))) questions (q) LOOP
        FOR i IN 0 .. 1 LOOP
            PERFORM set_config('enable_seqscan', (i = 1)::text, true), set_config('enable_indexscan', (i = 0)::text, true);
            EXECUTE question INTO answer;
            IF i = 0 THEN
                of_index := answer;
            ELSIF answer IS DISTINCT FROM of_index THEN
                RAISE 'the index disagrees: %: % instead of %', question, of_index, answer;
            END IF;
        END LOOP;
    END LOOP;
    RETURN length(of_index);
END $$;
CREATE TABLE one (id integer, at vector(3), note text) WITH (fillfactor = 80);
CREATE TABLE other (LIKE one);
INSERT INTO one SELECT i, place(), repeat('x', 600) FROM generate_series(1, 4000) i;
INSERT INTO other SELECT -i, place(), repeat('y', 600) FROM generate_series(1, 4000) i;
CREATE INDEX one_at ON one USING vtree (at);
CREATE INDEX other_at ON other USING vtree (at);
SQL

# All in one session, which ends with the first error.
my @steps = (
	q{UPDATE one SET note = repeat('z', 600) WHERE id % 3 = 0},
	q{DELETE FROM other WHERE id % 3 = 0},
	q{UPDATE other SET at = place() WHERE id % 5 = 0},
	q{VACUUM one}, q{VACUUM other},
	q{INSERT INTO other SELECT -i, place(), repeat('y', 600) FROM generate_series(5001, 7000) i},
	q{TRUNCATE one; INSERT INTO one SELECT i, place(), repeat('w', 600) FROM generate_series(10001, 13000) i},
	q{VACUUM FULL other},
	q{BEGIN; DELETE FROM one WHERE id % 2 = 0; SELECT agree('one'); ROLLBACK},
	q{DROP TABLE other; CREATE TABLE other (LIKE one); INSERT INTO other SELECT id, place(), note FROM one; CREATE INDEX ON other USING vtree (at)},
	q{CREATE TEMPORARY TABLE mine AS SELECT id, place()::vector(3) AS at, note FROM one; CREATE INDEX ON mine USING vtree (at); SELECT agree('mine'); SELECT agree('mine')},
);
my $agree = q{SELECT agree('one'); SELECT agree('other'); SELECT agree('one'); SELECT agree('other');};
my ($status, $out, $err) = $node->psql('postgres', join(";\n", $agree, map { "$_;\n$agree" } @steps), on_error_stop => 1);
is($status, 0, 'what is remembered wrongly is not used') or diag($err);

# Once the session knows the pages, it reaches them without the server's way, which would prune and count. Its
# uses of a page are seen by what evicts pages, for PostgreSQL 15 and 16 now and then only.
$out = $node->safe_psql('postgres', <<'SQL');
CREATE TABLE few AS SELECT i AS id, place()::vector(3) AS at, repeat('x', 60) AS note FROM generate_series(1, 400) i;
CREATE INDEX ON few USING vtree (at);
SET enable_seqscan = off;
CREATE PROCEDURE ask() LANGUAGE sql AS $$ SELECT count(note) FROM (SELECT note FROM few ORDER BY at <-> '[0,0,0]' LIMIT 1000) near $$;
CALL ask(); CALL ask();
SELECT pg_stat_force_next_flush();
SELECT heap_blks_hit AS before FROM pg_statio_user_tables WHERE relname = 'few' \gset
CALL ask();
SELECT pg_stat_force_next_flush();
SELECT heap_blks_hit - :before > 200 FROM pg_statio_user_tables WHERE relname = 'few';
SELECT FROM generate_series(1, 300) i, LATERAL (SELECT note FROM few ORDER BY at <-> ARRAY[0, 0, i]::vector LIMIT 1) near OFFSET 300;
SELECT relname, max(usagecount) > 1 FROM pg_buffercache b JOIN pg_class c ON b.relfilenode = pg_relation_filenode(c.oid)
WHERE relname IN ('few', 'few_at_idx') AND relforknumber = 0 GROUP BY relname ORDER BY relname;
DELETE FROM few WHERE id % 2 = 0;
CALL ask();
SELECT count(*) FILTER (WHERE lp_flags = 3) > 20, count(*) FILTER (WHERE lp_flags = 1) > 20 FROM heap_page_items(get_raw_page('few', 0));
SQL
is($out =~ s/^\n//gmr, "t\nfew|t\nfew_at_idx|t\nt|t", 'pages are counted, used, and pruned');
$node->stop;
done_testing();
