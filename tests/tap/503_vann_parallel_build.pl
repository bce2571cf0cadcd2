# Goal: CREATE INDEX and REINDEX by several processes make the index that one process makes: the same rows, nothing for
# verify to find, the recall that was asked for; and where workers fail or are not to be had, nothing is left over.
#
# Method: the server's log says how many workers there were. The truth is a sequential scan's. Errors come from workers alone.
use strict;
use warnings;
use ParallelBuild;
use Test::More;

my $rows = 12_000;
my $cluster = ParallelBuild->new('vann_parallel', 'maintenance_work_mem = 128MB');
$cluster->define_near(40);

sub sql { return $cluster->sql(@_); }
sub workers_of { return $cluster->workers_of(@_); }

sql(<<"SQL");
SELECT setseed(0.5);
CREATE TABLE point (id integer, tag integer, at vector(40)) WITH (parallel_workers = 2);
INSERT INTO point SELECT i, i % 100, CASE WHEN i % 1000 > 0 THEN near(i) END FROM generate_series(1, $rows) i;
INSERT INTO point SELECT i, i % 100, (SELECT at FROM point WHERE id = 1) FROM generate_series($rows + 1, $rows + 2000) i;
DELETE FROM point WHERE id % 10 = 3;
-- Near the centres that kept their rows.
CREATE TABLE query AS SELECT i AS id, near(i) AS at FROM generate_series(1, 500) i WHERE i % 10 <> 3;
ANALYZE point;
SQL

my $find = 'SELECT q.id AS query, n.id FROM query q, LATERAL (SELECT id FROM point WHERE %s ORDER BY at %s q.at LIMIT 10) n';
my $by_index = 'SET enable_seqscan = off; SET enable_sort = off;';

# What a query finds of the ten nearest.
sub recall {
	my ($operator) = @_;
	my $query = sprintf $find, 'at IS NOT NULL', $operator;
	like(sql("$by_index EXPLAIN $query"), qr/Index Scan using point_at/, 'the index is used');
	return sql(<<"SQL");
CREATE TEMP TABLE truth AS SELECT q.id AS query, n.* FROM query q, LATERAL
    (SELECT id, at $operator q.at AS distance FROM point WHERE at IS NOT NULL ORDER BY at $operator q.at, id LIMIT 10) n;
$by_index
CREATE TEMP TABLE found AS $query;
SELECT sum(least(hits, 10)) / 4500.0 FROM (SELECT count(*) AS hits FROM found f JOIN point p USING (id) JOIN query q ON q.id = f.query
    WHERE p.at $operator q.at <= (SELECT max(distance) * (1 + 1e-6) + 1e-6 * abs(max(distance)) FROM truth t WHERE t.query = f.query) GROUP BY f.query) h;
SQL
}

# Every row is in the index once, and verify finds nothing.
sub check {
	my ($when, $index, $condition) = @_;
	$condition //= 'true';
	is(sql("SELECT * FROM soupvec_verify('$index', true)"), '', "$when: verify finds nothing");
	my $all = "SELECT count(*), count(DISTINCT id), sum(id) FROM (SELECT id FROM point WHERE $condition";
	is(sql("$by_index $all ORDER BY at <-> (SELECT near(1))) s"), sql("$all AND at IS NOT NULL) s"), "$when: each row comes once");
	return;
}

# --- the same content as by one process
my %operators = (l2 => '<->', ip => '<#>', cosine => '<=>', l1 => '<+>');
for my $metric (sort keys %operators) {
	my $create = "CREATE INDEX point_at ON point USING vann (at vector_${metric}_ops, tag)";
	my %recall;
	for my $workers (0, 1, 2) {
		is(workers_of("SET max_parallel_maintenance_workers = $workers; $create;"), "$workers $workers", "$metric: workers as allowed");
		is(sql(q{SELECT reltuples FROM pg_class WHERE relname = 'point_at'}), sql('SELECT count(*) FROM point WHERE at IS NOT NULL'),
			"$metric, $workers workers: rows counted");
		if ($metric eq 'l2') { check("$metric, $workers workers", 'point_at'); }
		else { is(sql(q{SELECT * FROM soupvec_verify('point_at', true)}), '', "$metric, $workers workers: verify finds nothing"); }
		cmp_ok(recall($operators{$metric}), '>=', 0.92, "$metric, $workers workers: recall");
		sql('DROP INDEX point_at');
	}
}

