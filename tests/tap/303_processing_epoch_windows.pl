# Goal: windows go on when the number of partitions changes. Whatever a stream's records are spread over, each version
# has of it exactly the windows that its records make, once, under the key of their first record; a version that was
# there all the time, one that was away for a while and those that come later and read it all again have the same points,
# also when they are killed between taking a stream over and committing it.
#
# Method: all streams carry the same wave, so their windows with the same number must have the same vector wherever
# epochs part them. Which windows there must be, and from which record to which, is counted from the raw log. In the
# course of five epochs some streams are silent for one or several of them, and so are whole partitions. All versions
# learn from a stream of their own that carries that wave too, so they learn the same.
use strict;
use warnings;
use Test::More;
use ProcessingCluster;

my $seed = $ENV{SOUP_SEED} // int(time()) ^ $$;
srand($seed);
note "seed $seed";

my $soup = ProcessingCluster->new('processing_epoch_windows', partitions => 2,
	conf => "soup.max_processors = 4\nmax_worker_processes = 16\n");
my $node = $soup->node;
my $token = $soup->producer;
my $windows = '{"runtime": "builtin", "entry": "window_convolution", "input": {"content_type": "application/json", "channels": ["v"]}, '
  . '"parameters": {"window": 32, "stride": 4, "features": 84, "fit": {"first_windows": 60}}, '
  . '"output": {"vector": 8, "attributes": {"score": "real"}}}';

