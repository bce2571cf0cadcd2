# Goal: what the server does to a version (a lock, a damaged index, a leaf that is being restored, a database that lets
# nobody in) holds up that version alone, tells nothing against its records, and is over when its cause is; autovacuum
# hears of the rows that a busy worker writes.
#
# Method: triggers that wait, locks, zeroed files, catalogue entries and privileges make the trouble; states are waited
# for, never times.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use ProcessingCluster;
use Test::More;
use Time::HiRes qw(sleep time);

my $soup = ProcessingCluster->new('processing_server_trouble', conf => "autovacuum = off\nsoup.processor_linger_ms = 60000\n");
my $node = $soup->node;
my $token = $soup->producer;
my $keyed = '{"runtime": "builtin", "entry": "passthrough", "input": {"content_type": "application/json", "key_field": "id"}, "output": {"vector": 1}}';

sub append {
	my ($model, $label, $stream, $id) = @_;
	return $soup->sql(qq{SELECT first_offset FROM soup_api.append('$token', '$model', ARRAY['{"id":"$id","vector":[1]}'::bytea], label => '$label',
		stream => '$stream', content_type => 'application/json')});
}

# Of a version's lanes.
sub cursors {
	my ($label, $columns) = @_;
	return $soup->sql("SELECT $columns FROM soup.cursor c JOIN soup.version v USING (org, model, version) WHERE v.label = '$label'");
}

subtest 'the server hears of a busy worker\'s rows' => sub {
	$soup->add_version('busy', $keyed);
	my $table = $soup->table('busy');
	append('m', 'busy', 's', 'first');
	ok($soup->is_drained, 'the version has a cursor');
	$soup->set_processors(0);
	# Every batch is a slice and takes a moment, the last one as long as it is held: a dozen slices are three rounds.
	$soup->sql(<<"SQL");
CREATE TABLE public.held AS SELECT true AS is_held; GRANT SELECT ON public.held TO soup_worker;
CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS \$\$
BEGIN
    PERFORM pg_sleep(0.3);
    WHILE NEW.key = 'last' AND EXISTS (SELECT FROM public.held) LOOP
        PERFORM pg_sleep(0.05);
    END LOOP;
    RETURN NEW;
END \$\$;
CREATE TRIGGER slow BEFORE INSERT ON $table FOR EACH ROW EXECUTE FUNCTION public.slow();
UPDATE soup.cursor SET careful_until = 1000;
SQL
	append('m', 'busy', 's', $_) for 1 .. 12, 'last';
	my $before = $soup->sql("SELECT n_tup_ins FROM pg_stat_user_tables WHERE relid = '$table'::regclass");
	$soup->set_processors(1);
	is($soup->poll("SELECT n_tup_ins > $before FROM pg_stat_user_tables WHERE relid = '$table'::regclass", 't', 180), 't', 'they are counted');
	is($soup->sql('SELECT sum(lag_records) > 0 FROM soup.lag'), 't', 'while it is at it');
	$soup->sql('DELETE FROM public.held');
	ok($soup->is_drained, 'the rest is processed');
};

subtest 'a locked table holds up its version alone' => sub {
	$soup->set_processors(0);
	$soup->sql(q{SELECT soup.add_org('o2'), soup.add_model('o', 'wide', 4), soup.add_model('o2', 'm2', 1);
		SELECT soup.add_principal('o2', 'p2', 'producer', 'long enough 3'), soup.grant_right('p2', 'o2', NULL, '*', 'append')});
	$soup->sql("SELECT soup.add_version('o', 'wide', 'locked', '$keyed'), soup.add_version('o2', 'm2', 'free', '$keyed')");
	my $table = $soup->table('locked');
	# Each partition gets several batches, so that the first attempt is one of several.
	for my $round (1 .. 3) { append('wide', 'locked', "s$_", "k$_-$round") for 1 .. 20 }
	my $lanes = $soup->sql(q{SELECT count(*) FROM soup.label_head h JOIN soup.version v USING (org, model, version) WHERE v.label = 'locked'});
	cmp_ok($lanes, '>', 2, 'more lanes than processors');
	my $holder = $node->background_psql('soup');
	$holder->query_safe("BEGIN; LOCK TABLE $table IN SHARE MODE;");
	$soup->set_processors(2);
	my $paused = q{SELECT count(*) FROM soup.cursor c JOIN soup.version v USING (org, model, version) WHERE v.label = 'locked' AND last_error = '55P03'};
	is($soup->poll($paused, $lanes, 180), $lanes, 'no lane waits without limit');
	is(cursors('locked', 'bool_and(retry_at > updated_at), max(next_offset), max(failures), max(careful_until)'), 't|0|0|0',
		'each pauses, and is not taken batch by batch later on');
	my $other = $soup->sql(q{SELECT token FROM soup_api.login('p2', 'long enough 3')});
	$soup->sql(qq{SELECT soup_api.append('$other', 'm2', ARRAY['{"id":"other","vector":[1]}'::bytea], label => 'free', content_type => 'application/json')});
	is($soup->poll('SELECT string_agg(key, \' \') FROM ' . $soup->table('free'), 'other', 180), 'other', 'another org is served meanwhile');
	is($soup->sql('SELECT count(*) FROM soup.failure'), '0', 'nothing is counted');
	$holder->query_safe('COMMIT;');
	$holder->quit;
	ok($soup->is_drained, 'unlocked, all is processed');
	is($soup->sql("SELECT count(*) FROM $table"), 60, 'with nothing lost');
};

