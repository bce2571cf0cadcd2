# Goal: whatever is killed while records come in and are processed, in the end each version's table is what an
# undisturbed run makes of the same log: every record processed once, nothing set aside, every cursor at its head.
#
# Method: clients append through psql to a model of two partitions, each append with an idempotency key, in order and
# repeated until acknowledged. At random moments a worker, a backend or the postmaster gets SIGKILL, a worker is
# terminated, or the server is restarted with "immediate". Two versions process meanwhile: "windows", the default, which
# learns and carries windows over from slice to slice, and "latest", by label, whose points are replaced by later
# records. Then a twin of "windows" is promoted: with nothing killed it processes the log from offset 0, and the two
# tables must hold the same rows. "latest" is compared with what the clients sent.
use strict;
use warnings;
use IPC::Run ();
use Test::More;
use Time::HiRes qw(sleep time);
use PostgreSQL::Test::Utils;
use ProcessingCluster;

my $kills = $ENV{SOUP_KILLS} // 50;
my $seed  = $ENV{SOUP_SEED} // int(time()) ^ $$;
srand($seed);
note "seed $seed";

my $soup = ProcessingCluster->new('processing_kill', partitions => 2);
my $node = $soup->node;
my $token = $soup->producer;
my $windows = '{"runtime": "builtin", "entry": "window_convolution", "input": {"content_type": "application/json", "channels": ["v"]}, '
  . '"parameters": {"window": 32, "stride": 4, "features": 84, "fit": {"first_windows": 60}}, '
  . '"output": {"vector": 8, "attributes": {"score": "real"}}}';
my $latest = '{"runtime": "builtin", "entry": "passthrough", "input": {"content_type": "application/json", "key_field": "id"}, '
  . '"output": {"vector": 2}}';
$soup->add_version('windows', $windows);
$soup->add_version('latest', $latest);
$soup->promote('windows');

# One append in four is labelled and replaces the point of its key; the others are a few samples of a wave each.
my $clients = 3;
my $keys    = 7;
sub statement {
	my ($c, $n) = @_;
	my $key = "idempotency_key => '$c-$n', stream => 's$c', content_type => 'application/json'";
	if ($n % 4 == 0) {
		my $id = $n / 4 % $keys;
		return qq{SELECT $n FROM soup_api.append(:'token', 'm', ARRAY['{"id":"$c/$id","vector":[$c,$n]}']::bytea[], label => 'latest', $key);\n};
	}
	my $records = join ',', map {
		my $i = $n * 20 + $_;
		sprintf q{'{"v":%.6f}'}, sin($i / (5 + $c)) + 0.3 * sin($i * $i / 97)
	} 0 .. 19;
	return "SELECT $n FROM soup_api.append(:'token', 'm', ARRAY[$records]::bytea[], $key);\n";
}

my @last   = (0) x $clients;
my $folder = PostgreSQL::Test::Utils::tempdir();
sub start_client {
	my ($c) = @_;
	# A file, since a pipe would break here when psql ends early.
	my $script = "$folder/client_$c.sql";
	open my $file, '>', $script or die "$script: $!";
	print $file map { statement($c, $_) } $last[$c] + 1 .. $last[$c] + 200;
	close $file or die "$script: $!";
	my ($out, $err) = ('', '');
	my $handle = IPC::Run::start(
		[ $node->installed_command('psql'), '-XqAt', '-v', 'ON_ERROR_STOP=1', '-v', "token=$token", '-d', $node->connstr('soup'), '-f', $script ],
		'<', '/dev/null', '>', \$out, '2>', \$err);
	return { handle => $handle, out => \$out, err => \$err, client => $c };
}

sub finish_client {
	my ($client) = @_;
	IPC::Run::finish($client->{handle});
	my @answers = ${ $client->{out} } =~ /^(\d+)$/mg;
	$last[ $client->{client} ] = $answers[-1] if @answers;
	return ${ $client->{err} };
}

# Children of the postmaster whose title matches.
sub pids {
	my ($title) = @_;
	return grep { defined } map { /^\s*(\d+)\s+postgres: .*$title/ ? $1 : undef } split /\n/, `ps -o pid=,args= --ppid $node->{_pid}`;
}

