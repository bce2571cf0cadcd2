# Goal: another number of partitions keeps each stream's order, whoever appends or processes meanwhile and whoever comes
# later; no record is lost or processed twice; addresses keep their meaning.
#
# Method: clients append numbered records to a dozen streams without a pause, repeating what is refused as BUSY, while
# the model goes from 2 to 5 to 3 partitions. A point holds its record's stream and number, and the server keeps commit
# times, so the order of processing of a stream can be read off: the times must not fall with the numbers. One version
# keeps up; of two others one lane of the first epoch is held up by a pause on its cursor, so that all later partitions
# could overtake it if they did not wait.
use strict;
use warnings;
use IPC::Run ();
use Test::More;
use PostgreSQL::Test::Utils;
use ProcessingCluster;

my $soup = ProcessingCluster->new('processing_epochs', partitions => 2,
	conf => "track_commit_timestamp = on\nsoup.max_processors = 4\nmax_worker_processes = 16\n");
my $node = $soup->node;
my $token = $soup->producer;
my $passthrough = '{"runtime": "builtin", "entry": "passthrough", "input": {"content_type": "application/json"}, "output": {"vector": 2}}';
$soup->add_version($_, $passthrough) for 'live', 'own';
$soup->promote('live');

# Every fifth record of a stream goes to the version "own" by its label, the others to the default.
$soup->sql(<<'SQL');
CREATE TABLE sent (stream integer, n integer, is_own boolean, partition integer, first_offset bigint);
CREATE TABLE client (client integer, rounds integer DEFAULT 0, busy integer DEFAULT 0);
CREATE TABLE stop ();
SQL

# A psql script: a client's records, each repeated once if it meets a change, until told to stop. A token is bound
# by statements of the client itself only, so this is no procedure.
my $folder = PostgreSQL::Test::Utils::tempdir();
sub write_script {
	my ($client) = @_;
	my $script = "INSERT INTO client VALUES ($client);\n";
	for my $round (1 .. 4000) {
		my $label = $round % 5 == 0 ? q{'own'} : 'NULL';
		my $is_own = $round % 5 == 0 ? 'true' : 'false';
		for my $stream ($client * 3 .. $client * 3 + 2) {
			my $append = qq{SELECT partition, first_offset FROM soup_api.append(:'token', 'm', ARRAY['{"vector":[$stream,$round]}']::bytea[], }
			  . qq{label => $label, stream => 's$stream', content_type => 'application/json') \\gset\n};
			$script .= $append . "\\set state :SQLSTATE\n\\set failed :ERROR\n"
			  . "\\if :failed\nSELECT :'state' = '53300' AS is_busy \\gset\n\\if :is_busy\nUPDATE client SET busy = busy + 1 WHERE client = $client;\n$append\\set failed :ERROR\n\\endif\n\\endif\n"
			  . "\\if :failed\nDO 'BEGIN RAISE NOTICE ''gave up''; END';\n\\quit\n\\endif\n"
			  . "INSERT INTO sent VALUES ($stream, $round, $is_own, :partition, :first_offset);\n";
		}
		$script .= "UPDATE client SET rounds = $round WHERE client = $client;\nSELECT EXISTS (SELECT FROM stop) AS stop \\gset\n\\if :stop\nSELECT 'done';\n\\quit\n\\endif\n";
	}
	PostgreSQL::Test::Utils::append_to_file("$folder/$client.sql", $script);
	return "$folder/$client.sql";
}

sub start_clients {
	return map {
		my $out = '';
		{ out => \$out, handle => IPC::Run::start([ $node->installed_command('psql'), '-XqAt', '-v', "token=$token",
			'-d', $node->connstr('soup'), '-f', write_script($_) ], '<', '/dev/null', '>', \$out) }
	} 0 .. 3;
}

sub stop_clients {
	$soup->sql('INSERT INTO stop DEFAULT VALUES');
	for my $client (@_) {
		IPC::Run::finish($client->{handle});
		is(${ $client->{out} }, "done\n", 'a client has met nothing but BUSY, once at a time');
	}
}

# Until each client has sent so many rounds more.
sub wait_for_rounds {
	my ($more) = @_;
	my $from = $soup->sql('SELECT coalesce(min(rounds), 0) FROM client');
	return $soup->poll("SELECT count(*) = 4 AND min(rounds) >= $from + $more FROM client", 't');
}

