# Goal: a disk that is full in the middle of a build or an insert is a clear error; nothing of the index is left over, what was
# there before is sound, and everything goes on when there is room again.
#
# Method: the postmaster's soft limit of a file's size (RLIMIT_FSIZE), which its new sessions inherit, ends a write beyond it
# with EFBIG, on the path that ENOSPC takes. The vectors are an expression, so that the index is the one large file; the log's
# segments are smaller than the limit.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $limit = 2 << 20;
my $node = PostgreSQL::Test::Cluster->new('full_disk');
$node->init(extra => ['--wal-segsize=1']);
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_wal_size = 1GB\n");
$node->start;
my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;

sub limit_files {
	my ($bytes) = @_;
	system_or_bail('prlimit', "--pid=$postmaster", "--fsize=$bytes:");
	return;
}

# Files of the database that no relation has; those that an abort left are removed by the next checkpoint.
sub strangers {
	return $node->safe_psql('postgres', <<'SQL');
CHECKPOINT;
SELECT name FROM pg_ls_dir('base/' || (SELECT oid FROM pg_database WHERE datname = current_database())) name
WHERE name ~ '^\d+' AND pg_filenode_relation(0, substring(name FROM '^\d+')::oid) IS NULL;
SQL
}

$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION soupvec;
-- Qualified, for PostgreSQL 17 builds indexes with a search_path of its own.
CREATE FUNCTION near(dimensions integer, seed integer) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg((hashint4(i * 7919 + seed % 20000 * 100003) & 1023) / 4.0 ORDER BY i)::public.vector FROM generate_series(1, dimensions) i
$$;
CREATE TABLE place (id integer);
INSERT INTO place SELECT i FROM generate_series(1, 20000) i;
SQL
for my $method (qw(vann vtree)) {
	my $dimensions = $method eq 'vann' ? 128 : 16;
	my $rows = $method eq 'vann' ? 12000 : 30000;
	my $index = "CREATE INDEX place_at ON place USING $method ((near($dimensions, id)::vector($dimensions)))";
	$node->safe_psql('postgres', "TRUNCATE place; INSERT INTO place SELECT i FROM generate_series(1, $rows) i; VACUUM FREEZE place; CHECKPOINT");

	limit_files($limit);
	for my $memory ('64MB', '1MB') {
		my ($status, $out, $err) = $node->psql('postgres', "SET maintenance_work_mem = '$memory'; $index");
		like($err, qr/ERROR:  could not (extend|write).*File too large/s, "$method, $memory: the build says why it ends");
		is(strangers(), '', "$method, $memory: it leaves no file");
		is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_class WHERE relname LIKE 'place_at%'}), 0, "$method, $memory: it leaves no index");
	}
	limit_files('unlimited');
	$node->safe_psql('postgres', $index);
	cmp_ok($node->safe_psql('postgres', q{SELECT pg_relation_size('place_at')}), '>', $limit, "$method: with room it builds an index beyond the limit");

	# Inserts: row by row until a page is missing.
	$node->safe_psql('postgres', 'DROP INDEX place_at; TRUNCATE place');
	$node->safe_psql('postgres', $index);
	limit_files($limit);
	my $error = '';
	for my $batch (1 .. 40) {
		my ($status, $out, $err) = $node->psql('postgres', "INSERT INTO place SELECT $batch * 1000 + i FROM generate_series(1, 1000) i");
		$error = $err;
		last if $status;
	}
	like($error, qr/ERROR:  could not (extend|write).*File too large/s, "$method: an insert says why it ends");
	is($node->safe_psql('postgres', q{SELECT * FROM soupvec_verify('place_at')}), '', "$method: what was there is sound");
	limit_files('unlimited');
	$node->safe_psql('postgres', 'INSERT INTO place SELECT 100000 + i FROM generate_series(1, 2000) i; VACUUM (INDEX_CLEANUP on) place; VACUUM (INDEX_CLEANUP on) place');
	is($node->safe_psql('postgres', q{SELECT * FROM soupvec_verify('place_at', true)}), '', "$method: with room it goes on, and vacuum finds what was left");
	$node->safe_psql('postgres', 'DROP INDEX place_at');
}
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal/, 'no session crashed');

done_testing();
