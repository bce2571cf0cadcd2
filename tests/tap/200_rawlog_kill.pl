# Goal: an acknowledged append survives kill -9 of any process, and whatever was not acknowledged is stored once when it
# is repeated with its key.
#
# Method: clients append through psql, one statement a transaction, each with its own idempotency key and content, and
# write down every answer. At random moments a backend or the postmaster is killed with SIGKILL (a killed backend makes
# the postmaster restart all others). After the restart each client goes on behind its last acknowledged key: what it
# repeats may have been stored or not. In the end every key is there once, under the address that was acknowledged, with
# its content; offsets are dense and all digests match.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use IPC::Run ();
use Test::More;
use Time::HiRes qw(sleep time);

my $kills   = $ENV{SOUP_KILLS} // 50;
my $clients = 4;
my $seed    = $ENV{SOUP_SEED} // time() ^ $$;
srand($seed);
note "seed $seed";

my $node = PostgreSQL::Test::Cluster->new('rawlog_kill');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'machinesoup'
soup.database = 'soup'
fsync = on
restart_after_crash = on
recovery_init_sync_method = syncfs
autovacuum = on
max_connections = 30
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE soup');
$node->safe_psql('soup', <<'SQL');
CREATE EXTENSION machinesoup CASCADE;
SELECT soup.add_org('o'), soup.add_principal('o', 'p', 'producer', 'long enough');
SELECT soup.add_model('o', 'm', 2), soup.grant_right('p', 'o', NULL, '*', 'append');
SELECT soup.add_version('o', 'm', 'staged', '{"runtime": "builtin", "entry": "passthrough", "input": {"content_type": "application/json"}, "output": {"vector": 2}}');
SQL
my $token = $node->safe_psql('soup', q{SELECT token FROM soup_api.login('p', 'long enough')});

# What client c sends as its n-th append: one or several records, sometimes labelled, sometimes joined with a second one.
sub statement {
    my ($c, $n) = @_;
    my $label = $n % 3 == 0 ? q{'staged'} : 'NULL';
    my $filler = 'x' x ($n % 7 == 0 ? 5000 : 20);
    my ($one, $two) = ("<$c-$n>$filler", "<$c-$n-b>$filler");
    return "SELECT $n, partition, first_offset FROM soup_api.append(:'token', 'm', ARRAY['$one', 'more']::bytea[], "
        . "label => $label, stream => 's$c', idempotency_key => '$c-$n');\n"
        if $n % 2 == 0;
    return "SELECT $n, partition, first_offset FROM soup_api.append_many(ARRAY[:'token', :'token'], ARRAY['m', 'm'], "
        . "ARRAY[$label, NULL]::text[], ARRAY['s$c', 't$c'], NULL, ARRAY['$c-$n', '$c-$n-b'], ARRAY[1, 1], "
        . "ARRAY['$one', '$two']::bytea[], NULL) LIMIT 1;\n";
}

my @acknowledged = map { {} } 1 .. $clients;    # n → [partition, first_offset]
my @last         = (0) x $clients;
my $per_round    = 400;

my $folder = PostgreSQL::Test::Utils::tempdir();

# Everything goes through files: a pipe to a client whose server was killed would break under the test itself.
sub start_client {
    my ($c) = @_;
    my %file = map { $_ => "$folder/client-$c.$_" } qw(sql out err);
    open my $script, '>', $file{sql} or die $!;
    print $script statement($c, $_) for $last[$c] + 1 .. $last[$c] + $per_round;
    close $script or die $!;
    my $handle = IPC::Run::start(
        [ $node->installed_command('psql'), '-XqAt', '-F', ' ', '-v', 'ON_ERROR_STOP=1', '-v', "token=$token",
            '-d', $node->connstr('soup'), '-f', $file{sql} ],
        '<', '/dev/null', '>', $file{out}, '2>', $file{err});
    return { handle => $handle, client => $c, %file };
}

sub read_answers {
    my ($client) = @_;
    my $c = $client->{client};
    for my $line (split /\n/, slurp_file($client->{out})) {
        next unless $line =~ /^(\d+) (\d+) (\d+)$/;
        my ($n, $partition, $offset) = ($1, $2, $3);
        $last[$c] = $n if $n > $last[$c];
        $acknowledged[$c]{$n} = [ $partition, $offset ];
    }
}

sub backend_pids {
    my $postmaster = $node->{_pid};
    return grep { $_ } map { /^(\d+)\s+postgres: .* soup \[local\] (SELECT|COMMIT|idle)/ ? $1 : () }
        split /\n/, `ps -o pid=,args= --ppid $postmaster | sed 's/^ *//'`;
}