# Holds up one lane of a version: its cursor pauses.
sub hold {
	my ($label, $partition, $lane) = @_;
	$soup->sql("INSERT INTO soup.cursor (org, model, version, partition, lane, retry_at)
		SELECT org, model, version, $partition, '$lane', 'infinity' FROM soup.version WHERE label = '$label'");
}

sub let_go {
	$soup->sql(q{UPDATE soup.cursor SET retry_at = '-infinity' WHERE retry_at = 'infinity'});
}

# Every record of the lane once, each stream's in order.
sub is_in_order {
	my ($label, $where, $what) = @_;
	my $table = $soup->table($label);
	my $processed = "(SELECT (vector::real[])[1]::integer AS stream, (vector::real[])[2]::integer AS n, source_partition, source_offset,
		pg_xact_commit_timestamp(xmin) AS processed_at FROM $table) p";
	is($soup->sql("SELECT count(*), count(DISTINCT (stream, n)) FROM $processed"), $soup->sql("SELECT count(*), count(*) FROM sent WHERE $where"),
		"$what: as many points as records, no record twice");
	is($soup->sql("SELECT count(*) FROM sent s WHERE $where AND NOT EXISTS (SELECT FROM $processed
			WHERE p.stream = s.stream AND p.n = s.n AND p.source_partition = s.partition AND p.source_offset = s.first_offset)"),
		'0', "$what: none lost, each at the address that append gave");
	is($soup->sql("SELECT count(*) FROM (SELECT processed_at < lag(processed_at) OVER (PARTITION BY stream ORDER BY n) AS falls FROM $processed) x WHERE falls"),
		'0', "$what: each stream in the order in which it was appended");
}

sub lag_of {
	my ($label, $condition) = @_;
	return "SELECT coalesce(sum(lag_records), 0) FROM soup.lag JOIN soup.version v USING (org, model, version) JOIN soup.partition p USING (org, model, partition)
		WHERE v.label = '$label' AND $condition";
}

hold('own', 0, 'label');
my @clients = start_clients();
is(wait_for_rounds(40), 't', 'clients append to 2 partitions');
is($soup->sql(q{SELECT soup.set_partitions('o', 'm', 5)}), '1', '5 partitions, epoch 1');
is(wait_for_rounds(40), 't', 'clients go on with 5 partitions');
is($soup->sql(q{SELECT soup.set_partitions('o', 'm', 3)}), '2', '3 partitions, epoch 2');
is(wait_for_rounds(40), 't', 'clients go on with 3 partitions');
stop_clients(@clients);
note 'BUSY: ' . $soup->sql('SELECT sum(busy) FROM client');

is($soup->sql('SELECT epoch, min(partition), max(partition), bool_and(sealed), bool_and(next_offset > 0) FROM soup.partition GROUP BY 1 ORDER BY 1'),
	"0|0|1|t|t\n1|2|6|t|t\n2|7|9|f|t", 'each epoch has partitions of its own, and records in them');
is($soup->sql(q{SELECT count(*) FROM soup.verify_raw('o', 'm')}), '0', 'the raw log is sound');
is($soup->sql('SELECT count(*) FROM (SELECT p.epoch < lag(p.epoch) OVER (PARTITION BY s.stream ORDER BY s.n) AS falls FROM sent s JOIN soup.partition p USING (partition)) x WHERE falls'),
	'0', 'each stream has gone through the epochs in order');
is($soup->sql('SELECT count(*) FROM (SELECT min(b.received_at) < lag(max(b.received_at)) OVER (ORDER BY p.epoch) AS falls
		FROM soup.raw_batch b JOIN soup.partition p USING (org, model, partition) GROUP BY p.epoch) x WHERE falls'),
	'0', 'and so have the times of receipt');

is($soup->poll(lag_of('live', 'true'), '0'), '0', 'the default version has processed all epochs');
is_in_order('live', 'NOT is_own', 'the version that kept up');
is($soup->poll(lag_of('own', 'partition = 1'), '0'), '0', 'the other has processed one partition of the first epoch');
is($soup->sql('SELECT count(*) FROM ' . $soup->table('own') . ' WHERE source_partition > 1'), '0', 'and none of the later epochs, since a lane is held up');
is($soup->sql(q{SELECT count(*) FROM soup.work_in_turn}), '0', 'so there is no work');
cmp_ok($soup->sql(q{SELECT count(*) FROM soup.work}), '>', 3, 'though lanes wait');
is($soup->sql(q{SELECT count(*) FROM soup.doctor() WHERE severity = 'info' AND problem LIKE 'lane label has % records of partitions before epoch 2 to process first%'}),
	'1', 'the doctor says for what');
