# Goal: the one read path gives each version exactly its records, in offset order, across leaves, and stops at damage.
#
# Method: the reader is C++ and is seen through the processors that use it. Batches with and without a label are mixed in
# one partition; the oldest ones are moved into the leaf of an earlier month (behind the trigger's back, as a superuser),
# so that both lanes have to cross leaves. The passthrough processor makes one point of each record, keyed by its offset.
# Then a row is taken out: a version that reads from the start must come to the hole, say so, and stay there.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('rawlog_reader');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'machinesoup'
soup.database = 'soup'
soup.poll_ms = 200
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE soup');
$node->safe_psql('soup', <<'SQL');
CREATE EXTENSION machinesoup CASCADE;
SELECT soup.add_org('o'), soup.add_model('o', 'm');
SELECT soup.add_principal('o', 'p', 'producer', 'long enough'), soup.add_principal('o', 'c', 'consumer', 'long enough');
SELECT soup.grant_right('p', 'o', NULL, '*', 'append'), soup.grant_right('c', 'o', NULL, '*', 'promote');
SELECT soup.add_version('o', 'm', label, '{"runtime": "builtin", "entry": "passthrough", "input": {"content_type": "application/json"}, "output": {"vector": 2}}')
  FROM unnest(ARRAY['first', 'side', 'second', 'third']) AS label;
SQL
my $producer = $node->safe_psql('soup', q{SELECT token FROM soup_api.login('p', 'long enough')});
my $consumer = $node->safe_psql('soup', q{SELECT token FROM soup_api.login('c', 'long enough')});

# 60 batches: every third goes to "side" by label; sizes 1 to 4, the last ones big enough to be compressed.
my @sizes;
my (%by_default, %by_label);
my $offset = 0;
for my $n (0 .. 59) {
    my $count = $n % 4 + 1;
    my $is_labelled = $n % 3 == 2;
    my $records = join ',', map { $n < 50 ? "'[$n, $_]'" : sprintf("'[%d, %d%s]'", $n, $_, ' ' x 3000) } 1 .. $count;
    my $label = $is_labelled ? q{'side'} : 'NULL';
    my $answer = $node->safe_psql('soup', "SELECT first_offset FROM soup_api.append('$producer', 'm', ARRAY[$records]::bytea[], "
            . "label => $label, content_type => 'application/json')");
    is($answer, $offset, "batch $n is at offset $offset") if $answer != $offset;
    ($is_labelled ? \%by_label : \%by_default)->{ $offset + $_ } = 1 for 0 .. $count - 1;
    $offset += $count;
}

# The older half was received two months ago.
$node->safe_psql('soup', <<'SQL');
SELECT soup.make_raw_leaf(org, (now() - interval '2 months')::date) FROM soup.org;
ALTER TABLE soup.raw_batch DISABLE TRIGGER raw_rows_stay;
UPDATE soup.raw_batch SET received_at = date_trunc('month', received_at) - interval '1 month' - interval '1 day' * (100 - first_offset) / 100
 WHERE first_offset < 70;
ALTER TABLE soup.raw_batch ENABLE ALWAYS TRIGGER raw_rows_stay;
SQL
is($node->safe_psql('soup', 'SELECT count(DISTINCT tableoid) FROM soup.raw_batch'), 2, 'the log stands in two leaves');
is($node->safe_psql('soup', q{SELECT * FROM soup.verify_raw('o', 'm')}), '', 'and is whole');

sub points_of {
    my ($label) = @_;
    my $storage = $node->safe_psql('soup', "SELECT storage FROM soup.version WHERE label = '$label'");
    return $node->safe_psql('soup', "SELECT coalesce(string_agg(source_offset::text, ' ' ORDER BY source_offset), '') FROM soup_data.$storage");
}

sub wait_for_cursor {
    my ($label, $lane, $next_offset) = @_;
    return $node->poll_query_until('soup', "SELECT count(*) = 1 FROM soup.cursor c JOIN soup.version v USING (org, model, version)
        WHERE v.label = '$label' AND c.lane = '$lane' AND c.next_offset = $next_offset");
}
sub sorted { return join ' ', sort { $a <=> $b } @_ }

# The label lane has been served meanwhile or is now; the default lane starts from the first offset when promoted.
my $label_head = 1 + (sort { $b <=> $a } keys %by_label)[0];
ok(wait_for_cursor('side', 'label', $label_head), 'the label lane comes to its head');
is(points_of('side'), sorted(keys %by_label), 'the label lane got the labelled records and no other');
$node->safe_psql('soup', "SELECT soup_api.promote('$consumer', 'm', 'first')");
ok(wait_for_cursor('first', 'default', $offset), 'the default lane comes to the head');
is(points_of('first'), sorted(keys %by_default), 'the default lane got the records without label and no other');

# A restart of reading inside a batch: the range begins where the interval does.
my $promoted_at = $offset;
$node->safe_psql('soup', "SELECT soup_api.promote('$consumer', 'm', 'second')");
ok(wait_for_cursor('second', 'default', $promoted_at), 'a version promoted later reads from the start');
is(points_of('second'), sorted(keys %by_default), 'and gets the same records');

# Damage: one row of the older leaf is taken out.
my ($hole, $hole_end) = split /\|/, $node->safe_psql('soup',
    'SELECT first_offset, first_offset + record_count FROM soup.raw_batch WHERE explicit_version IS NULL AND first_offset BETWEEN 40 AND 60 ORDER BY 1 LIMIT 1');
$node->safe_psql('soup', <<"SQL");
ALTER TABLE soup.raw_batch DISABLE TRIGGER raw_rows_stay;
DELETE FROM soup.raw_batch WHERE first_offset = $hole;
ALTER TABLE soup.raw_batch ENABLE ALWAYS TRIGGER raw_rows_stay;
SQL
like($node->safe_psql('soup', q{SELECT kind, first_offset FROM soup.verify_raw('o', 'm')}), qr/^hole\|$hole$/, 'verify_raw names the hole');
my $log_position = -s $node->logfile;
$node->safe_psql('soup', "SELECT soup_api.promote('$consumer', 'm', 'third')");
$node->wait_for_log(qr/raw log is damaged: records are missing/, $log_position);
my $cursor = $node->safe_psql('soup', q{SELECT c.next_offset FROM soup.cursor c JOIN soup.version v USING (org, model, version)
    WHERE v.label = 'third' AND c.lane = 'default'});
cmp_ok($cursor, '<=', $hole, 'the cursor does not pass the hole');
unlike(points_of('third'), qr/\b$hole_end\b/, 'nothing behind the hole was processed');
# What comes later still gets in: appending does not read.
is($node->safe_psql('soup', "SELECT first_offset FROM soup_api.append('$producer', 'm', ARRAY['[1, 2]']::bytea[])"), $offset, 'appends go on');

$node->stop;
done_testing();
