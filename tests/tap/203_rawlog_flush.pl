# Goal: an append releases its locks before the log is flushed and answers after it; whoever answers for another's append
# flushes first; a synchronous standby is waited for.
#
# Method: commit_delay makes each flush wait for a tenth of a second, with the log's lock held; what others see and get
# in that time is looked at. Whether something was on the disk shows a crash.
use strict;
use warnings;
use ProcessingCluster;
use PostgreSQL::Test::Utils;
use Recovery;
use Test::More;
use Time::HiRes qw(sleep);

my $cluster = ProcessingCluster->new('rawlog_flush', conf => <<'CONF');
recovery_init_sync_method = syncfs
autovacuum = off
max_wal_senders = 5
wal_level = replica
commit_siblings = 0
soup.max_processors = 0
CONF
my $node  = $cluster->node;
my $token = $cluster->producer;

sub append {
    my ($record, $key) = @_;
    $key = defined $key ? ", idempotency_key => '$key'" : '';
    return "SELECT first_offset FROM soup_api.append('$token', 'm', ARRAY['$record'::bytea]$key);\n";
}
sub count { return $node->safe_psql('soup', "SELECT count(*) FROM soup.raw_batch WHERE position('$_[0]'::bytea in frame) > 0") }
sub set_server {
    my ($name, $value) = @_;
    $node->safe_psql('postgres', "ALTER SYSTEM SET $name = $value");
    $node->reload;
    $node->poll_query_until('postgres', "SELECT current_setting('$name') = $value") or die "$name was not set";
}
$node->safe_psql('soup', append('first'));

subtest 'the answer comes after the flush' => sub {
    my $round = append('flushed') =~ s/;\n//r;
    for my $setting ('on', 'local', 'off') {
        my $flushed = $node->safe_psql('soup', "SET synchronous_commit = $setting;\n" . <<"SQL" x 20);
SELECT pg_current_wal_insert_lsn() AS before \\gset
$round \\gset
SELECT pg_current_wal_flush_lsn() > :'before';
SQL
        is $flushed, join("\n", ('t') x 20), "synchronous_commit = $setting";
    }
};

set_server('commit_delay', q('100000'));

subtest 'others go on before the flush' => sub {
    my $writer = $node->background_psql('soup');
    my ($pid) = $writer->query_safe('SELECT pg_backend_pid();') =~ /(\d+)/;
    my $seen = 0;
    for my $round (1 .. 10) {
        $writer->{stdin} .= append("seen $round.") . "\\echo answered\n";
        $writer->{run}->pump_nb;
        # One statement: the row is there and its writer is still at it.
        for (1 .. 200) {
            my ($is_there, $is_busy) = split /\|/, $node->safe_psql('soup', <<"SQL");
SELECT EXISTS (SELECT FROM soup.raw_batch WHERE position('seen $round.'::bytea in frame) > 0),
       (SELECT state = 'active' FROM pg_stat_activity WHERE pid = $pid)
SQL
            $seen++ if $is_there eq 't' && $is_busy eq 't';
            last if $is_there eq 't';
        }
        $writer->{run}->pump until $writer->{stdout} =~ /answered/;
        $writer->{stdout} = '';
    }
    cmp_ok $seen, '>', 0, 'a row was seen while its writer was flushing';
    $writer->quit;
};

subtest "an answer for another's append" => sub {
    my ($first, $second) = map { $node->background_psql('soup') } 1 .. 2;
    my ($pid) = $second->query_safe('SELECT pg_backend_pid();') =~ /(\d+)/;
    $second->query_safe('SELECT 1;');
    $first->{stdin} .= append('twice', 'key');
    $first->{run}->pump_nb;
    $node->poll_query_until('soup', q{SELECT EXISTS (SELECT FROM soup.idempotency WHERE key = 'key')});
    # It waits for the first one's locks, finds its row, and answers for it; at once everything is lost that is not on the disk.
    my $answer = $second->query_safe(append('twice', 'key'));
    kill 'KILL', $pid;
    like $answer, qr/^\d+$/, 'is given';
    eval { $_->{run}->finish } for $first, $second;
    Recovery::await_recovery($node);
    is count('twice'), 1, 'and is kept in a crash';
};

set_server('commit_delay', q('0'));

subtest 'a synchronous standby is waited for' => sub {
    set_server('synchronous_standby_names', q('nobody'));
    my $writer = $node->background_psql('soup');
    my ($pid) = $writer->query_safe('SELECT pg_backend_pid();') =~ /(\d+)/;
    $writer->{stdin} .= append('replicated') . "\\echo answered\n";
    $writer->{run}->pump_nb;
    ok $node->poll_query_until('soup', "SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = $pid"), 'the append waits for it';
    is count('replicated'), 0, 'and is not seen by others before';
    set_server('synchronous_standby_names', q(''));
    $writer->{run}->pump until $writer->{stdout} =~ /answered/;
    is count('replicated'), 1, 'then it is answered';
    $writer->quit;
};

is $node->safe_psql('soup', q{SELECT * FROM soup.verify_raw('o', 'm')}), '', 'verify_raw finds nothing';
$node->stop;
done_testing();
