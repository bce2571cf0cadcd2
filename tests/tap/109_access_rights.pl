# Goal: docs/rights.md is true: what each kind of principal may call, with which right. Method: its tables are read, and every
# function is called as every kind, with every right alone and with none, on a model of which each call is legal otherwise.
use strict;
use warnings;
use AccessCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @kinds = qw(producer consumer data_scientist org_admin operator);
my @rights = qw(append query promote stage replay inspect_raw administer);

# --- what the page says -------------------------------------------------------------------------------------------------------
my (%kinds_of, %right_of, %opened_by);
sub names { return $_[0] =~ /`(\w+)`/g; }
for my $line (split /\n/, slurp_file('docs/rights.md')) {
	next unless $line =~ /^\|/;
	my (undef, $first, @cells) = map { s/^\s+|\s+$//gr } split /\|/, $line, -1;
	pop @cells;
	if (@cells == 6 && $first =~ /^`/) {
		for my $function (names($first)) {
			$right_of{$function} = $cells[0] =~ s/`//gr;
			$kinds_of{$function} = { map { $kinds[$_] => 1 } grep { $cells[ 1 + $_ ] eq 'yes' } 0 .. $#kinds };
		}
	}
	elsif (@cells == 1 && grep { "`$_`" eq $first } @rights) {
		$opened_by{ (names($first))[0] } = join ' ', sort { $a cmp $b } names($cells[0]);
	}
}
is_deeply([ sort keys %opened_by ], [ sort @rights ], 'the page names every right');
for my $right (@rights) {
	is($opened_by{$right}, join(' ', sort { $a cmp $b } grep { $right_of{$_} eq $right || $right_of{$_} eq 'any' } keys %right_of),
		"its two tables say the same of $right");
}

my $cluster = AccessCluster->new('rights');
$cluster->principal('A', 'consumer', 'promote');
$cluster->sql(q{SELECT soup.add_version('A', 'pump', 'prod-1', '{"runtime": "builtin", "entry": "passthrough", "input": {},
	"output": {"vector": 2, "position": {"type": "xyz", "fields": ["x", "y"]}}}')});
is_deeply([ sort keys %right_of ],
	[ split /\n/, $cluster->sql(q{SELECT name FROM soup.api_function WHERE name <> 'login' ORDER BY name COLLATE "C"}) ],
	'the page has every function');
for my $function (sort keys %kinds_of) {
	is($cluster->sql("SELECT array_agg(k ORDER BY k) = (SELECT array_agg(k ORDER BY k) FROM unnest(kinds) k) FROM soup.api_function, "
			  . "unnest('{" . join(',', sort keys %{ $kinds_of{$function} }) . "}'::text[]) k WHERE name = '$function' GROUP BY kinds"),
		't', "the registry has its kinds of $function");
}

# --- what happens -------------------------------------------------------------------------------------------------------------
my %token = (consumer => $cluster->login('A-consumer'));
$cluster->sql("SELECT soup_api.promote('$token{consumer}', 'pump', 'prod-1')");
my $storage = $cluster->sql(q{SELECT storage FROM soup.version});
$cluster->sql("INSERT INTO soup_data.$storage (source_offset, received_at, source_partition, key, position, vector) VALUES (0, now(), 0, 'p', '[1,2]', '[3,4]')");
for my $kind (grep { $_ ne 'consumer' } @kinds) { $token{$kind} = $cluster->login($cluster->principal('A', $kind, 'query')); }

# Of each function a call that is legal for whoever may call it; what it says of success.
my %call = (
	append => q{SELECT 'ok' FROM soup_api.append(%s, 'pump', ARRAY['{}']::bytea[])},
	append_many => q{SELECT coalesce(code, 'ok') FROM soup_api.append_many(ARRAY[%s], ARRAY['pump'], ARRAY[NULL], ARRAY[NULL], ARRAY[NULL], ARRAY[NULL],
		ARRAY[1], ARRAY['{}']::bytea[], NULL)},
	nearest => q{SELECT 'ok' FROM soup_api.nearest(%s, 'pump', '{3,4}')},
	within_box => q{SELECT 'ok' FROM soup_api.within_box(%s, 'pump', '{0,0}', '{2,2}')},
	within_radius => q{SELECT 'ok' FROM soup_api.within_radius(%s, 'pump', '{1,2}', 1)},
	get_point => q{SELECT 'ok' FROM soup_api.get_point(%s, 'pump', 'p')},
	promote => q{SELECT 'ok' FROM soup_api.promote(%s, 'pump', 'prod-1')},
	list_models => q{SELECT coalesce(max('ok'), 'NOT_FOUND') FROM soup_api.list_models(%s)},
	describe_model => q{SELECT 'ok' FROM soup_api.describe_model(%s, 'pump')});
my @tried = map { my $kind = $_; map { [ $kind, $_ ] } sort keys %call } @kinds;
is_deeply([ sort keys %call ], [ sort keys %right_of ], 'every function has a call');

# One session for all of it; an answer or a reason for each call.
sub outcomes {
	my $script = join '', map { my ($kind, $function) = @$_; sprintf("\\warn =\n$call{$function} \\g | sed 's/^/said /' >&2\n", "'$token{$kind}'") =~ s/\n\t+/ /gr } @tried;
	my (undef, $err) = $cluster->run("\\pset format unaligned\n\\pset tuples_only on\n$script", role => 'soup_gateway');
	my (undef, @parts) = split /^.*?=\n/m, $err;
	return map { /^said (\w+)$/m ? $1 : /^CONSTRAINT NAME:  (\w+)$/m ? $1 : "? $_" } @parts;
}

for my $right (@rights, 'none') {
	$cluster->sql('DELETE FROM soup."grant"');
	if ($right ne 'none') { $cluster->sql("SELECT soup.grant_right(username, 'A', NULL, '*', '$right') FROM soup.principal"); }
	my @got = outcomes();
	is(scalar @got, scalar @tried, "every call was answered, with $right");
	for my $i (0 .. $#tried) {
		my ($kind, $function) = @{ $tried[$i] };
		my $expected = !$kinds_of{$function}{$kind} ? 'SCOPE' : $right eq 'none' ? 'NOT_FOUND'
		  : $right_of{$function} eq 'any' || $right_of{$function} eq $right ? 'ok' : 'SCOPE';
		is($got[$i], $expected, "$kind with $right: $function");
	}
}

$cluster->node->stop;
done_testing();
