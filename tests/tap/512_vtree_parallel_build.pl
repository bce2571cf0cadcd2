# Goal: CREATE INDEX and REINDEX of a vtree by several processes make an index of the same rows and answers as one process
# makes; workers are hired where there are more points than memory holds, and only there, however wrong the table's size
# was guessed; and where workers fail or are not to be had, nothing is left over.
#
# Method: the least maintenance_work_mem, in which 5,242 points of eight dimensions fit. The server's log says how many
# workers there were. The truth is a sequential scan's. Errors come from workers alone.
use strict;
use warnings;
use ParallelBuild;
use Test::More;

my $rows = 7000;
my $cluster = ParallelBuild->new('vtree_parallel', 'maintenance_work_mem = 1MB');
$cluster->define_near(8);

sub sql { return $cluster->sql(@_); }

# Workers that loaded rows; none ever measures.
sub workers_of {
	my ($loaded, $measured) = split ' ', $cluster->workers_of(@_);
	return $measured == 0 ? $loaded : "$measured that measured";
}

sql(<<"SQL");
SELECT setseed(0.5);
CREATE TABLE point (id integer, tag integer, at vector(8)) WITH (parallel_workers = 2);
INSERT INTO point SELECT i, i % 100, CASE WHEN i % 1000 > 0 THEN near(i) END FROM generate_series(1, $rows) i;
INSERT INTO point SELECT i, i % 100, (SELECT at FROM point WHERE id = 1) FROM generate_series($rows + 1, $rows + 1000) i;
DELETE FROM point WHERE id % 50 = 3;
CREATE TABLE query AS SELECT i AS id, near(i) AS at FROM generate_series(1, 40) i;
ANALYZE point;

-- Balls, boxes and neighbours of every query; the rows' numbers, or distances where rows are as far as others.
CREATE FUNCTION answers(by_index boolean, condition text) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE
    question text;
    answer text;
    answers text := '';
BEGIN
    PERFORM set_config('enable_' || kind, (by_index = (kind <> 'seqscan'))::text, true) FROM unnest('{seqscan,indexscan,indexonlyscan,bitmapscan}'::text[]) kind;
    FOR question IN SELECT format(q, at, condition) FROM query, (VALUES
            ('SELECT string_agg(id::text, '','' ORDER BY id) FROM point WHERE at <\@ vball(%1\$L, 0.9) AND %2\$s'),
            ('SELECT count(*) || '' '' || sum(id) FROM point WHERE at <\@ vbox(%1\$L, ''[2,2,2,2,2,2,2,2]'') AND %2\$s'),
            ('SELECT string_agg(d::text, '','') FROM (SELECT at <-> %1\$L AS d FROM point WHERE at IS NOT NULL AND %2\$s ORDER BY at <-> %1\$L LIMIT 30) near')) q (q) LOOP
        EXECUTE question INTO answer;
        answers := concat(answers, answer, E'\\n');
    END LOOP;
    RETURN answers;
END \$\$;
SQL

# Every row is in the index once, answers are the table's, and verify finds nothing.
sub check {
	my ($when, $condition) = @_;
	$condition //= 'true';
	is(sql(q{SELECT * FROM soupvec_verify('point_at', true)}), '', "$when: verify finds nothing");
	my $plan = "EXPLAIN SELECT id FROM point WHERE $condition ORDER BY at <-> '[0,0,0,0,0,0,0,0]'";
	like(sql('SET enable_seqscan = off; SET enable_sort = off;', $plan), qr/Index Scan using point_at/, "$when: the index is used");
	my ($of_index, $of_table) = map { sql("SELECT answers($_, \$\$$condition\$\$)") } qw(true false);
	cmp_ok(length $of_table, '>', 10_000, "$when: there are answers");
	ok($of_index eq $of_table, "$when: the index answers as the table");
	return;
}

my $create = 'CREATE INDEX point_at ON point USING vtree (at)';
my $drop = 'DROP INDEX point_at;';
my $two = 'SET max_parallel_maintenance_workers = 2;';

