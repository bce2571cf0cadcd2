# Goal: CREATE INDEX and REINDEX by several processes make the index that one process makes: the same rows, nothing for
# verify to find, the recall that was asked for; and where workers fail or are not to be had, nothing is left over.
#
# Method: the server's log says how many workers there were. The truth is a sequential scan's. Functions in the index's
# expression raise in a worker only, so that errors come from where they are meant to.
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = 12_000;
my $node = PostgreSQL::Test::Cluster->new('vann_parallel');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
autovacuum = off
jit = off
log_min_messages = debug1
max_worker_processes = 12
max_parallel_workers_per_gather = 0
min_parallel_table_scan_size = 0
maintenance_work_mem = 128MB
CONF
$node->start;

sub sql { return $node->safe_psql('postgres', join("\n", @_)); }

sql(<<"SQL");
CREATE EXTENSION soupvec;
CREATE FUNCTION near(centre integer) RETURNS vector LANGUAGE sql VOLATILE AS \$\$
    SELECT array_agg((hashint4(i * 7919 + centre % 40 * 100003) & 1023) / 256.0 + random() ORDER BY i)::vector FROM generate_series(1, 40) i
\$\$;
SELECT setseed(0.5);
CREATE TABLE point (id integer, tag integer, at vector(40)) WITH (parallel_workers = 2);
INSERT INTO point SELECT i, i % 100, CASE WHEN i % 1000 > 0 THEN near(i) END FROM generate_series(1, $rows) i;
INSERT INTO point SELECT i, i % 100, (SELECT at FROM point WHERE id = 1) FROM generate_series($rows + 1, $rows + 2000) i;
DELETE FROM point WHERE id % 10 = 3;
-- Near the centres that kept their rows.
CREATE TABLE query AS SELECT i AS id, near(i) AS at FROM generate_series(1, 500) i WHERE i % 10 <> 3;
ANALYZE point;

-- Whether this is a parallel worker.
CREATE FUNCTION is_worker() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS \$\$
    SELECT leader_pid IS NOT NULL FROM pg_stat_activity WHERE pid = pg_backend_pid()
\$\$;
-- Leaves time for a worker to begin before the leader has read the whole table.
CREATE FUNCTION slow(value vector, id integer) RETURNS vector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS \$\$
BEGIN
    PERFORM pg_sleep(0.0005);
    RETURN value;
END \$\$;
CREATE FUNCTION bad_in_worker(value vector, id integer) RETURNS vector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS \$\$
BEGIN
    PERFORM pg_sleep(0.0005);
    IF public.is_worker() THEN
        RAISE 'row % is bad', id;
    END IF;
    RETURN value;
END \$\$;
CREATE FUNCTION unsafe(value vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE AS 'BEGIN RETURN value; END';
SQL

my $log_read = 0;

# Runs statements and returns how many workers loaded rows, and measured.
sub workers_of {
	my (@statements) = @_;
	$log_read = -s $node->logfile;
	sql(@statements);
	my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile, $log_read);
	my %workers = (loading => 0, measuring => 0);
	$workers{$1} = $2 while $log =~ /(loading|measuring) of index "[^"]*" by (\d+) of \d+ parallel workers/g;
	return "$workers{loading} $workers{measuring}";
}

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

# No index, no process, no file is left of a build that failed.
sub check_nothing_left {
	my ($when) = @_;
	$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'parallel worker'})
	  or die 'workers stay';
	is(sql(q{SELECT count(*) FROM pg_class WHERE relname = 'point_bad'}), 0, "$when: no index is left");
	is(sql(q{SELECT count(*) FROM pg_ls_tmpdir()}), 0, "$when: no temporary file is left");
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
my ($status, $out, $err) = $node->psql('postgres', "$two CREATE INDEX point_bad ON point USING vann ((bad_in_worker(at, id)::vector(40)))");
like($err, qr/ERROR:  row \d+ is bad/, 'an error in a worker is the error of the statement');
like($err, qr/CONTEXT:.*parallel worker/s, 'and says where it arose');
check_nothing_left('error');

($status, $out, $err) = $node->psql('postgres', <<"SQL");
$two
CREATE FUNCTION build() RETURNS text LANGUAGE plpgsql AS \$\$
BEGIN
    CREATE INDEX point_bad ON point USING vann ((bad_in_worker(at, id)::vector(40)));
    RETURN 'built';
EXCEPTION WHEN OTHERS THEN
    RETURN sqlerrm;
END \$\$;
BEGIN;
SELECT build();
CREATE INDEX point_at ON point USING vann (at);
COMMIT;
SQL
like($out, qr/row \d+ is bad/, 'a subtransaction catches it');
check_nothing_left('subtransaction');
check('built after an error in the same transaction', 'point_at');
sql('DROP INDEX point_at');

for my $end ('pg_cancel_backend(leader_pid)', 'pg_terminate_backend(pid)') {
	my $said = '';
	my $build = IPC::Run::start(['psql', '-XqAt', '-d', $node->connstr('postgres'), '-c', $two, '-c',
		'CREATE INDEX point_bad ON point USING vann ((slow(at, id)::vector(40)))'], '>&', \$said, IPC::Run::timeout(180));
	$node->poll_query_until('postgres', q{SELECT count(*) = 2 FROM pg_stat_activity WHERE leader_pid IS NOT NULL}) or die 'no workers';
	sql("SELECT $end FROM pg_stat_activity WHERE leader_pid IS NOT NULL LIMIT 1");
	$build->finish;
	like($said, qr/ERROR:  canceling statement due to user request|ERROR:  terminating background worker "parallel worker"/, "$end ends the build");
	check_nothing_left($end);
}

is(workers_of($two, "$create (at);"), '2 2', 'and the next build works');
check('afterwards', 'point_at');

$node->stop;
done_testing();
