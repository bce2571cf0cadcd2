# What the sessions do that work on a TreeCluster's table at the same time. Each runs a script of random statements in psql,
# which goes on after an error, until its server or end() ends it. Readers ask one question twice in one snapshot, by the
# index and by the table alone, and complain if the answers differ; so each scan that splits, deletions and rebuilds get in
# the way of is looked at. The answers of one seed's statements differ with the order in which the sessions get their turns.
package TreeLoad;
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Utils;

# Ends a statement's noise: a script has to be long enough for a round.
my $statements = 4000;

sub centre { return 1 + int(rand(50)); }

# (weight, statement) of each kind of session. Rows that equal others pile up in chains and on the regions' borders; a
# whole neighbourhood that goes empties leaves.
my %writes = (
	some     => [ 30, sub { my $c = centre(); "INSERT INTO point (tag, at) SELECT i % 100, near($c + i / 10) FROM generate_series(1, 40) i;" } ],
	one      => [ 20, sub { my $c = centre(); "INSERT INTO point (tag, at) VALUES ($c, near($c));" } ],
	crowd    => [ 2,  sub { my $c = centre(); "INSERT INTO point (tag, at) SELECT i % 100, near($c) FROM generate_series(1, 400) i;" } ],
	repeat   => [ 6,  sub { my $r = int(rand(97)); "INSERT INTO point (tag, at) SELECT tag, at FROM point WHERE id % 97 = $r LIMIT 40;" } ],
	pile     => [ 2,  sub { my $r = int(rand(97)); "INSERT INTO point (tag, at) SELECT i % 100, at FROM (SELECT at FROM point WHERE id % 97 = $r LIMIT 1) p, generate_series(1, 300) i;" } ],
	move     => [ 10, sub { my $r = int(rand(997)); my $c = centre(); "UPDATE point SET at = near($c) WHERE id % 997 = $r;" } ],
	touch    => [ 5,  sub { my $r = int(rand(499)); "UPDATE point SET tag = (tag + 1) % 100 WHERE id % 499 = $r;" } ],
	remove   => [ 15, sub { my $r = int(rand(199)); "DELETE FROM point WHERE id % 199 = $r;" } ],
	clear    => [ 3,  sub { my $c = centre(); "DELETE FROM point WHERE at <-> (SELECT near($c)) < 0.7 * sqrt(vector_dims(at));" } ],
	undo     => [ 4,  sub { my $c = centre(); "BEGIN; INSERT INTO point (tag, at) SELECT i % 100, near($c) FROM generate_series(1, 100) i; ROLLBACK;" } ],
	half     => [ 3,  sub { my $c = centre(); my $r = int(rand(499));
		"BEGIN; UPDATE point SET at = near($c) WHERE id % 499 = $r; SAVEPOINT s; DELETE FROM point WHERE id % 499 = $r; "
		  . "INSERT INTO point (tag, at) SELECT i % 100, near($c) FROM generate_series(1, 50) i; ROLLBACK TO s; COMMIT;" } ],
);
my %vacuums = (
	vacuum  => [ 10, sub { 'VACUUM (INDEX_CLEANUP on) point;' } ],
	shorter => [ 2,  sub { 'VACUUM (INDEX_CLEANUP on, TRUNCATE off, FREEZE) point;' } ],
	rest    => [ 5,  sub { 'SELECT pg_sleep(' . rand(0.2) . ');' } ],
);
my %rebuilds = (
	beside => [ 8, sub { 'REINDEX INDEX CONCURRENTLY point_at;' } ],
	alone  => [ 1, sub { 'REINDEX INDEX point_at;' } ],
	rest   => [ 8, sub { 'SELECT pg_sleep(' . rand(1) . ');' } ],
);
my %reads = (
	same => [ 10, sub { 'SELECT agree(1);' } ],
	slow => [ 3,  sub { 'SELECT slow_scan(' . int(rand(300)) . ', ' . rand(0.3) . ');' } ],
	near => [ 5,  sub { my $c = centre(); "SET enable_seqscan = off; SELECT id FROM point ORDER BY at <-> (SELECT near($c)) LIMIT 20;" } ],
);
# Whoever is at work, the one that chooses excepted.
my %cancels = (
	cancel => [ 1, sub { "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'load%' AND state = 'active' "
		  . "AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1; SELECT pg_sleep(" . rand(0.3) . ');' } ],
);

sub script {
	my ($kinds) = @_;
	my @drawn = map { ($_) x $kinds->{$_}[0] } sort keys %$kinds;
	return join "\n", 'SELECT setseed(' . rand(1) . ');', map { $kinds->{ $drawn[ rand @drawn ] }[1]->() } 1 .. $statements;
}

sub session {
	my ($folder, $node, $name, $kinds) = @_;
	my $file = "$folder/$name";
	PostgreSQL::Test::Utils::append_to_file("$file.sql", script($kinds));
	my $connection = $node->connstr('postgres') . " application_name=load_$name";
	my $run = IPC::Run::start([ 'psql', '-XqAt', '-d', $connection, '-f', "$file.sql" ], '<', \undef, '>', '/dev/null', '2>', "$file.log");
	return { run => $run, log => "$file.log", node => $node };
}

# Options: node; standby, to read there too; writers, rebuild, cancel: how many sessions do so.
sub begin {
	my (%options) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my @sessions = map { session($folder, $options{node}, "write$_", \%writes) } 1 .. $options{writers} // 3;
	push @sessions, session($folder, $options{node}, 'vacuum', \%vacuums), session($folder, $options{node}, 'read', \%reads);
	push @sessions, session($folder, $options{node}, 'rebuild', \%rebuilds) if $options{rebuild};
	push @sessions, session($folder, $options{node}, 'cancel', \%cancels) if $options{cancel};
	push @sessions, session($folder, $options{standby}, 'read_standby', \%reads) if $options{standby};
	return \@sessions;
}

# What a session may meet when others cancel, kill and take over; anything else is a finding.
my $expected = join '|', 'canceling statement due to', 'deadlock detected', 'terminating connection', 'the database system is',
  'server closed the connection', 'connection to server', 'could not receive data from server', 'current transaction is aborted',
  'savepoint "s" does not exist', 'postmaster exited during a parallel transaction';

# Ends the sessions, waits until none of their statements runs any more, and returns what they complained about.
sub end {
	my ($sessions) = @_;
	my %complaints;
	for my $session (@$sessions) {
		$session->{run}->signal('TERM');
		eval { $session->{run}->finish; };
		$complaints{$_} = 1 for map { s/^\S*?([^\/]*):\d+: /$1: /r } grep { /(ERROR|FATAL|PANIC):/ && !/$expected/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($session->{log});
	}
	my %nodes = map { $_->{node}->name => $_->{node} } @$sessions;
	for my $node (values %nodes) {
		# A server that is down has no statements.
		next if system("psql -XAtc 'SELECT 1' -d '" . $node->connstr('postgres') . "' >/dev/null 2>&1") != 0;
		# Again until it was heard: a standby cancels even this statement if what is replayed is in its way.
		$node->poll_query_until('postgres', q{SELECT count(pg_terminate_backend(pid)) = 0 FROM pg_stat_activity WHERE application_name LIKE 'load%'})
		  or die 'a session does not end';
	}
	return sort keys %complaints;
}

1;
