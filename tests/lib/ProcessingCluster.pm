# A cluster whose processors run, and what the tests of processing do with it: append, wait until nothing is left to
# process, look at a version's table.
package ProcessingCluster;
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

# Options: conf (lines of postgresql.conf), partitions (of the model "m", default 1).
sub new {
	my ($class, $name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init;
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'machinesoup'\nsoup.database = 'soup'\n"
		  . "fsync = on\nrestart_after_crash = on\nmax_connections = 30\nsoup.max_processors = 2\nsoup.poll_ms = 200\n"
		  . ($options{conf} // ''));
	$node->start;
	$node->safe_psql('postgres', 'CREATE DATABASE soup');
	my $self = bless { node => $node }, $class;
	my $partitions = $options{partitions} // 1;
	$self->sql(<<"SQL");
CREATE EXTENSION machinesoup CASCADE;
SELECT soup.add_org('o'), soup.add_principal('o', 'p', 'producer', 'long enough 1'), soup.add_principal('o', 'c', 'consumer', 'long enough 2');
SELECT soup.add_model('o', 'm', $partitions), soup.grant_right('p', 'o', NULL, '*', 'append'),
       soup.grant_right('c', 'o', NULL, '*', 'query'), soup.grant_right('c', 'o', NULL, '*', 'promote');
SQL
	$self->{producer} = $self->sql(q{SELECT token FROM soup_api.login('p', 'long enough 1')});
	$self->{consumer} = $self->sql(q{SELECT token FROM soup_api.login('c', 'long enough 2')});
	return $self;
}

sub node { return $_[0]{node}; }
sub producer { return $_[0]{producer}; }
sub sql { return $_[0]{node}->safe_psql('soup', $_[1]); }

sub add_version {
	my ($self, $label, $manifest) = @_;
	return $self->sql("SELECT soup.add_version('o', 'm', '$label', '$manifest')");
}

sub promote {
	my ($self, $label) = @_;
	return $self->sql("SELECT soup_api.promote('$self->{consumer}', 'm', '$label')");
}

# The name of a version's table.
sub table {
	my ($self, $label) = @_;
	return 'soup_data.' . $self->sql("SELECT storage FROM soup.version WHERE label = '$label'");
}

# The answer once it is the wanted one, or the last answer after so many seconds.
sub poll {
	my ($self, $query, $wanted, $seconds) = @_;
	my $deadline = time() + ($seconds // 120);
	my $answer;
	while (1) {
		$answer = $self->sql($query);
		return $answer if $answer eq $wanted || time() > $deadline;
		sleep 0.05;
	}
}

# True once no lane has anything left to process.
sub is_drained {
	my ($self, $seconds) = @_;
	return $self->poll('SELECT coalesce(sum(lag_records), 0) FROM soup.lag', '0', $seconds) eq '0';
}

# From now on so many at most; without any, what is to do stays.
sub set_processors {
	my ($self, $count) = @_;
	$self->sql("ALTER SYSTEM SET soup.max_processors = $count");
	$self->sql('SELECT pg_reload_conf()');
	$self->poll('SHOW soup.max_processors', $count) eq $count or die 'the setting did not come';
	# Those that live go on otherwise; any killed at work would count as unfinished attempts.
	$self->sql(q{SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE backend_type = 'machinesoup processor'}) if $count == 0;
	return;
}

sub wait_until_up {
	my ($self) = @_;
	my $deadline = time() + 120;
	# With -c, since what goes through a pipe breaks it when psql cannot connect.
	my @psql = ($self->{node}->installed_command('psql'), '-Xqc', 'SELECT 1', '-d', $self->{node}->connstr('soup'));
	my $ignored;
	until (IPC::Run::run(\@psql, '<', '/dev/null', '>', \$ignored, '2>', \$ignored)) {
		die 'the server did not come back' if time() > $deadline;
		sleep 0.05;
	}
}

# kill -9, and wait until the process is no more: a server that starts before then believes in a running one.
sub kill_postmaster {
	my ($self) = @_;
	my $pid = $self->{node}{_pid};
	$self->{node}->kill9;
	my $deadline = time() + 10;
	sleep 0.02 while kill(0, $pid) && time() < $deadline;
	return 1;
}

# After that: the orphans keep the shared memory for a moment, so the first tries may fail.
sub start_again {
	my ($self) = @_;
	my $deadline = time() + 60;
	until ($self->{node}->start(fail_ok => 1)) {
		die 'the server could not be started again' if time() > $deadline;
		$self->{node}{_pid} = undef;
		sleep 0.1;
	}
	$self->wait_until_up;
}

1;