# --- the same content as by one process
for my $workers (0, 1, 2) {
	is(workers_of("SET max_parallel_maintenance_workers = $workers; $create;"), $workers, "$workers workers: as allowed");
	is(sql(q{SELECT reltuples FROM pg_class WHERE relname = 'point_at'}), sql('SELECT count(*) FROM point WHERE at IS NOT NULL'), "$workers workers: rows counted");
	check("$workers workers");
	sql($drop);
}

# --- rows that workers put there
my $read = $cluster->rows_of_workers($two, 'CREATE INDEX point_slow ON point USING vtree ((slow(at, id)::vector(8)));');
cmp_ok($read, '>', 1000, 'workers read rows');
cmp_ok($read, '<', sql('SELECT count(*) FROM point'), 'and not all');
is(sql(q{SELECT * FROM soupvec_verify('point_slow', true)}), '', 'which are in the index');
sql('DROP INDEX point_slow');

# --- every way to build
is(workers_of($two, 'CREATE INDEX CONCURRENTLY point_at ON point USING vtree (at);'), 2, 'concurrently');
check('concurrently');
is(workers_of($two, 'REINDEX INDEX point_at;'), 2, 'REINDEX');
check('REINDEX');
is(workers_of($two, 'REINDEX INDEX CONCURRENTLY point_at;'), 2, 'REINDEX CONCURRENTLY');
check('REINDEX CONCURRENTLY');
is(workers_of($two, 'VACUUM FULL point;'), 2, 'VACUUM FULL');
check('VACUUM FULL');
sql('ALTER TABLE point SET UNLOGGED;', $drop);
is(workers_of("$two $create;"), 2, 'unlogged');
check('unlogged');
sql('ALTER TABLE point SET LOGGED;', $drop);

# Rows of the same transaction and of its subtransactions, updated ones.
is(workers_of($two, <<"SQL"), 2, 'in a transaction');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM point;
INSERT INTO point SELECT 100000 + i, i, near(i) FROM generate_series(1, 300) i;
SAVEPOINT a;
UPDATE point SET tag = tag + 1 WHERE id % 50 = 1;
DELETE FROM point WHERE id > 100200;
ROLLBACK TO a;
UPDATE point SET at = near(id) WHERE id % 50 = 7;
$create WHERE tag < 97;
COMMIT;
SQL
check('in a transaction, partial', 'tag < 97');
sql($drop);

# --- no workers
is(workers_of($two, "SET max_parallel_workers = 0; $create;"), 0, 'none to be had');
check('none to be had');
sql($drop);
is(workers_of($two, "SET maintenance_work_mem = '2MB'; $create;"), 0, 'none if all fits in memory');
check('in memory');
sql($drop);
is(workers_of($two, "$create WHERE tag < 50;"), 0, 'none if those rows fit in memory that a partial index has');
check('few rows', 'tag < 50');
sql($drop);
is(workers_of($two, "$create WHERE id < 0;"), 0, 'none without a row');
is(sql(q{SELECT * FROM soupvec_verify('point_at', true)}), '', 'no row: verify finds nothing');
sql($drop);
is(workers_of($two, 'CREATE INDEX point_at ON point USING vtree ((unsafe(at)::vector(8)));'), 0, 'none for an expression that is not parallel safe');
sql($drop);
is(workers_of($two, 'CREATE TEMP TABLE own WITH (parallel_workers = 2) AS SELECT * FROM point; CREATE INDEX ON own USING vtree ((at::vector(8)));'),
	0, 'none for a temporary table');

# --- what was guessed of the table is wrong
my $guess = "UPDATE pg_class SET reltuples = %d WHERE relname = 'point';";
is(workers_of($two, sprintf($guess, 10), "$create;"), 0, 'none if few rows were guessed');
check('few guessed');
sql($drop);
is(workers_of($two, sprintf($guess, 100_000), "$create;"), 2, 'many rows were guessed');
check('many guessed');
sql($drop, 'ANALYZE point');

# --- errors, a cancel, a worker that is killed
$cluster->test_failures('vtree', 'vector(8)', \&check);

done_testing();
