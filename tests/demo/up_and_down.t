# make up, down and clean, as somebody calls them who has just found the project: from this checkout, with a SOUP_HOME of
# the test's own, against a private copy of the server, so that what up installs and clean takes away reaches no other.
# As root, SOUP_HOME is closed to the server's user, as a checkout below /root is.
use strict;
use warnings FATAL => 'all';
use Cwd qw(getcwd);
use Fcntl ':mode';
use File::Temp qw(tempdir);
use HTTP::Tiny;
use JSON::PP;
use Test::More;

my $pg_config = $ENV{PG_CONFIG} // 'pg_config';
# What a calling make has exported is not meant for these.
delete @ENV{qw(SOUP_PORT PG_CONFIG DESTDIR MAKEFLAGS MAKEOVERRIDES MAKELEVEL)};
my $root = tempdir(CLEANUP => 1);
chmod 0755, $root;
mkdir "$root/closed", 0700;
my $home = $ENV{SOUP_HOME} = "$root/closed/home";
my ($checkout, $log) = (getcwd(), '');
my ($recording) = glob 'demo/data/*.csv';

END {
    my $status = $?;
    run('demo/down', '--remove') if -e "$home/made_by_up";
    $? = $status;
}

# What a command prints, standard error included, and its exit status.
sub run {
    my (@command) = @_;
    open(my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command) or die "sh: $!";
    my $output = do { local $/; <$pipe> } // '';
    close $pipe;
    $log .= "\n\$ @command\n$output";
    return ($output, $? >> 8);
}
sub succeeds {
    my ($name, @command) = @_;
    my ($output, $status) = run(@command);
    is($status, 0, $name) or die $log;
    return $output;
}
sub content {
    my ($path) = @_;
    open(my $file, '<', $path) or die "$path: $!";
    local $/;
    return scalar <$file>;
}
sub put {
    my ($path, $text) = @_;
    open(my $file, '>', $path) or die "$path: $!";
    print {$file} $text;
    close $file or die "$path: $!";
    return;
}

chomp(my $bin = do { local $ENV{PG_CONFIG} = $pg_config; succeeds('the server is copied', 'tests/server_copy', "$root/server") });
chmod 0755, "$root/server";
my $copy = "$bin/pg_config";
my @make = ('make', '-s', '--no-print-directory', "PG_CONFIG=$copy", "BUILD=$ENV{BUILD}");
sub ours {
    chomp(my ($lib, $share) = map { scalar `$copy --$_` } qw(pkglibdir sharedir));
    return sort glob "$lib/{soupvec,machinesoup}*.so $share/extension/{soupvec,machinesoup}* $bin/soup*";
}

# --- install and uninstall ------------------------------------------------------------------------------------------------
succeeds('installed', @make, 'install');
my @installed = ours();
cmp_ok(scalar @installed, '>=', 9, 'install puts four libraries, two control files, two scripts and the gateway') or diag "@installed";
succeeds('uninstalled', @make, 'uninstall');
is_deeply([ours()], [], 'uninstall takes them all away');

# --- a folder that is not a demo's ------------------------------------------------------------------------------------------
mkdir "$root/foreign";
put("$root/foreign/letter", 'dear');
for my $target (['up', qr/has something else in it/], ['clean', qr/is not removed: `make up` did not make it/]) {
    my ($output, $status) = run(@make, "SOUP_HOME=$root/foreign", "BUILD=$root/no-build", $target->[0]);
    isnt($status, 0, "$target->[0] refuses a folder with other files");
    like($output, $target->[1], '… and says so');
}
is(content("$root/foreign/letter"), 'dear', '… which are still there');

# --- up, stopped where the passphrases are written: nobody is made whose passphrase is lost ------------------------------
mkdir $home;
put("$home/made_by_up", "PG_CONFIG=$copy\n");
mkdir "$home/demo.json.new";
my ($output, $status) = run(@make, 'up');
isnt($status, 0, 'up fails where it cannot write passphrases') or die $log;
like($output, qr/demo\.json\.new/, '… and says where');
rmdir "$home/demo.json.new";

