# Goal: a standby has the same pages as its primary through splits, vacuum, page deletion and reuse; a scan there is never
# led to a reused page; and a promoted standby goes on. For both methods.
#
# Method: wal_consistency_checking compares every page that the standby replays with the primary's. For the reuse, rows are
# removed before a query on the standby takes its snapshot, so vacuum conflicts with nothing; the leaves that it frees may
# still be reached by the query, which has to be cancelled when one is reused.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TreeCluster;

TreeCluster::seed();
for my $method (qw(vann vtree)) {
	my $cluster = TreeCluster->new("${method}_primary", index => "$method (at)", dimensions => $method eq 'vann' ? 96 : 16,
		conf => "wal_consistency_checking = 'generic'\nwal_keep_size = 4GB\n");
	my $primary = $cluster->node;
	$primary->backup('base');
	my $standby = PostgreSQL::Test::Cluster->new("${method}_standby");
	$standby->init_from_backup($primary, 'base', has_streaming => 1);
	$standby->append_conf('postgresql.conf', "hot_standby_feedback = off\nmax_standby_streaming_delay = 600s\n");
	$standby->start;

	$cluster->begin_load(writers => 2);
	$cluster->await_rows(6000);
	$cluster->end_load;
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	$cluster->check("$method, standby", node => $standby);

	# Reuse. The index is new, so that it has no older free pages; so few rows stay that most leaves are empty.
	$primary->safe_psql('postgres', 'REINDEX INDEX point_at');
	$primary->safe_psql('postgres', 'DELETE FROM point WHERE id % 500 > 0');
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	my $conflicts = q{SELECT confl_snapshot FROM pg_stat_database_conflicts WHERE datname = 'postgres'};
	$standby->append_conf('postgresql.conf', "max_standby_streaming_delay = 50ms\n");
	$standby->reload;
	my $reader = $standby->background_psql('postgres', on_error_stop => 0);
	$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SET enable_seqscan = off;');
	# No open cursor: its pin on a page of the table would be in vacuum's way.
	$reader->query_safe('SELECT id FROM point ORDER BY at <-> (SELECT near(1)) LIMIT 5;');
	$primary->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP on, TRUNCATE off) point') for 1 .. 2;
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	is($standby->safe_psql('postgres', q{SELECT conflicts FROM pg_stat_database WHERE datname = 'postgres'}),
		0, "$method: freeing pages conflicts with nothing");
	# Pages are reused when leaves split: how many rows that takes depends on the set.
	for my $i (1 .. 40) {
		$primary->safe_psql('postgres', "INSERT INTO point (tag, at) SELECT i % 100, near(i) FROM generate_series(1, 700) i");
		$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
		last if $standby->safe_psql('postgres', $conflicts) > 0;
	}
	is($standby->safe_psql('postgres', $conflicts), 1, "$method: the reuse of a page cancelled the query that could have a link to it");
	eval { $reader->quit; };
	$cluster->check("$method, standby, pages reused", node => $standby);

	$primary->safe_psql('postgres', 'DELETE FROM point WHERE id % 10 > 0');
	$primary->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP on) point') for 1 .. 2;
	$primary->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY point_at');
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	$cluster->check("$method, standby, vacuumed and rebuilt", node => $standby);

	# The primary dies at work; the standby takes over.
	$cluster->begin_load(writers => 2);
	$cluster->await_rows(2000);
	$primary->stop('immediate');
	$cluster->end_load;
	$standby->promote;
	$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'no promotion';
	$cluster->check("$method, promoted", node => $standby);
	$standby->safe_psql('postgres', 'INSERT INTO point (tag, at) SELECT i % 100, near(i) FROM generate_series(1, 2000) i');
	$standby->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP on) point') for 1 .. 2;
	$cluster->check("$method, promoted and written to", node => $standby, unlinked => 1);
	unlike(slurp_file($standby->logfile), qr/inconsistent page/, "$method: no page differed from the primary");
	$standby->stop;
}

done_testing();
