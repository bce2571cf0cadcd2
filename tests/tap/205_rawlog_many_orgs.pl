# Goal: the leaves of more orgs than one transaction could lock the tables of are made all the same.
#
# Method: orgs are added, and their leaves dropped, in a server with room for their locks and a launcher that waits for
# another database; then it restarts with the smallest lock table there is. That one transaction would not do is tried first.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $orgs = 200;
my $node = PostgreSQL::Test::Cluster->new('rawlog_many_orgs');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'machinesoup'
soup.database = 'elsewhere'
soup.poll_ms = 60000
max_locks_per_transaction = 1000
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE soup');
$node->safe_psql('soup', <<"SQL");
CREATE EXTENSION machinesoup CASCADE;
SELECT soup.add_org('o' || n), soup.add_model('o' || n, 'm') FROM generate_series(1, $orgs) n;
DO \$\$ DECLARE org_table regclass; BEGIN
    FOR org_table IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'soup.raw_batch'::regclass LOOP
        EXECUTE 'DROP TABLE ' || org_table; END LOOP; END \$\$;
SQL
my $leaves = q{SELECT count(*) FROM pg_class c WHERE c.relkind = 'r' AND c.relispartition AND c.relname ~ '^r_[0-9a-f]{32}_[0-9]{6}$'};
is($node->safe_psql('soup', $leaves), 0, 'no org has a leaf');

$node->append_conf('postgresql.conf', <<'CONF');
max_locks_per_transaction = 10
max_connections = 8
max_wal_senders = 0
max_worker_processes = 8
autovacuum_max_workers = 1
CONF
$node->restart;
my ($status, $out, $err) = $node->psql('soup', 'SELECT soup.make_raw_leaf(org, now()::date) FROM soup.org');
like($err, qr/out of shared memory/, 'one transaction cannot make them all');

# The launcher goes on without waiting for soup.poll_ms.
my $log_read = -s $node->logfile;
$node->append_conf('postgresql.conf', "soup.database = 'soup'");
$node->restart;
ok($node->poll_query_until('soup', $leaves, 2 * $orgs), 'the launcher makes them');
is($node->safe_psql('soup', q{SELECT count(*) FROM soup.doctor() WHERE subject = 'raw log'}), 0, 'doctor() misses none');
my @trouble = grep { /out of shared memory|WARNING/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile, $log_read);
is("@trouble", '', 'and nothing went wrong on the way');
$node->stop;
done_testing();
