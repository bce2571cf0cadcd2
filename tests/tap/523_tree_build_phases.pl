# Goal: pg_stat_progress_create_index names what a build is at, and a cancel in whatever phase ends the build with 57014 and
# leaves nothing: no index, no file, no worker. For both methods, alone and with workers.
#
# Method: a watcher looks at the view without a pause and cancels the build when it is in the phase that is wanted. A phase
# may go by between two looks; then the next build is watched.
use strict;
use warnings;
use IPC::Run ();
use ParallelBuild;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = ParallelBuild->new('build_phases', 'maintenance_work_mem = 128MB');
my $node = $cluster->{node};

$cluster->sql(<<'SQL');
CREATE TABLE point (id integer, at vector(64), flat vector(8)) WITH (parallel_workers = 2);
SELECT setseed(0.5);
INSERT INTO point SELECT i, at, subvector(at, 1, 8)
FROM (SELECT i, array_agg(random() + i % 20)::vector AS at FROM generate_series(1, 12000) i, generate_series(1, 64) GROUP BY i) s;
ANALYZE point;
-- True if the build was cancelled in this phase, false if it ended without having been seen in it.
CREATE FUNCTION cancel_in(wanted text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    build record;
    was_there boolean := false;
BEGIN
    LOOP
        PERFORM pg_stat_clear_snapshot();
        SELECT pid, phase INTO build FROM pg_stat_progress_create_index WHERE datname = current_database();
        IF FOUND AND build.phase = 'building index: ' || wanted THEN
            RETURN pg_cancel_backend(build.pid);
        ELSIF NOT FOUND AND was_there THEN
            RETURN false;
        END IF;
        was_there := FOUND;
    END LOOP;
END $$;
SQL

# What the build says that was seen in the phase.
sub cancel_in {
	my ($phase, $create) = @_;
	for (1 .. 30) {
		my ($is_cancelled, $said) = ('', '');
		my $watcher = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), '-c', "SELECT cancel_in('$phase')" ],
			'>', \$is_cancelled, IPC::Run::timeout(180));
		$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'SELECT cancel_in(%' AND state = 'active'})
		  or die 'no watcher';
		IPC::Run::run([ 'psql', '-XqAt', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres'), '-c', $create ], '>&', \$said, IPC::Run::timeout(180));
		$watcher->finish;
		return $said if $is_cancelled =~ /^t/ && $said ne '';
		# Not seen, or cancelled when all was done.
		$cluster->sql('DROP INDEX IF EXISTS point_bad');
	}
	return 'never seen';
}

my @all = ('sampling rows', 'learning from the sample', 'loading rows', 'writing pages');
for ([ 'vann (at)', '128MB', 0, @all, 'measuring recall' ], [ 'vann (at)', '128MB', 2, @all, 'measuring recall' ],
	[ 'vtree (flat)', '128MB', 0, @all[ 2, 3 ] ], [ 'vtree (flat)', '1MB', 2, @all[ 0, 2, 3 ] ]) {
	my ($using, $memory, $workers, @phases) = @$_;
	for my $phase (@phases) {
		my $what = "$using, $workers workers, $phase";
		like(cancel_in($phase, "SET maintenance_work_mem = '$memory'; SET max_parallel_maintenance_workers = $workers; CREATE INDEX point_bad ON point USING $using"),
			qr/ERROR:  57014: canceling statement due to user request/, "$what: a cancel ends the build");
		$cluster->check_nothing_left($what);
	}
	$cluster->sql("CREATE INDEX point_at ON point USING $using");
	is($cluster->sql(q{SELECT * FROM soupvec_verify('point_at', true)}), '', "$using: and the next one works");
	$cluster->sql('DROP INDEX point_at');
}

done_testing();