subtest 'a leaf whose indexes are yet to come is waited for' => sub {
	$soup->add_version('restored', $keyed);
	append('m', 'restored', 's', 'before');
	ok($soup->is_drained, 'the version has a cursor');
	$soup->sql("UPDATE soup.version SET state = 'suspended' WHERE label = 'restored'");
	append('m', 'restored', 's', 'after');
	my $leaf = $soup->sql(q{SELECT b.tableoid::regclass FROM soup.raw_batch b JOIN soup.model m USING (model) WHERE m.name = 'm' LIMIT 1});
	# As pg_restore leaves it between the leaf and its indexes.
	$soup->sql("UPDATE pg_index SET indisvalid = false WHERE indrelid = '$leaf'::regclass");
	$soup->sql("SELECT soup.resume_version('o', 'm', 'restored')");
	is($soup->poll(q{SELECT last_error FROM soup.cursor c JOIN soup.version v USING (org, model, version) WHERE v.label = 'restored'}, '55000', 180), '55000', 'the cursor says so');
	is($soup->sql('SELECT count(*) FROM soup.failure'), '0', 'nothing is counted');
	$soup->sql("UPDATE pg_index SET indisvalid = true WHERE indrelid = '$leaf'::regclass");
	ok($soup->is_drained, 'it goes on by itself');
};

subtest 'a database that lets nobody in' => sub {
	$soup->set_processors(0);
	$soup->sql('REVOKE CONNECT ON DATABASE soup FROM PUBLIC');
	append('m', 'busy', 's', 'early');
	$soup->set_processors(2);
	ok($soup->is_drained, 'processors need no right of PUBLIC');
	$soup->set_processors(0);
	$soup->sql('REVOKE CONNECT ON DATABASE soup FROM soup_worker');
	append('m', 'busy', 's', 'late');
	my $log_read = -s $node->logfile;
	$soup->set_processors(2);
	my $log = sub { return PostgreSQL::Test::Utils::slurp_file($node->logfile, $log_read) };
	my $warning = qr/WARNING:  a processor has stopped before it could begin/;
	for (1 .. 1800) { last if $log->() =~ $warning; sleep 0.1 }
	# One or two at once, then after 1, 2 and 4 seconds; without pauses they would be hundreds.
	sleep 5;
	my $refused = () = $log->() =~ /FATAL:  permission denied for database/g;
	cmp_ok($refused, '>', 0, 'a processor was refused');
	cmp_ok($refused, '<', 10, 'not again and again');
	my $warnings = () = $log->() =~ /$warning/g;
	is($warnings, 1, 'the launcher says so once');
	$soup->sql('GRANT CONNECT ON DATABASE soup TO soup_worker');
	ok($soup->is_drained, 'let in, they go on');
	$soup->sql('GRANT CONNECT ON DATABASE soup TO PUBLIC');
};

subtest 'a damaged index is not the batches\' fault' => sub {
	$soup->add_version('damaged', $keyed);
	append('m', 'damaged', 's', 'before');
	ok($soup->is_drained, 'the version has a cursor');
	my $stood = cursors('damaged', 'next_offset');
	my $table = $soup->table('damaged');
	my ($index, $path) = split /\|/, $soup->sql("SELECT indexrelid::regclass, pg_relation_filepath(indexrelid) FROM pg_index WHERE indrelid = '$table'::regclass AND indisprimary");
	$node->stop;
	my $file = $node->data_dir . "/$path";
	my $bytes = -s $file;
	open my $handle, '+<:raw', $file or die "$file: $!";
	print $handle "\0" x $bytes;
	close $handle;
	$node->start;
	append('m', 'damaged', 's', "k$_") for 1 .. 5;
	# The pauses are taken away, for twenty of them take their time.
	for (1 .. 1200) {
		last if $soup->sql("SELECT state FROM soup.version WHERE label = 'damaged'") eq 'suspended' || $soup->sql('SELECT count(*) FROM soup.quarantine') > 0;
		$soup->sql("UPDATE soup.cursor SET retry_at = '-infinity' WHERE last_error IS NOT NULL");
		sleep 0.05;
	}
	is($soup->sql('SELECT count(*) FROM soup.quarantine'), '0', 'nothing is set aside');
	like($soup->sql("SELECT suspended_because FROM soup.version WHERE label = 'damaged'"), qr/^20 failed attempts within an hour, the last with XX00[12]$/, 'the version is suspended');
	is(cursors('damaged', 'next_offset'), $stood, 'its cursor stays');
	$soup->sql("REINDEX INDEX $index");
	$soup->sql("SELECT soup.resume_version('o', 'm', 'damaged')");
	ok($soup->is_drained, 'repaired and resumed, it goes on');
	is($soup->sql("SELECT string_agg(key, ' ' ORDER BY key) FROM $table"), 'before k1 k2 k3 k4 k5', 'with nothing lost');
};

$node->stop;
done_testing();
