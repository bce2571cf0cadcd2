# Goal: every manifest that the docs show runs as it stands there, from append to a question answered.
# Method: one version per file in docs/manifests, labelled records made for it (the demo's recording for the windows),
# then the number of points and the nearest or surrounding point of one that is known.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use ProcessingCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = "$FindBin::Bin/../..";
my $cluster = ProcessingCluster->new('manifests');
my $producer = $cluster->producer;
my $consumer = $cluster->{consumer};

sub rows_of_recording {
	my ($count) = @_;
	open my $file, '<', "$root/demo/data/machine_temperature_system_failure.csv" or die $!;
	<$file>;
	my @rows;
	while (@rows < $count) {
		my ($time, $value) = split /[,\r\n]/, <$file>;
		push @rows, qq({"timestamp":"$time","value":$value});
	}
	return 'ARRAY[' . join(',', map { "'$_'" } @rows) . ']::text[]::bytea[]';
}

# An image is a bright bar on a dark ground; its place follows from its number.
my $images = q{(SELECT array_agg(decode(repeat('10', 28 * (i % 25)) || repeat(lpad(to_hex(128 + i % 100), 2, '0'), 84)
    || repeat('10', 784 - 84 - 28 * (i % 25)), 'hex') ORDER BY i) FROM generate_series(0, 1099) i)};

my %trial = (
	window_convolution => {
		records => rows_of_recording(9000), content_type => 'application/json',
		points => int((9000 - 96) / 16) + 1,
		question => q{nearest('%s', 'm', "like" => '0/p/%d', k => 1, label => 'window_convolution')}, answer => '0/p/%d' },
	image_convolution => {
		records => $images, content_type => 'application/octet-stream', points => 1100,
		question => q{nearest('%s', 'm', "like" => '0/%d', k => 1, label => 'image_convolution')}, answer => '0/%d' },
	passthrough => {
		records => q{ARRAY['{"id":"a","measured_at":"2024-01-01T00:00:00Z","vector":[1,0,0],"machine":"pump","temperature":20.5,"is_running":true}',
			'{"id":"b","measured_at":"2024-01-01T00:00:01Z","vector":[0,1,0],"machine":"fan","temperature":30.5,"is_running":false}']::text[]::bytea[]},
		content_type => 'application/json', points => 2,
		question => q{nearest('%s', 'm', ARRAY[0, 2, 0]::real[], k => 1, label => 'passthrough')}, answer => 'b' },
	position => {
		records => q{ARRAY['{"postcode":"SE10 8XJ","lat":51.4779,"lon":-0.0015,"district":"Greenwich"}',
			'{"postcode":"G1 1AA","lat":55.8609,"lon":-4.2514,"district":"Glasgow"}']::text[]::bytea[]},
		content_type => 'application/json', points => 2,
		question => q{within_radius('%s', 'm', ARRAY[51.5, 0], 5000, label => 'position')}, answer => 'SE10 8XJ' });

my @manifests = glob "$root/docs/manifests/*.json";
is_deeply([ sort map { m{([^/]+)\.json$} } @manifests ], [ sort keys %trial ], 'each manifest of the docs has a trial');
for my $file (@manifests) {
	my ($name) = $file =~ m{([^/]+)\.json$};
	my $trial = $trial{$name};
	$cluster->add_version($name, slurp_file($file));
	my $first = $cluster->sql("SELECT (soup_api.append('$producer', 'm', $trial->{records}, label => '$name', "
		  . "content_type => '$trial->{content_type}')).first_offset");
	my $points = 'SELECT count(*) FROM ' . $cluster->table($name);
	is($cluster->poll($points, $trial->{points}), $trial->{points}, "$name: every point is there");
	my $answer = sprintf $trial->{answer}, $first;
	is($cluster->sql('SELECT (soup_api.' . sprintf($trial->{question}, $consumer, $first) . ').key'), $answer, "$name: the question finds $answer");
	is($cluster->sql("SELECT count(*) FROM soup.quarantine q JOIN soup.version v USING (version) WHERE v.label = '$name'"), '0',
		"$name: nothing was set aside");
}
done_testing();
