# Goal: whatever is killed while records come in over HTTP and are processed - the gateway, the backend that stores, a
# worker, the postmaster -, every acknowledged record is stored once at the address that was acknowledged, and every
# point is right. tests/tap/200 and 300 do the same without a gateway between client and server.
#
# Method: clients append over HTTP, each append with a key of its own and repeated until it is acknowledged, then never
# again: so what is lost after its acknowledgement stays lost. At random moments one process gets SIGKILL; the clients
# go on meanwhile. Records of model "m" become a point each; model "w" carries windows over from batch to batch, so a
# record that is processed twice or not at all shows beside a twin version that processes the whole log undisturbed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use List::Util qw(shuffle sum);
use PostgreSQL::Test::Utils;
use ProcessingCluster;
use SoupGateway;
use Test::More;
use Time::HiRes qw(sleep time);

my $kills   = $ENV{SOUP_KILLS} // 50;
my $clients = 4;
my $seed    = $ENV{SOUP_SEED} // int(time()) ^ $$;
srand($seed);
note "seed $seed";

my $soup = ProcessingCluster->new('gateway_kill', partitions => 2, conf => "recovery_init_sync_method = syncfs\n");
my $node = $soup->node;
my $windows = q('{"runtime": "builtin", "entry": "window_convolution", "input": {"content_type": "application/json", "channels": ["v"]},
    "parameters": {"window": 32, "stride": 4, "features": 84, "fit": {"first_windows": 20}},
    "output": {"vector": 8, "attributes": {"score": "real"}}}');
$soup->add_version('points', '{"runtime": "builtin", "entry": "passthrough", "input": {"content_type": "application/json", "key_field": "id"}, '
        . '"output": {"vector": 2}}');
$soup->promote('points');
$soup->sql("SELECT soup.add_model('o', 'w', 2), soup.add_version('o', 'w', 'windows', $windows)");
$soup->sql("SELECT soup_api.promote('$soup->{consumer}', 'w', 'windows')");

my $gateway = start_gateway($node);
my $auth    = 'Authorization: Bearer ' . $soup->producer;
my $folder  = PostgreSQL::Test::Utils::tempdir();

# --- clients ----------------------------------------------------------------------------------------------------------
my $samples = 5;
sub records_of {
    my ($c, $n) = @_;
    return ('m', [ { id => "$c-$n", vector => [ $c, $n ] } ]) if $n % 2;
    return ('w', [ map { my $i = $n * $samples + $_; { id => "$c-$n", v => sin($i / (5 + $c)) + 0.3 * sin($i * $i / 97) } } 0 .. $samples - 1 ]);
}