sub wait_until_up {
    my $deadline = time() + 120;
    while (time() < $deadline) {
        my ($out, $err);
        return if IPC::Run::run([ $node->installed_command('psql'), '-XqAt', '-d', $node->connstr('soup'), '-c', 'SELECT 1' ],
            '<', '/dev/null', '>', \$out, '2>', \$err);
        sleep 0.05;
    }
    die 'the server did not come back';
}

# Orphaned backends keep the shared memory for a moment; a failed start leaves the dead postmaster's number behind.
sub start_again {
    for (1 .. 300) {
        $node->{_pid} = undef;
        return if $node->start(fail_ok => 1);
        sleep 0.2;
    }
    die 'the server does not start';
}

my %done = (backend => 0, postmaster => 0);
while ($done{backend} + $done{postmaster} < $kills) {
    my @running = map { start_client($_) } 0 .. $clients - 1;
    sleep(0.02 + rand(0.25));
    if (rand() < 0.4) {
        $node->kill9;
        ++$done{postmaster};
    }
    elsif (my @pids = backend_pids()) {
        ++$done{backend} if kill 'KILL', $pids[ int rand @pids ];
    }
    for my $client (@running) {
        IPC::Run::finish($client->{handle});
        read_answers($client);
    }
    start_again() unless defined $node->{_pid};
    wait_until_up();
}
note "killed $done{backend} backends, $done{postmaster} postmasters; acknowledged: @last";

# Nothing is in flight any more: repeat from the last answer on, then every attempted key must be there once.
for my $c (0 .. $clients - 1) {
    my $client = start_client($c);
    IPC::Run::finish($client->{handle});
    read_answers($client);
    is(slurp_file($client->{err}), '', "client $c finishes in peace");
}
my ($attempted, $wrong) = (0, 0);
$node->safe_psql('soup', 'CREATE TABLE answer (client int, n int, partition int, first_offset bigint)');
for my $c (0 .. $clients - 1) {
    $attempted += $last[$c];
    is(scalar keys %{ $acknowledged[$c] }, $last[$c], "client $c has an answer for every key up to $last[$c]");
    $node->safe_psql('soup', 'INSERT INTO answer VALUES '
            . join ',', map { "($c, $_, $acknowledged[$c]{$_}[0], $acknowledged[$c]{$_}[1])" } keys %{ $acknowledged[$c] });
}
cmp_ok($attempted, '>', $kills, 'the clients got something done between the kills');
is($node->safe_psql('soup', <<'SQL'), '0', 'every acknowledged append is at its address with its content');
SELECT count(*) FROM answer a WHERE NOT EXISTS (
    SELECT FROM soup.raw_batch b WHERE b.partition = a.partition AND b.first_offset = a.first_offset
       AND b.stream = 's' || a.client AND b.record_count = CASE WHEN a.n % 2 = 0 THEN 2 ELSE 1 END
       -- Small frames are stored as they are; the long ones are compressed, and verify_raw decodes them.
       AND (a.n % 7 = 0 OR position(format('<%s-%s>', a.client, a.n)::bytea in b.frame) > 0)
       AND (b.explicit_version IS NOT NULL) = (a.n % 3 = 0))
SQL
my $joined = $node->safe_psql('soup', 'SELECT count(*) FROM answer WHERE n % 2 = 1');
is($node->safe_psql('soup', 'SELECT count(*) FROM soup.raw_batch'), $attempted + $joined, 'every append is stored once');
is($node->safe_psql('soup', 'SELECT count(DISTINCT key), count(*) FROM soup.idempotency'),
    join('|', ($attempted + $joined) x 2), 'every key is remembered once');
is($node->safe_psql('soup', q{SELECT * FROM soup.verify_raw('o', 'm')}), '', 'verify_raw finds nothing');
is($node->safe_psql('soup', <<'SQL'), '0', 'label_head stands behind the last labelled record');
SELECT count(*) FROM soup.label_head h
 WHERE head_offset <> (SELECT max(first_offset + record_count) FROM soup.raw_batch b
                        WHERE b.partition = h.partition AND b.explicit_version = h.version)
SQL
cmp_ok($done{backend},    '>', 0, 'backends were killed');
cmp_ok($done{postmaster}, '>', 0, 'the postmaster was killed');

# Durable although the database says otherwise: synchronous_commit = off does not reach an append.
$node->safe_psql('soup', 'ALTER DATABASE soup SET synchronous_commit = off');
for my $round (1 .. 3) {
    my $answer = $node->safe_psql('soup',
        qq{SELECT partition, first_offset FROM soup_api.append('$token', 'm', ARRAY['off-$round'::bytea], stream => 'off')});
    $node->kill9;
    start_again();
    is($node->safe_psql('soup', qq{SELECT partition, first_offset FROM soup.raw_batch
                                    WHERE position('off-$round'::bytea in frame) > 0}), $answer,
        "synchronous_commit = off: append $round is there after kill -9");
}
$node->stop;
done_testing();