my $first = succeeds('up goes on where it stopped', @make, 'up');
my ($url) = $first =~ /^ready: (http:\S+)$/m or die $log;
is_deeply([ours()], [sort @installed, (grep {/\.demo$/} ours())], 'it installed into the server, and remembers that');
sub answer_of {
    my ($printed) = @_;
    my ($answer) = $printed =~ /^(The windows nearest .*? labelled\)$)/ms or die "no answer in: $printed";
    return $answer;
}
my @rows = answer_of($first) =~ /^  (\d{4}-\S+ \S+)  \d{4}-\S+ \S+ +([\d.]+) +[\d.]+  (?:yes|no)$/mg;
is(scalar @rows, 20, 'ten windows are printed');
is($rows[1], '0.000', '… the fault itself first');
like(answer_of($first), qr/ROC-AUC of the score .* 0\.9\d\d$/m, 'the score finds the labelled faults');

is(S_IMODE((stat "$home/demo.json")[2]), 0600, 'demo.json is its owner\'s only');
my $demo = decode_json(content("$home/demo.json"));
is_deeply([sort keys %{$demo}], [qw(consumer data_scientist internal_url model org producer url)], 'its members');
is($demo->{url}, $url, 'its address is the one that is printed');

# --- a second version, which is promoted; records of another stream, and more of the same --------------------------------
my $http = HTTP::Tiny->new;
sub call {
    my ($who, $function, $type, $body) = @_;
    my ($scheme, $address) = split m{//}, $url;
    my $answer = $http->post("$scheme//$demo->{$who}{username}:$demo->{$who}{passphrase}\@$address/v1/$function",
        { headers => { 'Content-Type' => $type }, content => $body });
    is($answer->{status}, 200, "$who: $function") or die $answer->{content};
    return decode_json($answer->{content});
}
is(call('data_scientist', 'list_models', 'application/json', '{}')->{rows}[0]{model}, 'press-7', 'passphrases work');
is(scalar @{call('data_scientist', 'nearest', 'application/json', '{"model":"press-7","like":"0/demo-producer/0","k":2}')->{rows}}, 2,
    'the data scientist may ask');
succeeds('a second version', 'env', "PG_CONFIG=$copy", 'bash', '-c', <<'SH');
. demo/home.sh
soup_psql -d soup -v manifest="$(sed 's/"stride": 16/"stride": 32/' docs/manifests/window_convolution.json)" <<<"SELECT soup.add_version('acme', 'press-7', 'prod-2', :'manifest')" >/dev/null
SH
# The rows of the fault once more, so that their windows are among the nearest.
my @lines = split /\n/, content($recording);
my ($row) = grep { index($lines[$_], "$rows[0],") == 0 } 1 .. $#lines;
my $again = join '', map { my ($time, $value) = split /,/; qq({"timestamp":"$time","value":$value}\n) } @lines[$row .. $row + 111];
is(call('producer', "append?model=press-7$_", 'application/x-ndjson', $again)->{count}, 112, "appended$_") for '&stream=tour', '';
is(call('consumer', 'promote', 'application/json', '{"model":"press-7","label":"prod-2"}')->{previous}, 'prod-1', 'promoted');

my $second = succeeds('up once more', @make, 'up');
unlike($second, qr/==> (?:making|streaming|cluster|gateway)/, '… does nothing again');
is(answer_of($second), answer_of($first), '… and prints the same answer');
like($second, qr/^ready: \Q$url\E$/m, '… and the same address');
is_deeply(decode_json(content("$home/demo.json")), $demo, '… and keeps the passphrases');

# --- down and clean -------------------------------------------------------------------------------------------------------
my ($data) = split /\n/, succeeds('where the cluster is', 'readlink', '-f', "$home/cluster");
succeeds('down', @make, 'down');
is($http->get("$url/readyz")->{status}, 599, 'nobody listens any more');
ok(!-e "$data/data/postmaster.pid", 'the cluster is stopped');
ok(-s "$home/demo.json", 'and what is in it stays');
succeeds('down once more', @make, 'down');

mkdir "$root/build";
# By another PG_CONFIG: up has remembered which server it was.
succeeds('clean', 'make', '-s', '--no-print-directory', "PG_CONFIG=$pg_config", "BUILD=$root/build", 'clean');
ok(!-e $_, "clean leaves nothing: $_") for $home, $data, "$root/build";
is_deeply([ours()], [], 'and nothing in the server');
chdir $checkout;
done_testing();
