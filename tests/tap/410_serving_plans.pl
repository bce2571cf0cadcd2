# Goal: the API's spatial questions are answered by the indexes of a version's table, and rightly.
# Method: 20,000 points with a vector, an earth place or a position in space are appended and processed; the functions are
# asked with auto_explain showing the statements inside them, and the answers are compared with plain queries over the
# same table: all at once, and page by page, with and without a filter, by label and by default.
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

# The answer's keys in order, the plans of the statements inside, and the token of the next page.
sub ask {
	my ($call) = @_;
	my ($rows, $plan);
	$cluster->node->psql('soup', "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
		SET client_min_messages = log; SELECT (f).key, (f).next_page FROM (SELECT soup_api.$call AS f) x", stdout => \$rows, stderr => \$plan);
	my @rows = map { [split /\|/] } split /\n/, $rows;
	return ([map { $_->[0] } @rows], $plan, @rows ? $rows[-1][1] : undef);
}
# All pages of an answer: their keys one after another, and each page's plan.
sub ask_for_pages {
	my ($call) = @_;
	my (@keys, @plans);
	my ($page_keys, $plan, $next) = ask("$call)");
	while (1) {
		push @keys, @$page_keys;
		push @plans, $plan;
		return (\@keys, @plans) unless $next;
		($page_keys, $plan, $next) = ask("$call, page => '$next')");
	}
}
sub keys_of {
	my ($label, $condition) = @_;
	return [split /\n/, $cluster->sql("SELECT key FROM " . $cluster->table($label) . " WHERE $condition")];
}
my $token = $cluster->{consumer};
$cluster->sql('VACUUM ANALYZE ' . $cluster->table($_)) for keys %output; # Which measures the index of vectors anew.

my ($keys, $plan) = ask("within_box('$token', 'm', '{-20,-20,-20}', '{10,20,30.5}', label => 'boxes', page_size => 0)");
like($plan, qr/(Bitmap Index Scan on|Index Scan using) v_[0-9a-f]{32}_position/, 'within_box uses the index of positions');
is_deeply([sort @$keys], [sort @{keys_of('boxes', q{(position::real[])[1] BETWEEN -20 AND 10 AND (position::real[])[2] BETWEEN -20 AND 20
	AND (position::real[])[3] BETWEEN -20 AND 30.5})}], 'and finds what a plain query finds: ' . @$keys);
cmp_ok(scalar @$keys, '>', 20, 'which is a good deal');

($keys, $plan) = ask("within_radius('$token', 'm', '{10,20,30}', 25, label => 'boxes', page_size => 0)");
like($plan, qr/v_[0-9a-f]{32}_position/, 'within_radius uses the index of positions');
is_deeply($keys, keys_of('boxes', q{position <-> '[10,20,30]' <= 25 ORDER BY position <-> '[10,20,30]', key}), 'the nearest first: ' . @$keys);

for my $patch ([-10, -20, 15, 30], [60, 150, 85, -160], [-90, -180, -70, 180], [0, 0, 0.5, 0.5], [-33, 170, 40, 179.99]) {
	my ($south, $west, $north, $east) = @$patch;
	($keys, $plan) = ask("within_box('$token', 'm', '{$south,$west}', '{$north,$east}', label => 'places', page_size => 0)");
	my $join = $west > $east ? 'OR' : 'AND';
	is_deeply([sort @$keys], [sort @{keys_of('places', "lat BETWEEN $south AND $north AND (lon >= $west $join lon <= $east)")}],
		"a patch of the globe ($south,$west $north,$east): " . @$keys);
	like($plan, qr/v_[0-9a-f]{32}_position/, 'by the index of positions') if $north - $south < 5;
}
($keys, $plan) = ask("within_radius('$token', 'm', '{51.5,0}', 1e6, label => 'places', page_size => 0)");
like($plan, qr/v_[0-9a-f]{32}_position/, 'a radius on the globe too');
cmp_ok(scalar @$keys, '>', 10, 'with answers');

my $query = '0.1,0.2,0.3,0.4,-0.5,-0.6,0.7,0.8';
($keys, $plan) = ask("nearest('$token', 'm', '{$query}', k => 100, label => 'vectors', page_size => 0)");
like($plan, qr/Index Scan using v_[0-9a-f]{32}_vector/, 'nearest uses the index of vectors');
my %exact = map { $_ => 1 } @{keys_of('vectors', "true ORDER BY vector <-> '[$query]', key LIMIT 100")};
cmp_ok(scalar(grep { $exact{$_} } @$keys), '>=', 90, 'and finds at least nine tenths of the nearest');
is(scalar @$keys, 100, 'as many as were asked for');
my $ranks = $cluster->sql("SELECT string_agg(key, ' ' ORDER BY vector <-> '[$query]', key) FROM " . $cluster->table('vectors')
	  . " WHERE key = ANY ('{" . join(',', @$keys) . "}')");
is(join(' ', @$keys), $ranks, 'strictly by distance, then key');

# Page by page. What reads the version's table, by name:
my %scan = (
	vector => qr/Index Scan using v_[0-9a-f]{32}_vector/,
	position => qr/(Bitmap Index Scan on|Index Scan using) v_[0-9a-f]{32}_position/,
	nearest_positions => qr/Index Scan using v_[0-9a-f]{32}_position/,
	keys => qr/Index Scan using v_[0-9a-f]{32}_pkey/,
	table => qr/Seq Scan on v_[0-9a-f]{32}/);
my $near = q{position <-> '[10,20,30]'};
my $in_box = join ' AND ', map { "(position::real[])[$_] BETWEEN -40 AND 40" } 1 .. 3;
my ($patch, $london) = ('lat BETWEEN -20 AND 20 AND lon BETWEEN -30 AND 30', q{position <-> '[3978648.5,0,4968362.5]'});
# Label, what is asked, the scan, how the rows are found plainly (undef: as by page_size 0), and another scan that has to be there.
my @cases = (
	['vectors', "nearest('$token', 'm', '{$query}', k => 350", 'vector'],
	['vectors', qq{nearest('$token', 'm', "like" => '77', k => 350}, 'vector', undef, 'keys'],
	['vectors', qq{nearest('$token', 'm', '{$query}', k => 350, filter => '{"n": {"gt": 10000}}'}, 'vector'],
	# 200 rows satisfy this and all are wanted: reading the table finds them for certain.
	['vectors', qq{nearest('$token', 'm', '{$query}', k => 350, filter => '{"n": {"lte": 200}}'}, 'table',
		"a1 <= 200 ORDER BY vector <-> '[$query]', key"],
	['boxes', "within_box('$token', 'm', '{-40,-40,-40}', '{40,40,40}'", 'position', "$in_box ORDER BY key"],
	['boxes', qq{within_box('$token', 'm', '{-40,-40,-40}', '{40,40,40}', filter => '{"n": {"gt": 5000}}'}, 'position', "$in_box AND a1 > 5000 ORDER BY key"],
	['boxes', "within_radius('$token', 'm', '{10,20,30}', 50", 'position', "$near <= 50 ORDER BY $near, key"],
	['boxes', qq{within_radius('$token', 'm', '{10,20,30}', 50, filter => '{"n": {"gt": 5000}}'}, 'position', "$near <= 50 AND a1 > 5000 ORDER BY $near, key"],
	['places', "within_box('$token', 'm', '{-20,-30}', '{20,30}'", 'position', "$patch ORDER BY key"],
	['places', qq{within_box('$token', 'm', '{-20,-30}', '{20,30}', filter => '{"n": {"gt": 2000}}'}, 'position', "$patch AND a1 > 2000 ORDER BY key"],
	['places', "within_radius('$token', 'm', '{51.5,0}', 2e6", 'position', "$london <= 2e6 ORDER BY $london, key"],
	['places', qq{within_radius('$token', 'm', '{51.5,0}', 2e6, filter => '{"n": {"gt": 2000}}'}, 'position', "$london <= 2e6 AND a1 > 2000 ORDER BY $london, key"]);
for my $case (@cases) {
	my ($label, $asked, $scan, $plainly, $also) = @$case;
	my $name = $asked =~ s/'\Q$token\E', 'm', //r;
	$cluster->promote($label);
	my ($whole) = $plainly ? keys_of($label, $plainly) : ask("$asked, label => '$label', page_size => 0)");
	for my $named ('', ", label => '$label'") {
		my ($paged, @plans) = ask_for_pages("$asked$named");
		is_deeply($paged, $whole, "$name$named): pages together are the whole answer: " . @$paged);
		cmp_ok(scalar @plans, '>', 1, 'and there are several: ' . @plans);
		for my $plan (@plans) {
			like($plan, $scan{$scan}, "read by: $scan");
			like($plan, $scan{$also}, "and by: $also") if $also;
			unlike($plan, $scan{table}, 'nothing reads the whole table') if $scan ne 'table';
		}
	}
}
# Much of the space: a page of it is read in the order that it has, and no further than it goes.
for my $large (['keys', "within_box('$token', 'm', '{-90,-90,-90}', '{90,90,90}', label => 'boxes'", "key"],
	['nearest_positions', "within_radius('$token', 'm', '{10,20,30}', 150, label => 'boxes'", "$near, key"]) {
	my ($scan, $asked, $order) = @$large;
	my ($first, $plan, $next) = ask("$asked)");
	like($plan, $scan{$scan}, "a page of a large region is read by: $scan");
	my ($second, $second_plan) = ask("$asked, page => '$next')");
	like($second_plan, $scan{$scan}, 'and so is the next');
	my $inside = $scan eq 'keys' ? $in_box =~ s/40/90/gr : "$near <= 150";
	is_deeply([@$first, @$second], keys_of('boxes', "$inside ORDER BY $order LIMIT 200"), 'rightly');
}

is($cluster->sql("SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam,
	soupvec_verify(c.oid::regclass) WHERE a.amname IN ('vann', 'vtree')"), 0, 'the indexes are sound');
$cluster->node->stop;
done_testing();
