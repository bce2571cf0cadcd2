# A cluster with soupvec and a table of clustered vectors, and what the tests of page-tree indexes do with it: load it
# from several connections at once, kill it, look whether everything is there.
package TreeCluster;
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Recovery;
use Test::More;
use Time::HiRes qw(sleep time);
use TreeLoad;

# Prints the seed, so that a failure can be repeated with SOUP_SEED.
sub seed {
	my $seed = $ENV{SOUP_SEED} // time() ^ $$;
	$seed = int($seed);
	srand($seed);
	note "seed $seed";
	return $seed;
}

# A scan of all leaves, with and without a filter, has each row once.
my $vann_questions = <<'SQL';
    SELECT question, question FROM (SELECT near(i) AS place, floor(random() * 100) AS tag FROM generate_series(1, rounds) i) r,
        LATERAL (VALUES ('true'), ('tag = ' || tag)) AS filter (condition), LATERAL format('SELECT count(*) || '' '' || count(DISTINCT id)
            || '' '' || coalesce(sum(id), 0) FROM (SELECT id FROM point WHERE %s ORDER BY at <-> %L) s', condition, place) question
SQL
my $vann_scans = q{format('SELECT id FROM point ORDER BY at <-> %L', near(1))};

# Options: conf (lines of postgresql.conf), index (USING clause), dimensions (96: enough for leaves with detail pages),
# questions and scans (SQL, as those of vann below). The table has no other index, so a plan without a sequential scan
# takes this one.
sub new {
	my ($class, $name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(allows_streaming => 1);
	$node->append_conf('postgresql.conf', "restart_after_crash = on\nautovacuum = off\nmax_connections = 30\n" . ($options{conf} // ''));
	$node->start;
	my $self = bless { name => $name, node => $node, standbys => 0, dimensions => $options{dimensions} // 96, using => $options{index} // 'vann (at)' }, $class;
	my $questions = $options{questions} // $vann_questions;
	my $scans = $options{scans} // $vann_scans;
	$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION soupvec;
-- A vector near one of fifty centres.
CREATE FUNCTION near(centre integer) RETURNS vector LANGUAGE sql VOLATILE AS \$\$
    SELECT array_agg((hashint4(i * 7919 + centre % 50 * 100003) & 1023) / 128.0 + random() + random() - 1 ORDER BY i)::vector
    FROM generate_series(1, $self->{dimensions}) i
\$\$;
CREATE TABLE point (id bigserial, tag integer, at vector($self->{dimensions}));
CREATE INDEX point_at ON point USING $self->{using};

-- What is asked of the index, and the same of the table.
CREATE FUNCTION questions(rounds integer) RETURNS TABLE (of_index text, of_table text) LANGUAGE sql VOLATILE AS \$\$$questions\$\$;
CREATE FUNCTION use_index(yes boolean) RETURNS void LANGUAGE sql VOLATILE AS \$\$
    SELECT set_config('enable_' || kind, (yes = (kind <> 'seqscan'))::text, true)
    FROM unnest('{seqscan,indexscan,indexonlyscan,bitmapscan}'::text[]) kind
\$\$;
-- Stable, so that both are answered by the statement's own snapshot.
CREATE FUNCTION agree(rounds integer) RETURNS bigint LANGUAGE plpgsql STABLE AS \$\$
DECLARE
    question record;
    by_index text;
    by_table text;
    again text;
    asked bigint := 0;
BEGIN
    FOR question IN SELECT * FROM questions(rounds) LOOP
        PERFORM use_index(true);
        EXECUTE question.of_index INTO by_index;
        PERFORM use_index(false);
        EXECUTE question.of_table INTO by_table;
        IF by_index IS DISTINCT FROM by_table THEN
            -- Whether a second look, at pages that others have changed since, sees it, too.
            PERFORM use_index(true);
            EXECUTE question.of_index INTO again;
            RAISE 'the index disagrees: %: % instead of %, then %', question.of_index, left(by_index, 500), left(by_table, 500), left(again, 500);
        END IF;
        asked := asked + 1;
    END LOOP;
    RETURN asked;
END \$\$;
-- Goes through the whole index, and pauses on the way.
CREATE FUNCTION slow_scan(pause_at integer, seconds float8) RETURNS bigint LANGUAGE plpgsql STABLE AS \$\$
DECLARE
    scans text[] := ARRAY[$scans];
    scan text := scans[1 + floor(random() * cardinality(scans))];
    row_id bigint;
    rows_all bigint;
    ids_all numeric;
    seen bigint := 0;
    ids numeric := 0;
BEGIN
    PERFORM use_index(false);
    SELECT count(*), coalesce(sum(id), 0) INTO rows_all, ids_all FROM point;
    PERFORM use_index(true), set_config('enable_bitmapscan', 'off', true);
    FOR row_id IN EXECUTE scan LOOP
        seen := seen + 1;
        ids := ids + row_id;
        IF seen = pause_at THEN
            PERFORM pg_sleep(seconds);
        END IF;
    END LOOP;
    IF (seen, ids) <> (rows_all, ids_all) THEN
        RAISE 'the scan disagrees: %: % rows, % in sum, instead of % and %', scan, seen, ids, rows_all, ids_all;
    END IF;
    RETURN seen;
END \$\$;
SQL
	return $self;
}

sub node { return $_[0]{node}; }
sub standby { return $_[0]{standby}; }

# A standby of the primary that there is now; returns when it follows.
sub add_standby {
	my ($self, $conf) = @_;
	my $number = ++$self->{standbys};
	$self->{node}->backup("base$number");
	my $standby = PostgreSQL::Test::Cluster->new("$self->{name}_standby$number");
	$standby->init_from_backup($self->{node}, "base$number", has_streaming => 1);
	$standby->append_conf('postgresql.conf', $conf // '');
	$standby->start;
	$self->{standby} = $standby;
	return $standby;
}

sub catch_up {
	my ($self) = @_;
	$self->{node}->wait_for_catchup($self->{standby}, 'replay', $self->{node}->lsn('insert'));
	return;
}

# The primary dies at work and the standby takes over.
sub take_over {
	my ($self) = @_;
	$self->{node}->stop('immediate');
	my $standby = delete $self->{standby};
	$standby->promote;
	$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'no promotion';
	my $old = $self->{node};
	$self->{node} = $standby;
	return $old;
}

# Sessions that write, vacuum and scan until the server or end_load ends them; options as TreeLoad::begin's.
sub begin_load {
	my ($self, %options) = @_;
	$self->{load} = TreeLoad::begin(%options, node => $self->{node}, standby => $options{read_standby} ? $self->{standby} : undef);
	return;
}

# Returns what the sessions complained about.
sub end_load {
	my ($self) = @_;
	my $load = delete $self->{load} or return ();
	return TreeLoad::end($load);
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

# Returns when the server takes connections again, after a crash that it recovers from by itself.
sub await_recovery {
	my ($self) = @_;
	Recovery::await_recovery($self->{node}) or die 'the server does not come back';
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

# Nothing is wrong with the index, and it answers as the table does.
sub check {
	my ($self, $when, %options) = @_;
	my $node = $options{node} // $self->{node};
	my $unlinked = $options{unlinked} ? 'true' : 'false';
	is($node->safe_psql('postgres', "SELECT * FROM soupvec_verify('point_at', $unlinked)"), '', "$when: verify finds nothing");
	my ($status, $out, $err) = $node->psql('postgres', 'SELECT agree(' . ($options{questions} // 3) . ') + slow_scan(0, 0) > 0');
	is("$out$err", 't', "$when: the index answers as the table does");
	return;
}

# The file of an index, for what looks at its pages or damages them; the server must have written them.
sub file_of {
	my ($self, $index) = @_;
	return $self->{node}->data_dir . '/' . $self->{node}->safe_psql('postgres', "SELECT pg_relation_filepath('$index')");
}

1;
