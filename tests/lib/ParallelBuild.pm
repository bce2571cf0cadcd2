# A cluster with soupvec whose log says how many workers built an index, and functions for an index's expression that
# are slow, or raise in a worker only, so that errors come from where they are meant to. The tests have a table
# `point` with columns id and at.
package ParallelBuild;
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# `conf` is lines of postgresql.conf.
sub new {
	my ($class, $name, $conf) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init;
	$node->append_conf('postgresql.conf', <<"CONF");
autovacuum = off
jit = off
log_min_messages = debug1
max_worker_processes = 12
max_parallel_workers_per_gather = 0
min_parallel_table_scan_size = 0
$conf
CONF
	$node->start;
	my $self = bless { node => $node }, $class;
	$self->sql(<<'SQL');
CREATE EXTENSION soupvec;
-- Whether this is a parallel worker.
CREATE FUNCTION is_worker() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT leader_pid IS NOT NULL FROM pg_stat_activity WHERE pid = pg_backend_pid()
$$;
-- Leaves time for a worker to begin before the leader has read the whole table; the log says what a worker reads.
CREATE FUNCTION slow(value vector, id integer) RETURNS vector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    PERFORM pg_sleep(0.0005);
    IF public.is_worker() THEN
        RAISE LOG 'a worker reads row %', id;
    END IF;
    RETURN value;
END $$;
CREATE FUNCTION bad_in_worker(value vector, id integer) RETURNS vector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    PERFORM pg_sleep(0.0005);
    IF public.is_worker() THEN
        RAISE 'row % is bad', id USING ERRCODE = 'SV001';
    END IF;
    RETURN value;
END $$;
CREATE FUNCTION unsafe(value vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE AS 'BEGIN RETURN value; END';
SQL
	return $self;
}

# Defines near(integer): points of so many dimensions, around forty centres.
sub define_near {
	my ($self, $dimensions) = @_;
	$self->sql(<<"SQL");
CREATE FUNCTION near(centre integer) RETURNS vector LANGUAGE sql VOLATILE AS \$\$
    SELECT array_agg((hashint4(i * 7919 + centre % 40 * 100003) & 1023) / 256.0 + random() ORDER BY i)::vector FROM generate_series(1, $dimensions) i
\$\$;
SQL
	return;
}

sub sql {
	my ($self, @statements) = @_;
	return $self->{node}->safe_psql('postgres', join("\n", @statements));
}

# Runs statements and returns how many workers loaded rows, and measured.
sub workers_of {
	my ($self, @statements) = @_;
	my $log_read = -s $self->{node}->logfile;
	$self->sql(@statements);
	my $log = PostgreSQL::Test::Utils::slurp_file($self->{node}->logfile, $log_read);
	my %workers = (loading => 0, measuring => 0);
	$workers{$1} = $2 while $log =~ /(loading|measuring) of index "[^"]*" by (\d+) of \d+ parallel workers/g;
	return "$workers{loading} $workers{measuring}";
}

# How many rows workers read in a build with the expression slow().
sub rows_of_workers {
	my ($self, @statements) = @_;
	my $log_read = -s $self->{node}->logfile;
	$self->sql(@statements);
	my %rows = map { $_ => 1 } PostgreSQL::Test::Utils::slurp_file($self->{node}->logfile, $log_read) =~ /a worker reads row (\d+)/g;
	return scalar keys %rows;
}

# No index, no process, no file is left of a build that failed.
sub check_nothing_left {
	my ($self, $when) = @_;
	$self->{node}->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'parallel worker'})
	  or die 'workers stay';
	is($self->sql(q{SELECT count(*) FROM pg_class WHERE relname = 'point_bad'}), 0, "$when: no index is left");
	is($self->sql(q{SELECT count(*) FROM pg_ls_tmpdir()}), 0, "$when: no temporary file is left");
	# What a transaction that failed had created is removed by the next checkpoint.
	is($self->sql('CHECKPOINT;', q{SELECT file FROM pg_database d, pg_ls_dir('base/' || d.oid) file WHERE datname = current_database()
		AND file ~ '^\d+$' AND pg_filenode_relation(0, file::oid) IS NULL}), '', "$when: no file of a relation is left");
	return;
}

# Builds with two workers that end by an error, a cancel, a worker that is killed. `using` is the access method, `type`
# the column's, `check` looks at an index point_at.
sub test_failures {
	my ($self, $using, $type, $check) = @_;
	my $node = $self->{node};
	my $two = 'SET max_parallel_maintenance_workers = 2;';
	my $create_bad = "CREATE INDEX point_bad ON point USING $using ((bad_in_worker(at, id)::$type))";
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$two $create_bad");
	like($err, qr/ERROR:  SV001: row \d+ is bad/, 'an error in a worker is the error of the statement');
	like($err, qr/CONTEXT:.*parallel worker/s, 'and says where it arose');
	$self->check_nothing_left('error');

	($status, $out, $err) = $node->psql('postgres', <<"SQL");
$two
CREATE FUNCTION build() RETURNS text LANGUAGE plpgsql AS \$\$
BEGIN
    $create_bad;
    RETURN 'built';
EXCEPTION WHEN OTHERS THEN
    RETURN sqlerrm;
END \$\$;
BEGIN;
SELECT build();
CREATE INDEX point_at ON point USING $using (at);
COMMIT;
SQL
	like($out, qr/row \d+ is bad/, 'a subtransaction catches it');
	$self->check_nothing_left('subtransaction');
	$check->('built after an error in the same transaction');
	$self->sql('DROP INDEX point_at');

	for my $end ('pg_cancel_backend(leader_pid)', 'pg_terminate_backend(pid)') {
		my $said = '';
		my $build = IPC::Run::start(['psql', '-XqAt', '-d', $node->connstr('postgres'), '-c', $two, '-c',
			"CREATE INDEX point_bad ON point USING $using ((slow(at, id)::$type))"], '>&', \$said, IPC::Run::timeout(180));
		$node->poll_query_until('postgres', q{SELECT count(*) = 2 FROM pg_stat_activity WHERE leader_pid IS NOT NULL}) or die 'no workers';
		$self->sql("SELECT $end FROM pg_stat_activity WHERE leader_pid IS NOT NULL LIMIT 1");
		$build->finish;
		like($said, qr/ERROR:  canceling statement due to user request|ERROR:  terminating background worker "parallel worker"/, "$end ends the build");
		$self->check_nothing_left($end);
	}
	is($self->workers_of($two, "CREATE INDEX point_at ON point USING $using (at);") =~ s/ .*//r, 2, 'and the next build works');
	$check->('afterwards');
	return;
}

1;
