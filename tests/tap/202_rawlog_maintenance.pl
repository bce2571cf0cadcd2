# Goal: without anybody's help there is a leaf for this month and the next, and idempotency keys older than their window
# are forgotten, either also while the other cannot be done; and where a leaf is missing all the same, the append that needs
# it makes it.
#
# Method: leaves are dropped and keys aged by a superuser while the launcher waits for another database; after a restart it
# has this one, and maintains it. A prepared transaction outlives the restart, and its lock keeps the launcher from one of
# both.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('rawlog_maintenance');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'machinesoup'
soup.database = 'elsewhere'
max_prepared_transactions = 1
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE soup');
$node->safe_psql('soup', <<'SQL');
CREATE EXTENSION machinesoup CASCADE;
SELECT soup.add_org('o'), soup.add_model('o', 'm'), soup.add_principal('o', 'p', 'producer', 'long enough');
SELECT soup.grant_right('p', 'o', NULL, '*', 'append');
SQL
my $token = $node->safe_psql('soup', q{SELECT token FROM soup_api.login('p', 'long enough')});
my $append = "SELECT first_offset FROM soup_api.append('$token', 'm', ARRAY['x']::bytea[]";
# Which may not log in while soup.database names another one.
my $as_gateway = 'SET SESSION AUTHORIZATION soup_gateway;';
my $leaves = q{SELECT count(*) FROM pg_class c JOIN soup.org o ON c.relname IN (
    'r_' || replace(o.org::text, '-', '') || to_char(now() AT TIME ZONE 'UTC', '_YYYYMM'),
    'r_' || replace(o.org::text, '-', '') || to_char((now() AT TIME ZONE 'UTC') + interval '1 month', '_YYYYMM'))};
my $drop = q{DO $$ DECLARE leaf regclass; BEGIN
    FOR leaf IN SELECT i.inhrelid FROM pg_inherits i JOIN pg_inherits p ON p.inhrelid = i.inhparent WHERE p.inhparent = 'soup.raw_batch'::regclass LOOP
        EXECUTE 'DROP TABLE ' || leaf; END LOOP; END $$};
is($node->safe_psql('soup', $leaves), 2, 'add_model makes the leaves of this month and the next');

# An append makes the leaf of its month itself, in a session without any other right, and goes on.
$node->safe_psql('soup', $drop);
is($node->safe_psql('soup', "$as_gateway $append)"), 0, 'an append that finds no leaf makes it');
is($node->safe_psql('soup', $leaves), 1, 'the one it needs');
my ($owner, $forced) = split /\|/, $node->safe_psql('soup',
    q{SELECT relowner::regrole, relforcerowsecurity FROM pg_class WHERE relname ~ '^r_[0-9a-f]{32}_\d{6}$'});
is("$owner $forced", 'soup_owner t', 'as soup_owner, under forced row-level security');
is($node->safe_psql('soup', q{SELECT count(*) FROM soup.doctor() WHERE problem LIKE 'org o has no leaf for %'}), 1, 'doctor() misses the next one');

# Keys: one old, one young.
$node->safe_psql('soup', "$append, idempotency_key => 'old')");
$node->safe_psql('soup', "$append, idempotency_key => 'young')");
$node->safe_psql('soup', q{UPDATE soup.idempotency SET received_at = received_at - CASE key WHEN 'old' THEN interval '25 hours' ELSE '2 hours' END});
my ($status, $out, $err) = $node->psql('soup', "$as_gateway SELECT soup.purge_idempotency()");
isnt($status, 0, 'the gateway may not purge');

# Restarts while a table is locked, until the launcher has logged that.
my $keys = q{SELECT coalesce(string_agg(key, ' '), '') FROM soup.idempotency};
sub restart_locked {
	my ($table, $lock, $failure) = @_;
	$node->safe_psql('soup', "BEGIN; LOCK TABLE ONLY $table IN $lock MODE; PREPARE TRANSACTION 'lock'");
	my $log_read = -s $node->logfile;
	$node->restart;
	ok($node->wait_for_log(qr/WARNING:  $failure failed: canceling statement due to lock timeout \(55P03\)/, $log_read), "$failure fails");
	return;
}
$node->append_conf('postgresql.conf', "soup.database = 'soup'");
my $org_table = $node->safe_psql('soup', q{SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'soup.raw_batch'::regclass});
restart_locked($org_table, 'SHARE UPDATE EXCLUSIVE', 'making leaves of the raw log');
ok($node->poll_query_until('soup', $keys, 'young'), 'the launcher forgets the old key only, with or without leaves');
is($node->safe_psql('soup', $leaves), 1, 'without, here');
$node->safe_psql('soup', q{ROLLBACK PREPARED 'lock'});
restart_locked('soup.idempotency', 'EXCLUSIVE', 'forgetting idempotency keys');
ok($node->poll_query_until('soup', $leaves, '2'), 'it makes the missing leaf, with or without keys');
$node->safe_psql('soup', q{ROLLBACK PREPARED 'lock'});
is($node->safe_psql('soup', "$append, idempotency_key => 'young')"), 2, 'the young one still answers');
is($node->safe_psql('soup', "$append, idempotency_key => 'old')"), 3, 'the old one is new again');

# The window is a setting.
$node->safe_psql('soup', q{ALTER SYSTEM SET soup.idempotency_window_s = '90min'});
$node->restart;
ok($node->poll_query_until('soup', $keys, 'old'),
	'with a shorter window the launcher forgets what is older than that, and only that');
is($node->safe_psql('soup', q{SELECT * FROM soup.verify_raw('o', 'm')}), '', 'the log is whole');
is($node->safe_psql('soup', q{SELECT count(*) FROM soup.doctor() WHERE subject = 'raw log'}), 0, 'doctor() finds nothing');
$node->stop;
done_testing();
