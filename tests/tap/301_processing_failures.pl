# Goal: what cannot be processed never stops what can. A batch that fails by its own fault is found among its
# neighbours, tried three times, set aside and stepped over; trouble that is not the batch's fault sets nothing aside;
# a version that fails too often is suspended with the reason, its cursor untouched, other versions unaffected; a batch
# at which worker after worker dies is set aside too; limits hold.
#
# Method: a CHECK constraint on a version's table makes the upsert of chosen keys fail, which is an error of the batch's
# own (class 23); revoking a privilege makes it fail for a reason of the server's (class 42). Deaths are written into
# soup.cursor as a worker that dies would leave them.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use ProcessingCluster;

my $soup = ProcessingCluster->new('processing_failures');
my $node = $soup->node;
my $token = $soup->producer;
my $keyed = '{"runtime": "builtin", "entry": "passthrough", "input": {"content_type": "application/json", "key_field": "id"}, "output": {"vector": 1}}';
$soup->add_version($_, $keyed) for 'a', 'b', 'c';
my $table = $soup->table('a');

# A batch of these ids with a label; each has a vector of its own.
sub append {
	my ($label, @ids) = @_;
	my $records = join ',', map { qq{'{"id":"$_","vector":[1]}'} } @ids;
	return $soup->sql("SELECT first_offset FROM soup_api.append('$token', 'm', ARRAY[$records]::bytea[], label => '$label', content_type => 'application/json')");
}

sub cursor {
	my ($label, $columns) = @_;
	return $soup->sql("SELECT $columns FROM soup.cursor c JOIN soup.version v USING (org, model, version) WHERE v.label = '$label'");
}

sub keys_of {
	my ($label) = @_;
	my $of = $soup->table($label);
	return $soup->sql("SELECT string_agg(key, ' ' ORDER BY key) FROM $of");
}