# --- every way to build
my $two = 'SET max_parallel_maintenance_workers = 2;';
is(workers_of($two, 'CREATE INDEX CONCURRENTLY point_at ON point USING vann (at);'), '2 2', 'concurrently');
check('concurrently', 'point_at');
is(workers_of($two, 'REINDEX INDEX point_at;'), '2 2', 'REINDEX');
check('REINDEX', 'point_at');
is(workers_of($two, 'REINDEX INDEX CONCURRENTLY point_at;'), '2 2', 'REINDEX CONCURRENTLY');
check('REINDEX CONCURRENTLY', 'point_at');
is(workers_of($two, 'VACUUM FULL point;'), '2 2', 'VACUUM FULL');
check('VACUUM FULL', 'point_at');
sql('DROP INDEX point_at');

# Rows of the same transaction and of its subtransactions, updated ones, a cursor that is open.
is(workers_of($two, <<'SQL'), '2 2', 'in a transaction');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM point;
INSERT INTO point SELECT 100000 + i, i, near(i) FROM generate_series(1, 300) i;
SAVEPOINT a;
UPDATE point SET tag = tag + 1 WHERE id % 50 = 1;
INSERT INTO point SELECT 200000 + i, i, near(i) FROM generate_series(1, 300) i;
SAVEPOINT b;
DELETE FROM point WHERE id > 200100;
ROLLBACK TO b;
CREATE INDEX point_at ON point USING vann (at) WHERE tag < 50;
COMMIT;
SQL
check('in a transaction, partial', 'point_at', 'tag < 50');
sql('DROP INDEX point_at');

# --- no workers
my $create = 'CREATE INDEX point_at ON point USING vann';
my $drop = 'DROP INDEX point_at;';
is(workers_of($two, "SET max_parallel_workers = 0; $create (at); $drop"), '0 0', 'none to be had: one process builds');
is(workers_of($two, "ALTER TABLE point SET (parallel_workers = 0); $create (at); $drop ALTER TABLE point SET (parallel_workers = 2);"),
	'0 0', 'none for this table');
for ([ '32MB', 0 ], [ '64MB', 1 ], [ '1GB', 2 ]) {
	my ($memory, $workers) = @$_;
	is(workers_of($two, "ALTER TABLE point RESET (parallel_workers); SET min_parallel_table_scan_size = '8kB'; SET maintenance_work_mem = '$memory';
		$create (at); $drop ALTER TABLE point SET (parallel_workers = 2);"), "$workers $workers", "with $memory");
}
is(workers_of($two, <<'SQL'), '1 1', 'by the size of what is toasted');
CREATE TABLE long (at vector(700));
ALTER TABLE long ALTER at SET STORAGE EXTERNAL;
INSERT INTO long SELECT array_agg(random())::vector FROM generate_series(1, 600) i, generate_series(1, 700) GROUP BY i;
SET min_parallel_table_scan_size = '1MB';
CREATE INDEX ON long USING vann (at);
DROP TABLE long;
SQL
is(workers_of($two, "$create ((unsafe(at)::vector(40))); $drop"), '0 0', 'none for an expression that is not parallel safe');
is(workers_of($two, 'CREATE TEMP TABLE own WITH (parallel_workers = 2) AS SELECT * FROM point; CREATE INDEX ON own USING vann ((at::vector(40)));'),
	'0 0', 'none for a temporary table');
is(workers_of($two, 'CREATE UNLOGGED TABLE other (at vector(40)) WITH (parallel_workers = 2); CREATE INDEX ON other USING vann (at); DROP TABLE other;'),
	'2 2', 'an empty table');

# --- errors, a cancel, a worker that is killed
$cluster->test_failures('vann', 'vector(40)', sub { check(shift, 'point_at') });

done_testing();
