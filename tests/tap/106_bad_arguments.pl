# Goal: every argument of the API's and the DBA's functions, with every kind of bad value that its type can have, gives one
# error with a stable code, stores nothing, and leaves the session usable.
# Method: each bad value alone in a call that is legal otherwise, all in one session; after each the legal call itself. The
# codes stand at the end of this file. append and append_many have tables of their own (machinesoup_rawlog_bad_input).
use strict;
use warnings;
use lib 'tests/lib';
use ProcessingCluster;
use Test::More;

my $cluster = ProcessingCluster->new('bad_arguments');
my $manifest = '{"runtime": "builtin", "entry": "passthrough", "input": {"content_type": "application/json", "key_field": "id"},
	"output": {"vector": 3, "attributes": {"n": "integer"}}}';
$cluster->sql(<<"SQL");
SELECT soup.add_org('elsewhere'), soup.add_model('elsewhere', 'theirs'), soup.add_version('elsewhere', 'theirs', 'a', '$manifest');
SELECT soup.add_principal('o', 'scoped', 'consumer', 'long enough 3'), soup.add_principal('o', 'grantee', 'consumer', 'long enough 4');
SELECT soup.add_model('o', 'vectors'), soup.add_model('o', 'boxes'), soup.add_model('o', 'hidden');
SELECT soup.add_version('o', 'vectors', 'a', '$manifest'), soup.add_version('o', 'vectors', 'hidden', '$manifest'), soup.add_version('o', 'hidden', 'a', '$manifest');
SELECT soup.add_version('o', 'boxes', 'a', '{"runtime": "builtin", "entry": "position", "input": {"content_type": "application/json", "key_field": "id"},
	"output": {"position": {"type": "xyz", "fields": ["x", "y", "z"]}}}');
SELECT soup.grant_right('scoped', 'o', m, 'a', r) FROM unnest(ARRAY['vectors', 'boxes']) m, unnest(ARRAY['query', 'promote']) r;
SQL
my $token = $cluster->sql(q{SELECT token FROM soup_api.login('scoped', 'long enough 3')});
$cluster->sql("SELECT soup_api.promote('$token', '$_', 'a')") for qw(vectors boxes);
for my $record ('vectors|{"id":"p","vector":[1,2,3],"n":1}', 'vectors|{"id":"q","vector":[3,2,1],"n":2}', 'boxes|{"id":"p","x":1,"y":2,"z":3}') {
	my ($model, $body) = split /\|/, $record;
	$cluster->sql("SELECT soup_api.append('@{[$cluster->producer]}', '$model', ARRAY['$body'::bytea], content_type => 'application/json')");
}
ok($cluster->is_drained, 'there are points');
my $page = $cluster->sql("SELECT max((f).next_page) FROM (SELECT soup_api.nearest('$token', 'vectors', '{1,2,3}', page_size => 1) AS f) x");

# The legal calls: argument, type, SQL. A word after the function tells calls of one function apart.
my @token = ([ 'token', 'text', "'$token'" ]);
my @model = (@token, [ 'model', 'text', q{'vectors'} ]);
my @places = (@token, [ 'model', 'text', q{'boxes'} ]);
my @refined = ([ 'label', 'text', q{'a'} ], [ 'filter', 'jsonb', q{'{}'} ], [ 'page_size', 'integer', 10 ]);
my @org = ([ 'org', 'text', q{'o'} ]);
my @legal = (
	[ 'soup_api.login', [ 'username', 'text', q{'scoped'} ], [ 'passphrase', 'text', q{'long enough 3'} ] ],
	[ 'soup_api.list_models', @token ],
	[ 'soup_api.describe_model', @model ],
	[ 'soup_api.promote', @model, [ 'label', 'text', q{'a'} ], [ 'expected_current', 'text', q{'a'} ], [ 'reason', 'text', q{'why'} ] ],
	[ 'soup_api.get_point', @model, [ 'key', 'text', q{'p'} ], [ 'label', 'text', q{'a'} ] ],
	[ 'soup_api.nearest', @model, [ 'query', 'real[]', q{'{1,2,3}'} ], [ 'k', 'integer', 2 ], @refined ],
	[ 'soup_api.nearest like', @model, [ 'like', 'text', q{'p'} ] ],
	[ 'soup_api.nearest page', @model, [ 'query', 'real[]', q{'{1,2,3}'} ], [ 'page_size', 'integer', 1 ], [ 'page', 'text', "'$page'" ] ],
	[ 'soup_api.within_box', @places, [ 'lo', 'double precision[]', q{'{0,0,0}'} ], [ 'hi', 'double precision[]', q{'{2,2,3}'} ], @refined ],
	[ 'soup_api.within_radius', @places, [ 'center', 'double precision[]', q{'{1,2,3}'} ], [ 'radius', 'double precision', 0.5 ], @refined ],
	[ 'soup.add_org', [ 'name', 'text', q{'new'} ] ],
	[ 'soup.add_principal', @org, [ 'username', 'text', q{'new'} ], [ 'kind', 'text', q{'producer'} ], [ 'passphrase', 'text', q{'long enough 5'} ] ],
	[ 'soup.grant_right', [ 'username', 'text', q{'grantee'} ], @org, [ 'model', 'text', q{'vectors'} ], [ 'label_pattern', 'text', q{'lab-*'} ], [ 'right', 'text', q{'query'} ] ],
	[ 'soup.add_model', @org, [ 'model', 'text', q{'new'} ], [ 'partitions', 'integer', 2 ] ],
	[ 'soup.add_version', @org, [ 'model', 'text', q{'vectors'} ], [ 'label', 'text', q{'new'} ], [ 'manifest', 'jsonb', "'$manifest'" ] ],
	[ 'soup.set_partitions', @org, [ 'model', 'text', q{'hidden'} ], [ 'partitions', 'integer', 3 ] ]);

