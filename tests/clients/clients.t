# Clients made for pgvector against soupvec, on a cluster of their own. Their packages are what package-lock.json names,
# installed below the build folder by `make check-clients`.
use strict;
use warnings;
use File::Copy qw(copy);
use File::Temp qw(tempdir);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('clients');
$node->init;
$node->start;

# Modules are looked for beside the files that import them.
my $folder = tempdir(CLEANUP => 1);
symlink("$ENV{SOUP_BUILD}/clients/node_modules", "$folder/node_modules") or die "cannot link: $!";
copy($_, $folder) or die "cannot copy $_: $!" for glob('tests/clients/*.js'), 'tests/clients/package.json';

local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGUSER => getpwuid($>), PGDATABASE => 'postgres');
for my $test (sort glob("$folder/*.test.js")) {
    my ($output, $errors);
    my $passed = IPC::Run::run(['node', '--test', $test], '>', \$output, '2>', \$errors);
    ok($passed, (split m{/}, $test)[-1]) or diag($output, $errors);
}
$node->stop;
done_testing();
