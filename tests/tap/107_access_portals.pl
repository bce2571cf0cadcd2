# Goal: no row leaves by a portal whose principal has lost its rights since (threat b24). A portal can be executed for some
# rows at a time, between which a grant can be taken away, while its transaction goes on as it began.
# Method: the protocol by hand, as the gateway's role.
use strict;
use warnings;
use AccessCluster;
use PgWire;
use Test::More;

my $cluster = AccessCluster->new('portals');
my $node = $cluster->node;
my $user = $cluster->principal('A', 'consumer', 'query');
$cluster->sql(q{SELECT soup.add_model('A', 'model ' || n) FROM generate_series(1, 4) n});
my $token = $cluster->login($user);
my $models = "SELECT soup_api.list_models('$token')";

my $gateway = PgWire->new($node, 'soup_gateway', 'soup');
is($gateway->open_portal('', $models, 0), 'row, row, row, row, row, complete', 'an answer as a whole');

is($gateway->query('BEGIN'), 'complete', 'in a transaction');
is($gateway->open_portal('whole', $models, 0), 'row, row, row, row, row, complete', 'a portal read to its end');
is($gateway->execute_portal('whole', 0), 'complete', 'has no more');
is($gateway->open_portal('first', $models, 1), 'row, suspended', 'one row is asked for');
$cluster->sql("SELECT soup.revoke_right('$user', 'A', NULL, '*', 'query')");
is($gateway->execute_portal('first', 1), '42501 FORBIDDEN_STMT', 'b24 and none comes after it');
is($gateway->execute_portal('first', 0), '25P02', 'b24 the transaction has failed');
is($gateway->query('ROLLBACK'), 'complete', 'and ends');
is($gateway->open_portal('', $models, 0), 'complete', 'b24 nothing is left to see');

# What the API does not answer may be read in pieces, and so may others' sessions.
is($gateway->query('BEGIN'), 'complete', 'in a transaction');
is($gateway->open_portal('series', 'SELECT generate_series(1, 3)', 1), 'row, suspended', 'twin: rows of nobody');
is($gateway->execute_portal('series', 0), 'row, row, complete', 'twin: go on');
is($gateway->query('ROLLBACK'), 'complete', 'and end');
$cluster->sql("SELECT soup.grant_right('$user', 'A', NULL, '*', 'query')");
my $superuser = PgWire->new($node, scalar getpwuid($<), 'soup');
is($superuser->query('BEGIN'), 'complete', 'a superuser');
is($superuser->open_portal('first', $models, 1), 'row, suspended', 'asks for one row');
is($superuser->execute_portal('first', 0), 'row, row, row, row, complete', 'and for the rest');

# The bound of what one execution may still hand out: the token's own end, and five seconds.
my $claims = $cluster->claims($token);
my $now = $cluster->sql('SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint');
my $brief = $cluster->seal({ %$claims, expires => $now + 2_000_000 });
$gateway->query('SET statement_timeout = 0');
is($gateway->query('BEGIN'), 'complete', 'a transaction without time limit');
is($gateway->query("SELECT soup_api.list_models('$brief')"), 'row, row, row, row, row, complete', 'under a token that ends soon');
is($gateway->open_portal('slow', 'SELECT pg_sleep(30)', 0), '57P01', 'a32 is ended from inside of a statement');
my $took = ($cluster->sql('SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint') - $now) / 1_000_000;
cmp_ok($took, '>=', 7, 'a32 not before its five seconds of grace');
cmp_ok($took, '<', 25, 'a32 but long before it would have ended itself');

$node->stop;
done_testing();
