# Goal: the API's spatial questions are answered by the indexes of a version's table, and rightly.
# Method: 20,000 points with a vector, an earth place or a position in space are appended and processed; the functions are
# asked with auto_explain showing the statements inside them, and the answers are compared with plain queries over the
# same table.
use strict;
use warnings;
use lib 'tests/lib';
use ProcessingCluster;
use Test::More;

my $cluster = ProcessingCluster->new('serving_plans');
my $rows = 20_000;
my %output = (
	vectors => '{"vector": 8, "attributes": {"n": "integer"}}',
	boxes => '{"position": {"type": "xyz", "fields": ["x", "y", "z"]}, "attributes": {"n": "integer"}}',
	places => '{"position": {"type": "latlon", "fields": ["lat", "lon"]}, "attributes": {"n": "integer"}}');
my %record = (
	vectors => q{format('{"id":"%s","vector":[%s,%s,%s,%s,%s,%s,%s,%s],"n":%s}', i, sin(i), cos(i * 1.7), sin(i * 0.3), cos(i * 0.9),
		sin(i * 2.1), cos(i * 0.13), sin(i * 1.31), cos(i * 0.77), i)},
	boxes => q{format('{"id":"%s","x":%s,"y":%s,"z":%s,"n":%s}', i, 100 * sin(i), 100 * cos(i * 1.9331), 100 * sin(i * 0.3719), i)},
	places => q{format('{"id":"%s","lat":%s,"lon":%s,"n":%s}', i, 90 * sin(i), 180 * sin(i * 1.7), i)});

for my $label (sort keys %output) {
	my $entry = $label eq 'vectors' ? 'passthrough' : 'position';
	$cluster->add_version($label, qq({"runtime": "builtin", "entry": "$entry",
		"input": {"content_type": "application/json", "key_field": "id"}, "output": $output{$label}}));
	$cluster->sql(sprintf q{SELECT soup_api.append('%s', 'm', (SELECT array_agg(convert_to(%s, 'UTF8')) FROM generate_series(%d, %d) i),
		content_type => 'application/json', label => '%s')}, $cluster->producer, $record{$label}, $_ * 5000 + 1, ($_ + 1) * 5000, $label)
		for 0 .. $rows / 5000 - 1;
}
ok($cluster->is_drained, 'everything is processed');
is($cluster->sql("SELECT count(*) FROM " . $cluster->table($_)), $rows, "$_ has every point") for sort keys %output;

# The answer's keys in order, and the plan of the statement inside.
sub ask {
	my ($label, $call) = @_;
	$cluster->sql('ANALYZE ' . $cluster->table($label));
	my ($keys, $plan);
	$cluster->node->psql('soup', "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
		SET client_min_messages = log; SELECT (f).key FROM (SELECT soup_api.$call AS f) x", stdout => \$keys, stderr => \$plan);
	return ([split /\n/, $keys], $plan);
}
sub keys_of {
	my ($label, $condition) = @_;
	return [split /\n/, $cluster->sql("SELECT key FROM " . $cluster->table($label) . " WHERE $condition")];
}
my $token = $cluster->{consumer};

my ($keys, $plan) = ask('boxes', "within_box('$token', 'm', '{-20,-20,-20}', '{10,20,30.5}', label => 'boxes', page_size => 0)");
like($plan, qr/(Bitmap Index Scan on|Index Scan using) v_[0-9a-f]{32}_position/, 'within_box uses the index of positions');
is_deeply([sort @$keys], [sort @{keys_of('boxes', q{(position::real[])[1] BETWEEN -20 AND 10 AND (position::real[])[2] BETWEEN -20 AND 20
	AND (position::real[])[3] BETWEEN -20 AND 30.5})}], 'and finds what a plain query finds: ' . @$keys);
cmp_ok(scalar @$keys, '>', 20, 'which is a good deal');

($keys, $plan) = ask('boxes', "within_radius('$token', 'm', '{10,20,30}', 25, label => 'boxes', page_size => 0)");
like($plan, qr/v_[0-9a-f]{32}_position/, 'within_radius uses the index of positions');
is_deeply($keys, keys_of('boxes', q{position <-> '[10,20,30]' <= 25 ORDER BY position <-> '[10,20,30]', key}), 'the nearest first: ' . @$keys);

for my $patch ([-10, -20, 15, 30], [60, 150, 85, -160], [-90, -180, -70, 180], [0, 0, 0.5, 0.5], [-33, 170, 40, 179.99]) {
	my ($south, $west, $north, $east) = @$patch;
	($keys, $plan) = ask('places', "within_box('$token', 'm', '{$south,$west}', '{$north,$east}', label => 'places', page_size => 0)");
	my $join = $west > $east ? 'OR' : 'AND';
	is_deeply([sort @$keys], [sort @{keys_of('places', "lat BETWEEN $south AND $north AND (lon >= $west $join lon <= $east)")}],
		"a patch of the globe ($south,$west $north,$east): " . @$keys);
	like($plan, qr/v_[0-9a-f]{32}_position/, 'by the index of positions') if $north - $south < 5;
}
($keys, $plan) = ask('places', "within_radius('$token', 'm', '{51.5,0}', 1e6, label => 'places', page_size => 0)");
like($plan, qr/v_[0-9a-f]{32}_position/, 'a radius on the globe too');
cmp_ok(scalar @$keys, '>', 10, 'with answers');

$cluster->sql('VACUUM ' . $cluster->table('vectors')); # Measures the index anew.
my $query = '0.1,0.2,0.3,0.4,-0.5,-0.6,0.7,0.8';
($keys, $plan) = ask('vectors', "nearest('$token', 'm', '{$query}', k => 100, label => 'vectors', page_size => 0)");
like($plan, qr/Index Scan using v_[0-9a-f]{32}_vector/, 'nearest uses the index of vectors');
my %exact = map { $_ => 1 } @{keys_of('vectors', "true ORDER BY vector <-> '[$query]', key LIMIT 100")};
cmp_ok(scalar(grep { $exact{$_} } @$keys), '>=', 90, 'and finds at least nine tenths of the nearest');
is(scalar @$keys, 100, 'as many as were asked for');
my $ranks = $cluster->sql("SELECT string_agg(key, ' ' ORDER BY vector <-> '[$query]', key) FROM " . $cluster->table('vectors')
	  . " WHERE key = ANY ('{" . join(',', @$keys) . "}')");
is(join(' ', @$keys), $ranks, 'strictly by distance, then key');

is($cluster->sql("SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam,
	soupvec_verify(c.oid::regclass) WHERE a.amname IN ('vann', 'vtree')"), 0, 'the indexes are sound');
$cluster->node->stop;
done_testing();
