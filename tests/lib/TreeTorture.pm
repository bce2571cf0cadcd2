# Torture of a page-tree index, in rounds: sessions write, vacuum, scan, rebuild and are cancelled, until a backend or the
# postmaster is killed, the server stopped at once, or its standby takes over and gets a standby of its own. A round ends
# with both at rest: nothing may be wrong, on either; and after a vacuum nothing may be left over.
#
# A test runs one round of each kind, or as many as TORTURE_SECONDS let it; SOUP_SEED repeats a run's statements and rounds, and
# TORTURE_KINDS chooses among the kinds.
package TreeTorture;
use strict;
use warnings;
use List::Util qw(shuffle sum);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use TreeCluster;
use TreeLoad;

my @kinds = $ENV{TORTURE_KINDS} ? split(' ', $ENV{TORTURE_KINDS}) : qw(quiet backend postmaster immediate promotion);

# Rows that a round begins with, the same for each, so that an index that needs more and more pages for them has leaked some.
my $rows = 6000;

# Every page that a standby replays is compared with the primary's.
my $conf = <<'CONF';
wal_consistency_checking = 'generic'
wal_keep_size = 4GB
hot_standby_feedback = off
max_standby_streaming_delay = 500ms
shared_buffers = 32MB
CONF

# What the pages of the index are: in use, free to be used again, or neither, which no page may be. The kind of a page is in
# its last bytes: 0 where it was never written, 2 an inner page, 3 a leaf, 6 one that was given back.
my $pages = <<'SQL';
CREATE EXTENSION pageinspect;
CREATE EXTENSION pg_freespacemap;
CREATE VIEW pages AS
SELECT count(*) FILTER (WHERE kind NOT IN (0, 6)) AS in_use, count(*) FILTER (WHERE kind IN (0, 6) AND in_map) AS free,
       count(*) FILTER (WHERE kind IN (0, 6) AND NOT in_map) AS lost,
       count(*) FILTER (WHERE kind = 2) AS inner_pages, count(*) FILTER (WHERE kind = 3) AS leaves
FROM (SELECT get_byte(get_raw_page(name, block::integer), 8184) AS kind, pg_freespace(name::regclass, block) > 0 AS in_map
      FROM (VALUES ('point_at'::text)) i (name), generate_series(0, pg_relation_size(name) / 8192 - 1) block) p
SQL

sub new {
	my ($class, $name, %options) = @_;
	my $cluster = TreeCluster->new($name, %options, conf => $conf);
	my $self = bless { cluster => $cluster, nodes => [ $cluster->node ], after_round => $options{after_round} // sub { }, in_use => [] }, $class;
	$cluster->node->safe_psql('postgres', 'SELECT setseed(' . rand(1) . "); INSERT INTO point (tag, at) SELECT i % 100, near(i) FROM generate_series(1, $rows) i");
	$cluster->node->safe_psql('postgres', $pages);
	push @{ $self->{nodes} }, $cluster->add_standby;
	for my $question (split /\n/, $cluster->node->safe_psql('postgres', q{SELECT translate(of_index, E'\n', ' ') FROM questions(1) WHERE of_index !~ 'vtree_count'})) {
		my $plan = $cluster->node->safe_psql('postgres', "SELECT FROM use_index(true); SET enable_seqscan = off; EXPLAIN (COSTS off) $question");
		like($plan, qr/point_at/, 'the index is what is asked') or diag("$question\n$plan");
	}
	return $self;
}

sub cluster { return $_[0]{cluster}; }

# Any process of the server but the postmaster dies; it starts all anew.
sub kill_backend {
	my ($self) = @_;
	my $node = $self->{cluster}->node;
	my $victim = $node->safe_psql('postgres', q{SELECT pid || ' ' || backend_type FROM pg_stat_activity WHERE application_name LIKE 'load%'
		OR backend_type IN ('checkpointer', 'background writer', 'walwriter', 'walsender') ORDER BY random() LIMIT 1});
	note "killing $victim";
	kill 'KILL', $victim =~ /^(\d+)/ or return;
	# The postmaster notices a moment later.
	sleep 0.2;
	$self->{cluster}->await_recovery;
	return;
}

sub round {
	my ($self, $number, $kind, $rebuild, $compare) = @_;
	my $cluster = $self->{cluster};
	my $name = "round $number, $kind";
	my $began = time();
	# No index build of the server indexes rows that are dead to the primary's sessions; a standby's older snapshot may still
	# see them, and does not find them in the new index. So nobody reads there while indexes are rebuilt.
	$cluster->begin_load(rebuild => $rebuild, cancel => $number % 2, read_standby => !$rebuild);
	$cluster->await_rows(2000 + int(rand(3000)));
	if ($kind eq 'backend') { $self->kill_backend; }
	elsif ($kind eq 'postmaster') { $cluster->kill9; }
	elsif ($kind eq 'immediate') { $cluster->node->stop('immediate'); $cluster->node->start; }
	elsif ($kind eq 'promotion') { $self->{old} = $cluster->take_over; }
	is(join("\n", $cluster->end_load), '', "$name: the sessions have nothing to complain about");
	if (my $old = delete $self->{old}) {
		$old->clean_node;
		push @{ $self->{nodes} }, $cluster->add_standby;
	}
	my $loaded = time();
	$cluster->check($name);
	$self->drop_unfinished($name);
	$cluster->catch_up;
	$cluster->check("$name, standby", node => $cluster->standby);
	$self->level($name);
	$self->{after_round}->($self, $name) if $compare;
	note sprintf '%s: %.1f s of load, %.1f s of checks', $name, $loaded - $began, time() - $loaded;
	return;
}

# What a cancelled REINDEX CONCURRENTLY leaves has to be sound, too, once it has been built.
sub drop_unfinished {
	my ($self, $name) = @_;
	my $node = $self->{cluster}->node;
	for my $left (split /\n/, $node->safe_psql('postgres', q{SELECT indexrelid::regclass, indisready FROM pg_index WHERE indrelid = 'point'::regclass AND NOT indisvalid})) {
		my ($index, $ready) = split /\|/, $left;
		is($node->safe_psql('postgres', "SELECT * FROM soupvec_verify('$index')"), '', "$name: $index is sound") if $ready eq 't';
		$node->safe_psql('postgres', "DROP INDEX $index");
	}
	return;
}

# As many rows as before, and vacuum has found all that was left over.
sub level {
	my ($self, $name) = @_;
	my $cluster = $self->{cluster};
	my $node = $cluster->node;
	$node->safe_psql('postgres', "DELETE FROM point WHERE ctid IN (SELECT ctid FROM point ORDER BY random() OFFSET $rows)");
	$node->safe_psql('postgres', "INSERT INTO point (tag, at) SELECT i % 100, near(i) FROM generate_series(1, $rows - (SELECT count(*)::integer FROM point)) i");
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP on) point') for 1 .. 2;
	$cluster->check("$name, vacuumed", unlinked => 1, questions => 1);
	push @{ $self->{in_use} }, $self->count_pages("$name, vacuumed")->{in_use};
	return;
}

