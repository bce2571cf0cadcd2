# Goal: the pgTAP files of this room. Method: each regress/pgtap/access*.sql runs in a database with data in it, and
# again in the same database after a dump was restored into another; their lines become tests here.
use strict;
use warnings;
use AccessCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = AccessCluster->new('pgtap');
my $node = $cluster->node;
$cluster->principal('A', 'producer', 'append');
$cluster->sql(q{SELECT soup.add_version('A', 'pump', 'prod-1', '{"runtime": "builtin", "entry": "passthrough",
	"input": {"content_type": "application/json"}, "output": {"vector": 2}}')});
$node->command_ok([ 'pg_dump', '-Fc', '-f', $node->basedir . '/soup.dump', $node->connstr('soup') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $node->basedir . '/soup.dump' ], 'pg_restore');

for my $database ('soup', 'restored') {
	for my $file (sort glob 'regress/pgtap/access*.sql') {
		my ($out, $err) = ('', '');
		$node->psql($database, slurp_file($file), stdout => \$out, stderr => \$err, on_error_stop => 0);
		is($err, '', "$file runs in $database");
		my ($planned) = $out =~ /^1\.\.(\d+)$/m;
		my @lines = $out =~ /^((?:not )?ok \d+.*)$/mg;
		is(scalar @lines, $planned, "$file runs as planned in $database");
		for (@lines) { ok(/^ok/, s/^(not )?ok \d+ - //r . " ($database)"); }
		diag($out) if $out =~ /^not ok/m;
	}
}
$node->stop;
done_testing();