# The next so many records of a stream, in batches. Gives the partition.
my %sent;
sub append {
	my ($stream, $count, $label) = @_;
	my $named = $label ? "'$label'" : 'NULL';
	my $partition;
	while ($count > 0) {
		my $size = 1 + int rand($count < 30 ? $count : 30);
		my $from = ($sent{$stream} // 0) + 1;
		my $to = $sent{$stream} = $from + $size - 1;
		$partition = $soup->sql("SELECT partition FROM soup_api.append('$token', 'm',
			(SELECT array_agg(format('{\"v\":%s}', sin(i / 5.0) + 0.3 * sin(i * i / 97.0))::bytea ORDER BY i) FROM generate_series($from, $to) i),
			label => $named, stream => '$stream', content_type => 'application/json')");
		$count -= $size;
	}
	return $partition;
}

sub append_all {
	my ($most, @streams) = @_;
	append($_, 1 + int rand($most), /^own/ ? 'live' : undef) for map { (@streams) } 1 .. 3;
}

# A version that has learned, from a stream in the partition from which it learns.
sub add_learned {
	my ($label) = @_;
	$soup->add_version($label, $windows);
	my $wanted = $soup->sql("SELECT partition FROM soup.fit JOIN soup.version v USING (org, model, version) WHERE v.label = '$label'");
	my ($number) = grep { append("fit-$label-$_", 1, $label) == $wanted } 1 .. 50;
	append("fit-$label-$number", 299, $label);
	is($soup->poll("SELECT count(*) FROM soup.fit JOIN soup.version v USING (org, model, version) WHERE v.label = '$label' AND fitted_at IS NOT NULL", '1'),
		'1', "$label has learned");
}

my $records = q{(SELECT b.*, p.epoch, b.first_offset + g AS record_offset
	FROM soup.raw_batch b JOIN soup.partition p USING (org, model, partition), generate_series(0, record_count - 1) g)};
my $place = 'key, source_partition, source_offset, received_at';

# What the log says that a version must have.
sub wanted {
	my ($label) = @_;
	return qq{(SELECT partition || '/' || stream || '/' || record_offset AS key,
			lead(partition, 31) OVER w AS source_partition, lead(record_offset, 31) OVER w AS source_offset, lead(received_at, 31) OVER w AS received_at,
			row_number() OVER w AS n
		FROM (SELECT r.* FROM $records r JOIN soup.version v USING (org, model) WHERE v.label = '$label' AND (r.explicit_version = v.version
			OR r.explicit_version IS NULL AND EXISTS (SELECT FROM soup.version_interval i WHERE i.version = v.version AND i.partition = r.partition
				AND r.record_offset >= i.from_offset AND (i.to_offset IS NULL OR r.record_offset < i.to_offset)))) r
		WINDOW w AS (PARTITION BY stream ORDER BY epoch, partition, record_offset))};
}

sub has_its_windows {
	my ($label, $what) = @_;
	my $table = $soup->table($label);
	my $wanted = wanted($label);
	my $all = "(SELECT $place, n FROM $wanted x WHERE n % 4 = 1 AND source_offset IS NOT NULL)";
	cmp_ok($soup->sql("SELECT count(*) FROM $all x WHERE split_part(key, '/', 1)::integer <> source_partition"), '>', 20, "$what: windows cross epochs");
	is($soup->sql("SELECT count(*) FROM (SELECT $place FROM $all x EXCEPT SELECT $place FROM $table) x"), '0', "$what: none is missing");
	is($soup->sql("SELECT count(*) FROM (SELECT $place FROM $table EXCEPT SELECT $place FROM $all x) x"), '0', "$what: none is too many");
	is($soup->sql("SELECT count(*) FROM (SELECT FROM $table JOIN $all x USING (key) GROUP BY n HAVING count(DISTINCT (vector::text, a1)) > 1) x"),
		'0', "$what: of each number all streams have the same");
}

# Everything but what its own stream to learn from and records with the other's label made.
sub has_the_points_of {
	my ($label, $other) = @_;
	my ($one, $two) = map { '(SELECT * FROM ' . $soup->table($_) . q{ WHERE key !~ '/(fit|own)-')} } $label, $other;
	is($soup->sql("SELECT count(*) FROM (TABLE $one EXCEPT TABLE $two) x" =~ s/TABLE \(/(/gr), '0', "$label has no point that $other has not");
	is($soup->sql("SELECT count(*) FROM (TABLE $two EXCEPT TABLE $one) x" =~ s/TABLE \(/(/gr), '0', "$label has each point that $other has");
}

add_learned($_) for 'live', 'other';
$soup->promote('live');
my @streams = ((map { "s-$_" } 0 .. 7), (map { "own-$_" } 0 .. 3));
append_all(40, @streams);
is($soup->sql(q{SELECT soup.set_partitions('o', 'm', 5)}), '1', 'epoch 1: some streams and so some partitions are silent');
append_all(20, @streams[0 .. 2], 'own-0');
$soup->promote('other');
append_all(20, @streams[1 .. 3], 'own-1');
is($soup->sql(q{SELECT soup.set_partitions('o', 'm', 4)}), '2', 'epoch 2: nobody sends anything');
is($soup->sql(q{SELECT soup.set_partitions('o', 'm', 1)}), '3', 'epoch 3: one partition');
append_all(20, @streams[2 .. 5], 'own-1', 'own-2');
$soup->promote('live');
is($soup->sql(q{SELECT soup.set_partitions('o', 'm', 3)}), '4', 'epoch 4: all streams send');
append_all(40, @streams);
ok($soup->is_drained, 'all is processed');
is($soup->sql(q{SELECT count(*) FILTER (WHERE c.state IS NULL) > 0, count(c.state) > 5 FROM soup.partition p LEFT JOIN soup.cursor c
	ON c.partition = p.partition AND c.lane = 'default' AND c.version = (SELECT version FROM soup.version WHERE label = 'live') WHERE p.sealed}), 't|t',
	'not every partition of an earlier epoch has a state');
has_its_windows('live', 'the version that was away for a while');
has_its_windows('other', 'the one that was there for a while');
is($soup->sql(q{SELECT count(*) FROM soup.verify_raw('o', 'm')}), '0', 'the raw log is sound');

# A look that errs: the view says that all lanes may be served. Those of later epochs are tried and left alone.
add_learned('hurried');
my $view = $soup->sql(q{SELECT pg_get_viewdef('soup.work_in_turn')});
$soup->sql(q{CREATE OR REPLACE VIEW soup.work_in_turn WITH (security_invoker) AS SELECT * FROM soup.work});
my $hurried = q{FROM soup.cursor c JOIN soup.partition p USING (org, model, partition) JOIN soup.version v USING (org, model, version)
	WHERE v.label = 'hurried' AND c.lane = 'default'};
$soup->sql(q{INSERT INTO soup.cursor (org, model, version, partition, lane, retry_at)
	SELECT org, model, version, 1, 'default', 'infinity' FROM soup.version WHERE label = 'hurried'});
$soup->promote('hurried');
my $later = $soup->sql('SELECT count(*) FROM soup.partition WHERE epoch > 0 AND next_offset > 0');
is($soup->poll("SELECT count(*) $hurried AND p.epoch > 0", $later), $later, "all $later lanes of later epochs were tried");
$soup->sql("CREATE OR REPLACE VIEW soup.work_in_turn WITH (security_invoker) AS $view");
is($soup->poll(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'machinesoup processor%' AND state <> 'idle'}, '0'), '0', 'nobody is at it any more');
is($soup->sql("SELECT count(*) $hurried AND p.epoch > 0 AND (c.state IS NOT NULL OR c.next_offset > 0)"), '0', 'and none has begun while the first epoch is not done');
$soup->sql(q{UPDATE soup.cursor SET retry_at = '-infinity' WHERE retry_at = 'infinity'});
ok($soup->is_drained, 'let go, it processes all');
has_its_windows('hurried', 'the version that was looked at too early');
has_the_points_of('hurried', 'live');

# Killed between taking over and commit: the version's table is locked when it comes to its second epoch.
add_learned('killed');
$soup->sql(q{INSERT INTO soup.cursor (org, model, version, partition, lane, retry_at)
	SELECT v.org, v.model, v.version, p.partition, 'default', 'infinity' FROM soup.version v JOIN soup.partition p USING (org, model) WHERE label = 'killed' AND p.epoch = 1});
$soup->promote('killed');
is($soup->poll(q{SELECT sum(g.lag_records) FROM soup.lag g JOIN soup.version v USING (org, model, version) JOIN soup.partition p USING (org, model, partition)
	WHERE v.label = 'killed' AND p.epoch = 0}, '0'), '0', 'the first epoch is done');
my $holder = $node->background_psql('soup', on_error_stop => 0);
$holder->query_safe('BEGIN; LOCK TABLE ' . $soup->table('killed') . ' IN SHARE MODE');
$soup->sql(q{UPDATE soup.cursor SET retry_at = '-infinity' WHERE retry_at = 'infinity'});
is($soup->poll(q{SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type LIKE 'machinesoup processor%' AND wait_event_type = 'Lock'}, 't'),
	't', 'a worker waits with what it took over');
$soup->kill_postmaster;
$soup->start_again;
eval { $holder->quit };
for my $done (2, 4) {
	$soup->poll("SELECT count(c.state) >= $done FROM soup.cursor c JOIN soup.version v USING (org, model, version) JOIN soup.partition p USING (org, model, partition)
		WHERE v.label = 'killed' AND p.epoch > 0", 't');
	$soup->kill_postmaster;
	$soup->start_again;
}
ok($soup->is_drained, 'after three deaths it has processed all');
has_its_windows('killed', 'the version that was killed');
has_the_points_of('killed', 'live');
is($soup->sql('SELECT count(DISTINCT digest), count(*) FROM soup.artefact'), '1|4', 'all have learned the same');

# More carry-over than one partition may keep: what restarts is counted, once.
$soup->sql(q{SELECT soup.add_model('o', 'big', 2)});
$soup->sql(q{SELECT soup.add_version('o', 'big', 'v', '{"runtime": "builtin", "entry": "window_convolution", "input": {"content_type": "application/json",
	"channels": ["a", "b", "c", "d", "e", "f", "g", "h"]}, "parameters": {"window": 256, "stride": 256, "features": 84, "fit": {"first_windows": 3}}, "output": {"vector": 2}}')});
sub send_big {
	my ($stream, $count, $streams) = @_;
	return $soup->sql("SELECT min(partition) FROM generate_series(1, $streams) s, LATERAL (SELECT partition FROM soup_api.append('$token', 'big',
		(SELECT array_agg(format('[%1\$s,1,2,3,4,5,6,7]', (i * i + s) % 11)::bytea) FROM generate_series(1, $count) i), label => 'v', stream => '$stream' || s,
		content_type => 'application/json')) a");
}
my ($number) = grep { send_big("fit-$_-", 1, 1) == 0 } 1 .. 50;
send_big("fit-$number-", 767, 1);
send_big('t', 255, 200);
ok($soup->is_drained, 'two partitions hold what is carried over');
my $restarted = q{SELECT coalesce(sum(value), 0) FROM soup.version_counter WHERE name = 'streams_restarted'};
is($soup->sql($restarted), '0', 'and no stream has restarted');
# Of a saved state: the number of its streams, behind mark, shape, counters and restarts.
my $kept = q{SELECT coalesce(sum(get_byte(state, 64) + 256 * get_byte(state, 65)), 0) FROM soup.cursor c JOIN soup.partition p USING (org, model, partition)
	JOIN soup.model m USING (org, model) WHERE m.name = 'big' AND p.epoch = };
my $before = $soup->sql("${kept}0");
is($soup->sql('SELECT count(*) FROM soup.quarantine'), '0', 'nothing was set aside');
# Also where the first thing that a lane does is to set a batch aside, since so many workers died at it.
$soup->sql(q{SELECT soup.set_partitions('o', 'big', 1)});
$soup->sql(q{INSERT INTO soup.cursor (org, model, version, partition, lane, attempts)
	SELECT org, model, version, 2, 'label', 11 FROM soup.version v JOIN soup.model m USING (org, model) WHERE m.name = 'big'});
send_big('u', 1, 1);
ok($soup->is_drained, 'one has to give some up');
is($soup->sql('SELECT reason FROM soup.quarantine'), 'UNFINISHED', 'though it processes nothing yet');
my $after = $soup->sql("${kept}1");
cmp_ok($after, '<', $before - 50, "$after of $before streams are left");
is($soup->sql($restarted), $before - $after, 'the others are counted');
$soup->sql(q{SELECT soup.set_partitions('o', 'big', 2)});
send_big('u', 2, 40);
ok($soup->is_drained, 'two hold them again');
is($soup->sql("${kept}2"), $after + 40, 'each stream is in one of them');
is($soup->sql($restarted), $before - $after, 'and nothing is counted twice');

is($soup->sql('SELECT count(*) FROM soup.failure'), '0', 'no attempt failed');
$node->stop;
done_testing();
