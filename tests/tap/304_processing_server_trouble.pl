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

sub set_processors {
	my ($count) = @_;
	$soup->sql("ALTER SYSTEM SET soup.max_processors = $count");
	$soup->sql('SELECT pg_reload_conf()');
	$soup->poll('SHOW soup.max_processors', $count) eq $count or die 'the setting did not come';
	# Those that live go on otherwise; any killed at work would count as unfinished attempts.
	$soup->sql(q{SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE backend_type = 'machinesoup processor'}) if $count == 0;
	return;
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
	set_processors(0);
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
	set_processors(1);
	is($soup->poll("SELECT n_tup_ins > $before FROM pg_stat_user_tables WHERE relid = '$table'::regclass", 't', 30), 't', 'they are counted');
	is($soup->sql('SELECT sum(lag_records) > 0 FROM soup.lag'), 't', 'while it is at it');
	$soup->sql('DELETE FROM public.held');
	ok($soup->is_drained, 'the rest is processed');
};

$node->stop;
done_testing();
