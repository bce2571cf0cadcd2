# Goal: a version that never learns costs little and holds up nobody: what is of no use to it is read once, a long look is
# followed by a pause, and its looks wait their turn; and whatever the looks were, it learns as soon as there is enough, and
# what it would have learnt in one look.
#
# Method: what must not be read again is damaged for that time. Versions which look at the same records at other times are
# compared by the digest of what they learnt. States are waited for, never times.
use strict;
use warnings;
use ProcessingCluster;
use Test::More;

my $soup = ProcessingCluster->new('processing_fit_looks', conf => "soup.processor_linger_ms = 60000\n");
my $token = $soup->producer;
my $windows = '{"runtime": "builtin", "entry": "window_convolution", "input": {"content_type": "application/json", "channels": ["v"]}, '
  . '"parameters": {"window": 32, "stride": 4, "features": 84, "fit": {"first_windows": 60}}, "output": {"vector": 8}}';

# So many records of one channel to each of so many streams.
sub append {
	my ($channel, $count, %to) = @_;
	my $label = $to{label} ? "'$to{label}'" : 'NULL';
	my $streams = $to{streams} // 1;
	return $soup->sql("SELECT count((soup_api.append('$token', 'm', records, label => $label, stream => 's' || n, content_type => 'application/json')).first_offset)
		FROM (SELECT array_agg(format('{\"$channel\":%s}', sin(i / 5.0) + 0.3 * sin(i * i / 97.0))::bytea) AS records FROM generate_series(1.0, $count) i) r,
		     generate_series(1, $streams) n");
}

sub fit {
	my ($label, $columns) = @_;
	return "SELECT $columns FROM soup.fit f JOIN soup.version v USING (org, model, version) WHERE v.label = '$label'";
}

sub wait_for_fit {
	my ($label) = @_;
	is($soup->poll(fit($label, 'f.fitted_at IS NOT NULL'), 't', 60), 't', "$label has learned") or diag $soup->sql(fit($label, 'f'));
	return;
}

subtest 'what is of no use is read once' => sub {
	$soup->add_version($_, $windows) for 'first', 'late', 'afresh';
	$soup->promote('first');
	append('misspelt', 300);
	append('misspelt', 70, label => 'late');
	is($soup->poll(fit('first', 'windows_seen, default_from, label_from'), '0|370|0'), '0|370|0', 'the default lane has been read up to its end');
	is($soup->poll(fit('late', 'windows_seen, default_from, label_from'), '0|0|370'), '0|0|370', 'and the other version\'s label lane');
	is($soup->sql(q{SELECT records_missing FROM soup.fit_wait JOIN soup.version USING (org, model, version) WHERE label = 'late'}), 32 + 59 * 4,
		'all that it takes is still to come');
	is($soup->sql(q{SELECT problem ~ 'none before offset 370 can be used$', remedy ~ 'names of channels' FROM soup.doctor() WHERE subject = 'version late of o/m'}),
		't|t', 'doctor() says so, and where to look');

	$soup->sql(<<'SQL');
CREATE TABLE public.kept AS SELECT first_offset, frame FROM soup.raw_batch;
ALTER TABLE soup.raw_batch DISABLE TRIGGER raw_rows_stay;
UPDATE soup.raw_batch SET frame = '\x00';
SQL
	append('misspelt', 10);
	append('v', 100);
	is($soup->poll(fit('first', 'windows_seen > 0, default_from = 370'), 't|t'), 't|t', 'records of use are read, and not passed over');
	append('v', 168);
	wait_for_fit('first');
	$soup->sql(<<'SQL');
UPDATE soup.raw_batch b SET frame = k.frame FROM public.kept k WHERE k.first_offset = b.first_offset;
ALTER TABLE soup.raw_batch ENABLE ALWAYS TRIGGER raw_rows_stay;
SQL

	# One that reads all at once, and one whose default lane begins before what it has read.
	for my $label ('afresh', 'late') {
		$soup->promote($label);
		wait_for_fit($label);
	}
	is($soup->sql('SELECT count(*), count(DISTINCT digest) FROM soup.artefact'), '3|1', 'all three have learned the same');
	ok($soup->is_drained, 'and process all');
};

subtest 'looks wait their turn' => sub {
	$soup->add_version('lane', '{"runtime": "builtin", "entry": "passthrough", "input": {"content_type": "application/json"}, "output": {"vector": 1}}');
	$soup->add_version('hopeless', $windows);
	my $vector = qq{SELECT soup_api.append('$token', 'm', ARRAY['[1]'::bytea], label => 'lane', content_type => 'application/json')};
	$soup->sql($vector);
	ok($soup->is_drained, 'the lane has been served');
	append('misspelt', 1, label => 'hopeless');
	is($soup->poll(fit('hopeless', 'label_from > 0'), 't'), 't', 'and then the version looked at');
	$soup->set_processors(0);
	append('misspelt', 60, label => 'hopeless');
	$soup->sql($vector);
	is($soup->sql(q{SELECT string_agg(v.label, ' ' ORDER BY w.updated_at) FROM soup.work_in_turn w JOIN soup.version v USING (org, model, version)
		WHERE v.label IN ('lane', 'hopeless')}),
		'lane hopeless', 'whoever has waited longest comes first');
	$soup->set_processors(2);
};

subtest 'a long look is followed by a pause' => sub {
	# 200 streams that end before their windows do. A quarter of a second for their 800,000 records would be fast.
	my $window = 4096;
	$soup->add_version('long', qq({"runtime": "builtin", "entry": "window_convolution", "input": {"content_type": "application/json", "channels": ["v"]},
		"parameters": {"window": $window, "stride": $window, "features": 84, "fit": {"first_windows": 2}}, "output": {"vector": 1}}));
	$soup->sql(q{UPDATE soup.fit SET retry_at = 'infinity' WHERE fitted_at IS NULL});
	append('v', 4000, label => 'long', streams => 200);
	$soup->sql(q{UPDATE soup.fit SET retry_at = '-infinity' WHERE fitted_at IS NULL});
	is($soup->poll(fit('long', 'look_again_at > 0'), 't'), 't', 'it is looked at');
	is($soup->sql(fit('long', q{windows_seen, default_from, label_from, retry_at > looked_at + interval '0.4 s'})), '0|0|0|t', 'and then left alone for a while');
	append('v', 2 * $window, label => 'long');
	wait_for_fit('long');
};

subtest 'another partition is read from its start' => sub {
	$soup->add_version($_, $windows) for 'moved', 'due';
	append('misspelt', 100, label => $_) for 'moved', 'due';
	is($soup->poll(fit($_, 'label_from > 0'), 't'), 't', "$_ has been looked at") for 'moved', 'due';
	$soup->sql(q{UPDATE soup.fit SET retry_at = 'infinity' WHERE fitted_at IS NULL});
	append('misspelt', 60, label => 'due');
	$soup->sql(q{SELECT soup.set_partitions('o', 'm', 2)});
	$soup->sql(q{UPDATE soup.fit SET retry_at = '-infinity' WHERE fitted_at IS NULL});
	is($soup->poll(fit($_, 'f.partition, default_from, label_from'), '1|0|0'), '1|0|0', "$_ is to learn from the next epoch") for 'moved', 'due';
	# Of so many streams each partition gets some.
	append('v', 300, label => $_, streams => 20) for 'moved', 'due';
	wait_for_fit($_) for 'moved', 'due';
	is($soup->sql(q{SELECT count(*), count(DISTINCT digest) FROM soup.artefact JOIN soup.version USING (org, model, version) WHERE label IN ('moved', 'due')}),
		'2|1', 'the same, from the same records');
};

$soup->node->stop;
done_testing();