my %kill = (
	worker     => sub { my @p = pids('machinesoup processor') or return 0; return kill 'KILL', $p[ int rand @p ]; },
	backend    => sub { my @p = pids('soup \[local\]') or return 0; return kill 'KILL', $p[ int rand @p ]; },
	launcher   => sub { my @p = pids('machinesoup launcher') or return 0; return kill 'KILL', $p[0]; },
	terminated => sub { my @p = pids('machinesoup processor') or return 0; return kill 'TERM', $p[ int rand @p ]; },
	postmaster => sub { return $soup->kill_postmaster; },
	immediate  => sub { $node->stop('immediate'); return 1; });
# Workers most, since they are what this test is about.
my @choice = ('worker') x 8, my @rest = (('backend') x 3, ('launcher') x 1, ('terminated') x 3, ('postmaster') x 4, ('immediate') x 1);
push @choice, @rest;

my %done = map { $_ => 0 } keys %kill;
my $killed = 0;
while ($killed < $kills) {
	my @running = map { start_client($_) } 0 .. $clients - 1;
	sleep(0.05 + rand(0.4));
	my $what = $choice[ int rand @choice ];
	if ($kill{$what}->()) { ++$done{$what}; ++$killed; }
	finish_client($_) for @running;
	defined $node->{_pid} ? $soup->wait_until_up : $soup->start_again;
}
note join ', ', map { "$_ $done{$_}" } sort keys %done;
note "acknowledged appends: @last";
for my $c (0 .. $clients - 1) {
	is(finish_client(start_client($c)), '', "client $c finishes in peace");
}

ok($soup->is_drained(300), 'everything is processed') or diag $soup->sql('SELECT * FROM soup.lag; SELECT * FROM soup.cursor');
is($soup->sql('SELECT count(*) FROM soup.quarantine'), '0', 'nothing was set aside');
is($soup->sql('SELECT count(*) FROM soup.failure'), '0', 'no attempt failed by itself');
is($soup->sql('SELECT count(*) FROM soup.cursor WHERE attempts > 0 OR failures > 0'), '0', 'no attempt is left open');
is($soup->sql('SELECT count(*) FROM soup.artefact'), '1', 'one version has learned, once');
is($soup->sql(q{SELECT count(*) FROM soup.cursor c JOIN soup.partition p USING (org, model, partition)
	WHERE c.lane = 'default' AND c.next_offset <> p.next_offset}), '0', 'the cursors stand at their heads');

# The undisturbed run.
$soup->add_version('twin', $windows);
$soup->promote('twin');
ok($soup->is_drained(300), 'the twin has processed the whole log');
my ($disturbed, $undisturbed) = map { $soup->table($_) } 'windows', 'twin';
my $rows = $soup->sql("SELECT count(*) FROM $disturbed");
cmp_ok($rows, '>', 100, "$rows windows were made");
is($soup->sql("SELECT count(*) FROM (TABLE $disturbed EXCEPT TABLE $undisturbed) x"), '0', 'no row of the disturbed run is another');
is($soup->sql("SELECT count(*) FROM (TABLE $undisturbed EXCEPT TABLE $disturbed) x"), '0', 'no row of the undisturbed run is missing');
is($soup->sql(q{SELECT count(DISTINCT digest), count(*) FROM soup.artefact}), '1|2', 'both learned the same');

# Per stream one window each stride from the 32nd record on: counted from the log, not from the table.
is($soup->sql("SELECT count(*) FROM $disturbed"), $soup->sql(q{
	SELECT sum((records - 32) / 4 + 1) FROM (SELECT sum(record_count) AS records FROM soup.raw_batch WHERE explicit_version IS NULL GROUP BY stream) s}),
	'as many windows as the records make');

my $table = $soup->table('latest');
my @wanted;
for my $c (0 .. $clients - 1) {
	my %of_key = map { $_ / 4 % $keys => $_ } grep { $_ % 4 == 0 } 1 .. $last[$c];
	push @wanted, map { "$c/$_|[$c,$of_key{$_}]" } keys %of_key;
}
is($soup->sql("SELECT key, vector FROM $table ORDER BY key"), join("\n", sort @wanted), 'each key holds its last record');

cmp_ok($done{worker} + $done{terminated}, '>', 0, 'workers were killed');
$node->stop;
done_testing();