let_go();
ok($soup->is_drained, 'let go, it processes the rest');
is_in_order('own', 'is_own', 'the version that was held up');

# A version that comes later, and one that comes back.
$soup->add_version('late', $passthrough);
hold('late', 1, 'default');
$soup->promote('late');
is($soup->poll(lag_of('late', 'partition = 0'), '0'), '0', 'a later version has processed one partition of the first epoch');
is($soup->sql('SELECT count(*) FROM ' . $soup->table('late') . ' WHERE source_partition > 1'), '0', 'and waits for the other one');
$soup->sql(q{SELECT soup.set_partitions('o', 'm', 4)});
let_go();
ok($soup->is_drained, 'let go, it processes all');
is_in_order('late', 'NOT is_own', 'the later version');
$soup->promote('live');
ok($soup->is_drained, 'the first one is back and has nothing to catch up with');
is_in_order('live', 'NOT is_own', 'it processed nothing again');

# Versions that learn, from a partition that ends before they have.
my $windows = '{"runtime": "builtin", "entry": "window_convolution", "input": {"content_type": "application/json", "channels": ["v"]}, '
  . '"parameters": {"window": 32, "stride": 4, "features": 84, "fit": {"first_windows": 60}}, "output": {"vector": 8}}';
sub samples {
	my ($label, $stream, $count) = @_;
	return $soup->sql("SELECT partition FROM soup_api.append('$token', 'w', (SELECT array_agg(format('{\"v\":%s}', sin(i / 5.0) + 0.3 * sin(i * i / 97.0))::bytea) FROM generate_series(1, $count) i),
		label => '$label', stream => '$stream', content_type => 'application/json')");
}
sub fit {
	my ($label) = @_;
	return "SELECT f.partition, f.windows_seen, f.fitted_at IS NOT NULL FROM soup.fit f JOIN soup.version USING (org, model, version) WHERE label = '$label'";
}
$soup->sql(q{SELECT soup.add_model('o', 'w', 2)});
$soup->sql("SELECT soup.add_version('o', 'w', '$_', '$windows')") for 'looked', 'unseen', 'empty', 'enough';
$soup->sql(q{UPDATE soup.fit f SET retry_at = 'infinity' FROM soup.version v WHERE v.version = f.version AND v.label IN ('unseen', 'enough')});
my ($stream) = grep { samples('looked', "x$_", 1) eq '0' } 0 .. 20;
samples('looked', "x$stream", 51);
samples('unseen', "x$stream", 52);
samples('enough', "x$stream", 500);
is($soup->poll(fit('looked'), '0|6|f'), '0|6|f', 'too few windows in the first partition');
is($soup->sql(q{SELECT soup.set_partitions('o', 'w', 1)}), '1', 'its epoch ends');
is($soup->sql(fit('looked')), '2|0|f', 'who has looked learns from the next epoch');
is($soup->sql(fit('empty')), '2|0|f', 'and so does who has got nothing');
is($soup->sql(fit('unseen')), '0|0|f', 'who has not yet looked is to look');
$soup->sql(q{UPDATE soup.fit SET retry_at = '-infinity' WHERE fitted_at IS NULL});
is($soup->poll(fit('unseen'), '2|0|f'), '2|0|f', 'and then goes on with the next epoch');
is($soup->poll(fit('enough'), '0|60|t'), '0|60|t', 'or learns, if there is enough');
samples($_, 'y', 400) for 'looked', 'unseen', 'empty';
is($soup->poll(fit($_), '2|60|t'), '2|60|t', "$_ has learned") for 'looked', 'unseen', 'empty';
ok($soup->is_drained, 'and all is processed');
is($soup->sql('SELECT count(*) FROM soup.quarantine'), '0', 'nothing was set aside');
is($soup->sql('SELECT count(*) FROM soup.failure'), '0', 'no attempt failed');

done_testing();