# Writes a line for every answer: status, client, number, model, partition, offset. Ends behind an acknowledgement.
sub run_client {
    my ($c) = @_;
    open my $answers, '>', "$folder/client_$c" or POSIX::_exit(1);
    $answers->autoflush(1);
    for (my $n = 1; !-e "$folder/stop"; $n++) {
        my ($model, $records) = records_of($c, $n);
        while (1) {
            my $response = eval { post($gateway, 'append', { model => $model, stream => "s$c", records => $records }, $auth, "Idempotency-Key: $c-$n") };
            if ($response && $response->{whole}) {
                my $answer = json_of($response);
                print $answers join(' ', $response->{status}, $c, $n, $model, map { $_ // -1 } @$answer{qw(partition first_offset)}), "\n";
                last if $response->{status} == 200;
            }
            sleep 0.01;
        }
        sleep 0.005;
    }
    POSIX::_exit(0);
}

my ($test, @pids) = ($$);
END {
    # A test that dies must not leave clients behind.
    my $status = $?;
    kill 'KILL', @pids if $$ == $test;
    $? = $status;
}
for my $c (0 .. $clients - 1) {
    append_to_file("$folder/client_$c", '');
    my $pid = fork // die "fork: $!";
    run_client($c) if $pid == 0;
    push @pids, $pid;
}
sub answers { return map { [ split / / ] } map { split /\n/, slurp_file("$folder/client_$_") } 0 .. $clients - 1 }

# --- kills ------------------------------------------------------------------------------------------------------------
# A child of the postmaster whose title matches, once there is one. It may end by itself meanwhile: then another one.
sub kill_child {
    my ($title) = @_;
    my @found;
    do {
        wait_for(sub { @found = map { /^\s*(\d+)\s+postgres: .*$title/ ? $1 : () } split /\n/, `ps -o pid=,args= --ppid $node->{_pid}`; @found }, "there is a $title")
            or return 0;
        sleep rand 0.05;
    } until kill 'KILL', $found[ int rand @found ];
    return 1;
}

my %kill = (
    gateway => sub {
        stop_gateway($gateway, 'KILL');
        $gateway = start_gateway($node, port => $gateway->{port});
        return 1;
    },
    backend    => sub { return kill_child('soup_gateway soup \[local\]') },
    worker     => sub { return kill_child('machinesoup processor') },
    postmaster => sub { return $soup->kill_postmaster && defined $soup->start_again });
# Fewer of those that 200 and 300 kill too: after each the server recovers, which takes longer than all else here.
my %wanted = (gateway => $kills, worker => int($kills * 0.4), backend => int($kills * 0.3), postmaster => int($kills * 0.16));
my %done = map { $_ => 0 } keys %wanted;
for my $what (shuffle map { ($_) x $wanted{$_} } sort keys %wanted) {
    sleep(0.02 + rand(0.2));
    ++$done{$what} if $kill{$what}->();
    $soup->wait_until_up;
    wait_for(sub { get($gateway, '/readyz')->{status} == 200 }, "the gateway is ready after the $what") or last;
}
is_deeply \%done, \%wanted, join ', ', 'killed ' . $done{gateway} . ' gateways', map { "$done{$_} ${_}s" } qw(worker backend postmaster);

# --- what is there ----------------------------------------------------------------------------------------------------
append_to_file("$folder/stop", '');
waitpid $_, 0 for splice @pids;
my @answers      = answers();
my @acknowledged = grep { $_->[0] == 200 } @answers;
is_deeply [ grep { $_->[0] != 200 && $_->[0] != 503 } @answers ], [], 'stored, or told to come back';
cmp_ok scalar @acknowledged, '>', sum(values %done), 'the clients got ' . @acknowledged . ' appends stored between the kills';
$soup->sql('CREATE TABLE answer (client int, n int, model text, partition int, first_offset bigint)');
$soup->sql('INSERT INTO answer VALUES ' . join ',', map { "($_->[1], $_->[2], '$_->[3]', $_->[4], $_->[5])" } @acknowledged);
is $soup->sql(<<SQL), '0', 'every acknowledged append is at its address with its content';
SELECT count(*) FROM answer a WHERE NOT EXISTS (
    SELECT FROM soup.raw_batch b JOIN soup.model m USING (model)
     WHERE m.name = a.model AND b.partition = a.partition AND b.first_offset = a.first_offset AND b.stream = 's' || a.client
       AND b.record_count = CASE a.model WHEN 'w' THEN $samples ELSE 1 END
       AND position(format('"%s-%s"', a.client, a.n)::bytea IN b.frame) > 0)
SQL
is $soup->sql('SELECT count(*), count(DISTINCT (org, model, partition, first_offset)) FROM soup.raw_batch'), join('|', (scalar @acknowledged) x 2),
    'every append is stored once';
is $soup->sql("SELECT * FROM soup.verify_raw('o', '$_')"), '', "verify_raw finds nothing in $_" for qw(m w);

ok $soup->is_drained(300), 'everything is processed' or diag $soup->sql('SELECT * FROM soup.lag; SELECT * FROM soup.cursor');
is $soup->sql("SELECT count(*) FROM soup.$_"), '0', "no $_" for qw(quarantine failure);
my $points = $soup->table('points');
is $soup->sql(<<SQL), '0', 'every record is a point, every point is right';
SELECT count(*) FROM (SELECT client || '-' || n AS key, format('[%s,%s]', client, n) AS vector FROM answer WHERE model = 'm') a
  FULL JOIN $points p USING (key) WHERE a.vector IS DISTINCT FROM p.vector::text
SQL

# The undisturbed run of what carries something over.
$soup->sql("SELECT soup.add_version('o', 'w', 'twin', $windows)");
$soup->sql("SELECT soup_api.promote('$soup->{consumer}', 'w', 'twin')");
ok $soup->is_drained(300), 'the twin has processed the whole log';
my ($disturbed, $undisturbed) = map { $soup->table($_) } 'windows', 'twin';
is $soup->sql("SELECT count(*) FROM ((TABLE $disturbed EXCEPT TABLE $undisturbed) UNION ALL (TABLE $undisturbed EXCEPT TABLE $disturbed)) x"), '0',
    'the disturbed run made the same windows';
is $soup->sql("SELECT count(*) FROM $disturbed"), $soup->sql(<<"SQL"), 'as many as the records make';
SELECT sum((records - 32) / 4 + 1) FROM (SELECT count(*) * $samples AS records FROM answer WHERE model = 'w' GROUP BY client) s
SQL

stop_gateway($gateway);
$node->stop;
done_testing;