# 1. One poisonous batch among others that came at once: the lane stands still while they come, so they are one slice.
$soup->sql("ALTER TABLE $table ADD CONSTRAINT poison CHECK (key NOT LIKE 'poison%')");
$soup->sql("UPDATE soup.version SET state = 'suspended' WHERE label = 'a'");
append('a', 'k1', 'k2');
append('a', 'k3');
my $poison = append('a', 'k4', 'poison1', 'k5');
append('a', 'k6');
append('b', 'other');
$soup->sql("SELECT soup.resume_version('o', 'm', 'a')");
ok($soup->is_drained, 'the poisonous batch does not stop the lane');
is(keys_of('a'), 'k1 k2 k3 k6', 'its neighbours are processed');
is($soup->sql('SELECT record_offset, record_count, reason FROM soup.quarantine'), "$poison|3|FAILED_23514", 'it is set aside, whole, with its reason');
# A slow machine ends the slice by the clock before the poison, and then no slice of several failed.
my $failures = 'SELECT count(*) FROM soup.failure';
my $counted  = $soup->sql($failures);
like($counted, qr/^[34]$/, 'three attempts of the batch failed, and at most one of the slice that held it');
is(cursor('a', 'attempts, failures, last_error IS NULL'), '0|0|t', 'the cursor has forgotten it');
is($soup->sql("SELECT count(*) FROM soup.doctor() WHERE problem LIKE '3 records were set aside%FAILED_23514'"), '1', 'doctor() tells');
my ($remedy) = $soup->sql("SELECT remedy FROM soup.doctor() WHERE problem LIKE '3 records were set aside%'") =~ /^(SELECT \* FROM soup\.quarantined\('o', 'm', 'a'\))/;
is($soup->sql("SET ROLE soup_dba; $remedy", ) =~ s/\|[^|]*$//r, "0|$poison|3|FAILED_23514", '... and what it tells shows the DBA which');
is(keys_of('b'), 'other', 'the other version is unaffected');

# 2. Not the batch's fault: tried again with pauses until it works, nothing set aside, nothing counted.
$soup->sql("REVOKE INSERT ON $table FROM soup_worker");
append('a', 'k7');
is($soup->poll(q{SELECT last_error FROM soup.cursor c JOIN soup.version v USING (org, model, version) WHERE v.label = 'a'}, '42501'), '42501', 'the cursor says what is wrong');
sleep 1;
is(cursor('a', 'failures, retry_at > updated_at'), '0|t', 'it pauses and counts no failure of the batch');
is($soup->sql($failures), $counted, 'nor one of the version');
$soup->sql("GRANT INSERT ON $table TO soup_worker");
ok($soup->is_drained, 'it goes on by itself once the cause is gone');
is(keys_of('a'), 'k1 k2 k3 k6 k7', 'with nothing lost');

# 3. Too many failures: suspended, the cursor stays, queries and other versions go on; resumed, it goes on.
my $batches = 0;
while ($soup->sql("SELECT state FROM soup.version WHERE label = 'a'") ne 'suspended' && $batches < 12) {
	++$batches;
	append('a', "poison-$batches");
	$soup->poll(q{SELECT count(*) FROM soup.lag l JOIN soup.version v USING (org, model, version) WHERE v.label = 'a' AND v.state <> 'suspended' AND lag_records > 0}, '0', 60);
}
like($soup->sql("SELECT suspended_because FROM soup.version WHERE label = 'a'"), qr/^20 failed attempts within an hour, the last with 23514$/, 'suspended with the reason');
my $stood = cursor('a', 'next_offset');
append('a', 'k8');
append('b', 'other2');
is($soup->poll("SELECT string_agg(key, ' ' ORDER BY key) FROM " . $soup->table('b'), 'other other2'), 'other other2', 'the other version goes on');
is(cursor('a', 'next_offset'), $stood, 'the cursor of the suspended one stays');
is($soup->sql(q{SELECT count(*) FROM soup.work w JOIN soup.version v USING (org, model, version) WHERE v.label = 'a'}), '0', 'it is no work');
is($soup->sql("SELECT count(*) FROM soup.doctor() WHERE severity = 'error' AND problem LIKE 'suspended%'"), '1', 'doctor() tells');
$soup->sql("ALTER TABLE $table DROP CONSTRAINT poison");
$soup->sql("SELECT soup.resume_version('o', 'm', 'a')");
ok($soup->is_drained, 'resumed, it catches up');
like(keys_of('a'), qr/\bk8\b/, 'with what came meanwhile');

# 4. Deaths. A few unfinished attempts make the next worker careful, ten set the batch aside; less than that loses nothing.
my $few  = "UPDATE soup.cursor SET attempts = %d WHERE version = (SELECT version FROM soup.version WHERE label = 'c')";
append('c', 'c0');
ok($soup->is_drained, 'version c has a cursor');
for my $deaths (3, 11) {
	# A worker that has served the lane does not count again; a new one does.
	$soup->sql("UPDATE soup.version SET state = 'suspended' WHERE label = 'c'");
	my $offset = append('c', "c$deaths");
	append('c', "d$deaths");
	$soup->sql(q{SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE backend_type = 'machinesoup processor'});
	$soup->sql(sprintf $few, $deaths);
	$soup->sql("UPDATE soup.version SET state = 'staged' WHERE label = 'c'");
	ok($soup->is_drained, "after $deaths deaths the lane goes on");
	is($soup->sql("SELECT count(*) FROM soup.quarantine WHERE record_offset = $offset AND reason = 'UNFINISHED'"), $deaths > 10 ? '1' : '0',
		$deaths > 10 ? 'the batch was set aside' : 'nothing was set aside');
}
is(keys_of('c'), 'c0 c3 d11 d3', 'only the one batch is missing');
is(cursor('c', 'attempts'), '0', 'the count is forgotten');

# 5. No more workers than allowed, and none without work.
my $workers = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'machinesoup processor'};
$soup->sql('ALTER SYSTEM SET soup.max_processors = 0');
$soup->sql('SELECT pg_reload_conf()');
$soup->sql(q{SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE backend_type = 'machinesoup processor'});
append('b', 'late');
sleep 1;
is($soup->sql($workers), '0', 'soup.max_processors = 0: none is started');
$soup->sql('ALTER SYSTEM SET soup.max_processors = 2');
$soup->sql('ALTER SYSTEM SET soup.processor_linger_ms = 300');
$soup->sql('SELECT pg_reload_conf()');
ok($soup->is_drained, 'allowed again, one comes');
is($soup->poll($workers, '0', 30), '0', 'and leaves when there is nothing to do');
append('b', 'later');
ok($soup->is_drained, 'an append brings it back');

# 6. The log is damaged: nothing is skipped, the error stays in sight.
my $damaged = append('c', 'x1');
ok($soup->is_drained, 'x1 is processed');
my $leaf = $soup->sql(q{SELECT tableoid::regclass FROM soup.raw_batch LIMIT 1});
$soup->sql("UPDATE soup.version SET state = 'suspended' WHERE label = 'c'");
$damaged = append('c', 'x2');
$soup->sql("ALTER TABLE $leaf DISABLE TRIGGER raw_rows_stay");
$soup->sql("UPDATE $leaf SET frame = set_byte(frame, octet_length(frame) - 1, get_byte(frame, octet_length(frame) - 1) # 1) WHERE first_offset = $damaged");
$soup->sql("UPDATE soup.version SET state = 'staged' WHERE label = 'c'");
is($soup->poll(q{SELECT last_error FROM soup.cursor c JOIN soup.version v USING (org, model, version) WHERE v.label = 'c'}, 'XX001'), 'XX001', 'damage is told');
is(cursor('c', 'next_offset'), $damaged, 'and not stepped over');
is($soup->sql("SELECT count(*) FROM soup.quarantine WHERE record_offset = $damaged"), '0', 'nor set aside');
$soup->sql("UPDATE $leaf SET frame = set_byte(frame, octet_length(frame) - 1, get_byte(frame, octet_length(frame) - 1) # 1) WHERE first_offset = $damaged");
ok($soup->is_drained, 'repaired, it goes on by itself');
like(keys_of('c'), qr/\bx2\b/, 'with the repaired record');

$node->stop;
done_testing();