sub count_pages {
	my ($self, $when) = @_;
	my %pages;
	@pages{qw(in_use free lost inner leaves)} = split /\|/, $self->{cluster}->node->safe_psql('postgres', 'SELECT * FROM pages');
	is($pages{lost}, 0, "$when: each page that is not in use can be used again");
	$self->{free} = $pages{free};
	return \%pages;
}

# An inner page keeps its last child. All else has no use where there are no rows.
sub empty {
	my ($self) = @_;
	$self->{cluster}->node->safe_psql('postgres', $_) for 'DELETE FROM point', 'VACUUM (INDEX_CLEANUP on) point';
	my $pages = $self->count_pages('without rows');
	cmp_ok($pages->{leaves}, '<=', $pages->{inner} || 1, 'without rows: no leaf is in use beside another');
	return;
}

# One round of each kind, or so many seconds. In the first half of the time nothing is rebuilt, so that lost pages would add up.
sub run {
	my ($self, $seconds) = @_;
	my $end = time() + $seconds;
	my $half = time() + $seconds / 2;
	my ($number, $grown) = (0, 0);
	my @left;
	while ($number < @kinds || time() < $end) {
		@left = shuffle @kinds if !@left;
		my $rebuild = $seconds ? time() >= $half : $number >= 3;
		if ($rebuild && !$grown++) { $self->check_growth; }
		my $kind = shift @left;
		$self->round(++$number, $kind, $rebuild, $seconds || !@left);
	}
	$self->empty;
	note "pages in use after each round: @{ $self->{in_use} }";
	for my $node (@{ $self->{nodes} }) {
		my $log = slurp_file($node->logfile);
		unlike($log, qr/inconsistent page/, 'no page of ' . $node->name . ' differed from the primary');
		unlike($log, qr/PANIC|terminated by signal (?!9:)|page is damaged/, $node->name . ' did nothing worse than it was made to');
	}
	return;
}

# Pages fill less and less evenly for some time, until as many go empty as others are split. What stays behind would add
# up on and on. So would pages that are given back and yet not used again, round after round.
sub check_growth {
	my ($self) = @_;
	my @in_use = @{ $self->{in_use} };
	my $third = int(@in_use / 3);
	return if $third < 10;
	my ($earlier, $later) = map { sum(@$_) / @$_ } [ @in_use[ $third .. 2 * $third - 1 ] ], [ @in_use[ 2 * $third .. $#in_use ] ];
	cmp_ok($later, '<', 1.2 * $earlier, 'the same rows do not need more and more pages');
	cmp_ok($self->{free}, '<', $later, 'pages that were given back are used again');
	return;
}

1;
