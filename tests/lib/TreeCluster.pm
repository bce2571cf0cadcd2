# A cluster with soupvec and a table of clustered vectors, and what the tests of page-tree indexes do with it: load it
# from several connections at once, kill it, look whether everything is there.
package TreeCluster;
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

# Prints the seed, so that a failure can be repeated with SOUP_SEED.
sub seed {
	my $seed = $ENV{SOUP_SEED} // time() ^ $$;
	$seed = int($seed);
	srand($seed);
	note "seed $seed";
	return $seed;
}

# Options: conf (lines of postgresql.conf), index (USING clause), dimensions (96: enough for leaves with detail pages).
sub new {
	my ($class, $name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(allows_streaming => 1);
	$node->append_conf('postgresql.conf', "restart_after_crash = on\nautovacuum = off\nmax_connections = 30\n"
		  . ($options{conf} // ''));
	$node->start;
	my $self = bless { node => $node, dimensions => $options{dimensions} // 96, using => $options{index} // 'vann (at)' }, $class;
	$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION soupvec;
-- A vector near one of fifty centres.
CREATE FUNCTION near(centre integer) RETURNS vector LANGUAGE sql VOLATILE AS \$\$
    SELECT array_agg((hashint4(i * 7919 + centre % 50 * 100003) & 1023) / 128.0 + random() + random() - 1 ORDER BY i)::vector
    FROM generate_series(1, $self->{dimensions}) i
\$\$;
CREATE TABLE point (id bigserial PRIMARY KEY, tag integer, at vector($self->{dimensions}));
CREATE INDEX point_at ON point USING $self->{using};
SQL
	return $self;
}

sub node { return $_[0]{node}; }

# Writers that insert, remove and replace rows, and one that vacuums, until the server or stop() ends them.
sub begin_load {
	my ($self, %options) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my %script = (
		write => <<'SQL',
\set centre random(1, 50)
\set first random(1, 1000000)
INSERT INTO point (tag, at) SELECT i % 100, near(:centre + i / 10) FROM generate_series(1, 40) i;
UPDATE point SET at = near(:centre) WHERE id % 997 = :first % 997;
DELETE FROM point WHERE id % 991 = :first % 991;
SQL
		vacuum => "VACUUM (INDEX_CLEANUP on) point;\n",
		scan => <<'SQL',
\set centre random(1, 50)
SET enable_seqscan = off;
SELECT id FROM point ORDER BY at <-> (SELECT near(:centre)) LIMIT 20;
SQL
	);
	$self->{load} = [];
	for my $kind (sort keys %script) {
		my $file = "$folder/$kind.sql";
		PostgreSQL::Test::Utils::append_to_file($file, $script{$kind});
		my $clients = $kind eq 'write' ? ($options{writers} // 3) : 1;
		my ($out, $err) = ('', '');
		push @{ $self->{load} },
		  IPC::Run::start([ 'pgbench', '-n', '-T', 600, '-c', $clients, '-f', $file, '--random-seed', int(rand(1 << 30)), $self->{node}->connstr('postgres') ],
			'<', \undef, '>', \$out, '2>', \$err);
	}
	return;
}

sub end_load {
	my ($self) = @_;
	for my $run (@{ $self->{load} // [] }) {
		$run->signal('TERM');
		eval { $run->finish; };
	}
	$self->{load} = [];
	return;
}

# Waits until so many more rows have been inserted than now.
sub await_rows {
	my ($self, $more) = @_;
	my $node = $self->{node};
	my $wanted = $node->safe_psql('postgres', q{SELECT last_value FROM point_id_seq}) + $more;
	my $deadline = time() + 180;
	while ($node->safe_psql('postgres', q{SELECT last_value FROM point_id_seq}) < $wanted) {
		die "the load does not get on" if time() > $deadline;
		sleep 0.02;
	}
	return;
}

# The postmaster is killed with all its children still at work.
sub kill9 {
	my ($self) = @_;
	my $node = $self->{node};
	$node->kill9;
	my $deadline = time() + 60;
	# Children leave when they notice; until then the data directory is theirs.
	while (!$node->start(fail_ok => 1)) {
		die "the server does not start again" if time() > $deadline;
		sleep 0.1;
		# The module takes the dead server's pid file for a running server.
		$node->stop('fast', fail_ok => 1);
	}
	return;
}

# Nothing is wrong with the index, and a scan that goes through all of it finds each row once.
sub check {
	my ($self, $when, %options) = @_;
	my $node = $options{node} // $self->{node};
	my $unlinked = $options{unlinked} ? 'true' : 'false';
	is($node->safe_psql('postgres', "SELECT * FROM soupvec_verify('point_at', $unlinked)"), '', "$when: verify finds nothing");
	my $answer = $node->safe_psql('postgres', <<'SQL');
SET enable_seqscan = off;
SELECT count(*) = (SELECT count(*) FROM point WHERE tag >= 0), count(*) = count(DISTINCT id)
FROM (SELECT id FROM point ORDER BY at <-> (SELECT at FROM point LIMIT 1)) s;
SQL
	is($answer, 't|t', "$when: every row is found once");
	return;
}

1;