# What a value can be, by its type, and then by its name: what is wrong, SQL.
my @numbers = ([ 'null', 'NULL' ], [ 'empty', q{'{}'} ], [ 'NaN', q{'{NaN,0,0}'} ], [ 'infinite', q{'{0,Infinity,0}'} ], [ 'null inside', q{'{0,0,NULL}'} ],
	[ 'two dimensions', q{'{{0,0,0}}'} ], [ 'too few', q{'{0,0}'} ], [ 'huge', 'array_fill(0, ARRAY[1000000])' ], [ 'beyond double', q{'{1e999,0,0}'} ],
	[ 'no array', q{'x'} ], [ 'wrong type', 'true' ]);
my %of_type = (
	'text' => [ [ 'null', 'NULL' ], [ 'empty', q{''} ], [ 'huge', q{repeat('x', 1000000)} ], [ 'control character', q{E'a\nb'} ], [ 'NUL', 'chr(0)' ],
		[ 'not UTF-8', q{E'\xff'} ], [ 'cut UTF-8', q{convert_from('\xc3', 'UTF8')} ], [ 'quotes', q{''' OR true --'} ], [ 'wrong type', '7' ] ],
	'integer' => [ [ 'null', 'NULL' ], [ 'zero', '0' ], [ 'negative', '-1' ], [ 'huge', '2147483647' ], [ 'beyond integer', '2147483648' ], [ 'no number', q{'ten'} ],
		[ 'broken', '1.5' ], [ 'NaN', q{'NaN'} ], [ 'wrong type', 'true' ] ],
	'real[]' => [ @numbers, [ 'beyond real', q{'{1e39,0,0}'} ] ],
	'double precision[]' => [ @numbers, [ 'beyond real', q{'{1e39,0,0}'} ] ],
	'double precision' => [ [ 'null', 'NULL' ], [ 'negative', '-1' ], [ 'NaN', q{'NaN'} ], [ 'infinite', q{'Infinity'} ], [ 'no number', q{'x'} ], [ 'wrong type', 'true' ] ],
	'jsonb' => [ [ 'null', 'NULL' ], [ 'JSON null', q{'null'} ], [ 'an array', q{'[]'} ], [ 'a number', q{'7'} ], [ 'unknown field', q{'{"nothing": 1}'} ],
		[ 'NUL', q{'{"a": "\u0000"}'} ], [ 'cut', q('{"n": ') ], [ 'no JSON', q{'{"n": NaN}'} ], [ 'huge', q{jsonb_build_object(repeat('x', 1000000), 1)} ],
		[ 'deep', q{(repeat('[', 5000) || repeat(']', 5000))::jsonb} ], [ 'wrong type', '7' ] ]);
my %of_name = (
	token => [ [ 'altered', "overlay('$token' placing 'AAAA' from 40)" ], [ 'cut', "left('$token', 60)" ], [ 'of a producer', "'@{[$cluster->producer]}'" ] ],
	model => [ [ 'unknown', q{'nothing'} ], [ 'hidden', q{'hidden'} ], [ 'of another org', q{'theirs'} ], [ 'of another kind', q{'boxes'} ] ],
	label => [ [ 'unknown', q{'nothing'} ], [ 'hidden', q{'hidden'} ], [ 'a pattern', q{'*'} ] ],
	page => [ [ 'altered', sprintf q{'%s'}, $page =~ s/^(.{60})(.)/$1 . ($2 eq 'A' ? 'B' : 'A')/er ], [ 'of another query', "'$page', k => 9" ] ],
	filter => [ [ 'unknown operator', q{'{"n": {"like": 1}}'} ], [ 'value of a wrong type', q{'{"n": "x"}'} ] ],
	key => [ [ 'unknown', q{'nothing'} ] ], like => [ [ 'unknown', q{'nothing'} ], [ 'with query too', q{'p', query => '{1,2,3}'} ] ],
	passphrase => [ [ 'another', q{'long enough 9'} ], [ 'short', q{'short'} ] ], username => [ [ 'another', q{'nobody'} ] ],
	expected_current => [ [ 'another', q{'b'} ] ], lo => [ [ 'above hi', q{'{3,3,4}'} ] ], page_size => [ [ 'beyond the limit', '1001' ] ],
	org => [ [ 'unknown', q{'nothing'} ] ], kind => [ [ 'unknown', q{'superuser'} ] ], right => [ [ 'unknown', q{'own'} ] ], name => [ [ 'taken', q{'o'} ] ],
	partitions => [ [ 'beyond the limit', '1001' ] ]);
# Of the server itself, before a function is called: what no value of the type is.
my %always = (
	'text wrong type' => '42883', 'text NUL' => '54000', 'text not UTF-8' => '22021', 'text cut UTF-8' => '22021',
	'integer wrong type' => '42883', 'integer beyond integer' => '42883', 'integer broken' => '42883', 'integer no number' => '22P02', 'integer NaN' => '22P02',
	'jsonb wrong type' => '42883', 'jsonb NUL' => '22P05', 'jsonb cut' => '22P02', 'jsonb no JSON' => '22P02',
	'double precision wrong type' => '42883', 'double precision no number' => '22P02',
	map { ("$_ wrong type" => '42883', "$_ no array" => '22P02', "$_ beyond double" => '22003') } 'real[]', 'double precision[]');

# From "call argument | CODE: what, what | CODE: …" to the code of each.
my %expected;
while (my $line = <DATA>) {
	chomp $line;
	my ($where, @codes) = split / \| /, $line;
	for (@codes) {
		my ($code, $whats) = split /: /, $_, 2;
		$expected{"$where, $_"} = $code for split /, /, $whats;
	}
}

sub call_of {
	my ($call, $arguments, $replaced, $value) = @_;
	my $list = join ', ', map { "\"$_->[0]\" => " . (defined $replaced && $_->[0] eq $replaced ? $value : $_->[2]) } @$arguments;
	return 'SELECT FROM ' . (split / /, $call)[0] . "($list);\n";
}

# A session for each role, since the gateway's may not take another. psql says on stderr which case it is at, so that the
# errors stand below.
my (%script, @cases);
for my $legal (@legal) {
	my ($call, @arguments) = @$legal;
	my $script = \$script{ $call =~ /^soup_api/ ? 'soup_gateway' : 'soup_dba' };
	for my $argument (@arguments) {
		my ($name, $type) = @$argument;
		for my $bad (@{ $of_type{$type} }, @{ $of_name{$name} // [] }) {
			my ($what, $value) = @$bad;
			push @cases, [ "$call $name, $what", $always{"$type $what"} ];
			my $is_refused = ($always{"$type $what"} // $expected{"$call $name, $what"} // 'accepted') ne 'accepted';
			my $statement = call_of($call, \@arguments, $name, $value);
			$$script .= "\\warn bad $#cases\n" . ($is_refused ? $statement : "BEGIN;\n${statement}ROLLBACK;\n");
			$$script .= "\\warn twin $#cases\nBEGIN;\n" . call_of($call, \@arguments) . "ROLLBACK;\n";
		}
	}
}

my $stored = join ' || ' . q{' '} . ' || ',
	map { "(SELECT count(*) FROM $_)" } (map { "soup.$_" } qw(org principal credential "grant" model partition version version_attribute fit version_interval promotion raw_batch)),
	q{pg_class WHERE relnamespace IN ('soup'::regnamespace, 'soup_data'::regnamespace)};
my $before = $cluster->sql("SELECT $stored");
my $errors = '';
for my $role (sort keys %script) {
	$cluster->node->psql('soup', "\\set VERBOSITY verbose\nSET ROLE $role;\n$script{$role}", stderr => \my $said, on_error_stop => 0);
	$errors .= "$said\n";
}
is($cluster->sql("SELECT $stored"), $before, 'nothing was stored');

my (%said, $at);
for (split /\n/, $errors) {
	if (/^(bad|twin) (\d+)$/) { $at = "$1 $2"; $said{$at} = 'accepted'; }
	elsif (/ERROR:  (\w{5}): /) { $said{$at} = $1; }
	elsif (/^CONSTRAINT NAME:  ([A-Z_]+)$/) { $said{$at} .= " $1"; }
	elsif (/server closed|FATAL|PANIC/) { fail($_); }
}
my %is;
for my $n (0 .. $#cases) {
	my ($name, $always) = @{ $cases[$n] };
	is($said{"bad $n"}, $always // $expected{$name}, $name);
	is($said{"twin $n"}, 'accepted', 'and the legal call after it');
	next if $always;
	my ($where, $what) = $name =~ /^(.*), (.*)$/;
	push @{ $is{$where}{ $said{"bad $n"} } }, $what;
}
for my $where (sort keys %is) {
	diag join ' | ', $where, map { "$_: " . join ', ', @{ $is{$where}{$_} } } sort keys %{ $is{$where} } if $ENV{SHOW_CODES};
}
$cluster->node->stop;
done_testing();
__DATA__
soup.add_model model | 22023 BAD_INPUT: null, empty, huge, control character | 40000 CONFLICT: hidden, of another kind | accepted: quotes, unknown, of another org
soup.add_model org | 22023 BAD_INPUT: null | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown
soup.add_model partitions | 22023 BAD_INPUT: null, zero, negative, huge, beyond the limit
soup.add_org name | 22023 BAD_INPUT: null, empty, huge, control character | 40000 CONFLICT: taken | accepted: quotes
soup.add_principal kind | 22023 BAD_INPUT: null, empty, huge, control character, quotes, unknown
soup.add_principal org | 22023 BAD_INPUT: null | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown
soup.add_principal passphrase | 22023 BAD_INPUT: null, empty, huge, control character, short | accepted: quotes, another
soup.add_principal username | 22023 BAD_INPUT: null, empty, huge, control character | accepted: quotes, another
soup.add_version label | 22023 BAD_INPUT: null, empty, huge, control character, a pattern | 40000 CONFLICT: hidden | accepted: quotes, unknown
soup.add_version manifest | 22023 BAD_INPUT: null, JSON null, an array, a number, unknown field, deep | 54000 TOO_BIG: huge
soup.add_version model | 22023 BAD_INPUT: null | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown, of another org | accepted: hidden, of another kind
soup.add_version org | 22023 BAD_INPUT: null | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown
soup.grant_right label_pattern | 22023 BAD_INPUT: null, empty, huge, control character | accepted: quotes
soup.grant_right model | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown, of another org | accepted: null, hidden, of another kind
soup.grant_right org | 22023 BAD_INPUT: null | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown
soup.grant_right right | 22023 BAD_INPUT: null, empty, huge, control character, quotes, unknown
soup.grant_right username | 22023 BAD_INPUT: null | P0002 NOT_FOUND: empty, huge, control character, quotes, another
soup.set_partitions model | 22023 BAD_INPUT: null | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown, of another org | accepted: hidden, of another kind
soup.set_partitions org | 22023 BAD_INPUT: null | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown
soup.set_partitions partitions | 22023 BAD_INPUT: null, zero, negative, huge, beyond the limit
soup_api.describe_model model | 22023 BAD_INPUT: null | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown, hidden, of another org | accepted: of another kind
soup_api.describe_model token | 28000 TOKEN_BAD: null, empty, huge, control character, quotes, altered, cut | accepted: of a producer
soup_api.get_point key | 22023 BAD_INPUT: null | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown
soup_api.get_point label | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown, hidden, a pattern | accepted: null
soup_api.get_point model | 22023 BAD_INPUT: null | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown, hidden, of another org | accepted: of another kind
soup_api.get_point token | 28000 TOKEN_BAD: null, empty, huge, control character, quotes, altered, cut | 42501 SCOPE: of a producer
soup_api.list_models token | 28000 TOKEN_BAD: null, empty, huge, control character, quotes, altered, cut | accepted: of a producer
soup_api.login passphrase | 22023 BAD_INPUT: null, empty, huge | 28P01 LOGIN_FAILED: control character, quotes, another, short
soup_api.login username | 22023 BAD_INPUT: null, empty, huge | 28P01 LOGIN_FAILED: control character, quotes, another
soup_api.nearest filter | 22023 BAD_INPUT: JSON null, an array, a number, unknown field, huge, deep, unknown operator, value of a wrong type | accepted: null
soup_api.nearest k | 22023 BAD_INPUT: zero, negative, huge | accepted: null
soup_api.nearest label | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown, hidden, a pattern | accepted: null
soup_api.nearest like like | 22023 BAD_INPUT: null, with query too | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown
soup_api.nearest like model | 22023 BAD_INPUT: null, of another kind | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown, hidden, of another org
soup_api.nearest like token | 28000 TOKEN_BAD: null, empty, huge, control character, quotes, altered, cut | 42501 SCOPE: of a producer
soup_api.nearest model | 22023 BAD_INPUT: null, of another kind | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown, hidden, of another org
soup_api.nearest page model | 22023 BAD_INPUT: null | 28000 TOKEN_BAD: empty, huge, control character, quotes, unknown, hidden, of another org, of another kind
soup_api.nearest page page | 28000 TOKEN_BAD: empty, huge, control character, quotes, altered, of another query | accepted: null
soup_api.nearest page page_size | 22023 BAD_INPUT: zero, negative, huge, beyond the limit | accepted: null
soup_api.nearest page query | 22003: beyond real | 22023 BAD_INPUT: null | 28000 TOKEN_BAD: empty, NaN, infinite, null inside, two dimensions, too few, huge
soup_api.nearest page token | 28000 TOKEN_BAD: null, empty, huge, control character, quotes, altered, cut | 42501 SCOPE: of a producer
soup_api.nearest page_size | 22023 BAD_INPUT: negative, huge, beyond the limit | accepted: null, zero
soup_api.nearest query | 22003: beyond real | 22023 BAD_INPUT: null, empty, NaN, infinite, null inside, two dimensions, too few, huge
soup_api.nearest token | 28000 TOKEN_BAD: null, empty, huge, control character, quotes, altered, cut | 42501 SCOPE: of a producer
soup_api.promote expected_current | 40000 CONFLICT: empty, huge, control character, quotes, another | accepted: null
soup_api.promote label | 22023 BAD_INPUT: null | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown, hidden, a pattern
soup_api.promote model | 22023 BAD_INPUT: null | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown, hidden, of another org | accepted: of another kind
soup_api.promote reason | 54000 TOO_BIG: huge | accepted: null, empty, control character, quotes
soup_api.promote token | 28000 TOKEN_BAD: null, empty, huge, control character, quotes, altered, cut | 42501 SCOPE: of a producer
soup_api.within_box filter | 22023 BAD_INPUT: JSON null, an array, a number, unknown field, huge, deep, unknown operator, value of a wrong type | accepted: null
soup_api.within_box hi | 22023 BAD_INPUT: null, empty, NaN, infinite, null inside, two dimensions, too few, huge | accepted: beyond real
soup_api.within_box label | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown, hidden, a pattern | accepted: null
soup_api.within_box lo | 22023 BAD_INPUT: null, empty, NaN, infinite, null inside, two dimensions, too few, huge, beyond real, above hi
soup_api.within_box model | 22023 BAD_INPUT: null | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown, hidden, of another org | accepted: of another kind
soup_api.within_box page_size | 22023 BAD_INPUT: negative, huge, beyond the limit | accepted: null, zero
soup_api.within_box token | 28000 TOKEN_BAD: null, empty, huge, control character, quotes, altered, cut | 42501 SCOPE: of a producer
soup_api.within_radius center | 22023 BAD_INPUT: null, empty, NaN, infinite, null inside, two dimensions, too few, huge, beyond real
soup_api.within_radius filter | 22023 BAD_INPUT: JSON null, an array, a number, unknown field, huge, deep, unknown operator, value of a wrong type | accepted: null
soup_api.within_radius label | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown, hidden, a pattern | accepted: null
soup_api.within_radius model | 22023 BAD_INPUT: null | P0002 NOT_FOUND: empty, huge, control character, quotes, unknown, hidden, of another org | accepted: of another kind
soup_api.within_radius page_size | 22023 BAD_INPUT: negative, huge, beyond the limit | accepted: null, zero
soup_api.within_radius radius | 22023 BAD_INPUT: null, negative, NaN, infinite
soup_api.within_radius token | 28000 TOKEN_BAD: null, empty, huge, control character, quotes, altered, cut | 42501 SCOPE: of a producer
