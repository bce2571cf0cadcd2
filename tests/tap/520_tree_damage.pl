# Goal: what a damaged or foreign index file does: a clear error or the right answer, never a crash, and soupvec_verify finds
# it; an index of another format is refused; REINDEX cures both. And pages that are freed are used again.
#
# Method: pages of each kind are overwritten while the server is down: by noise as a whole, in the body alone, in the tail
# alone, by zeros, by another page. Then the index is scanned, written to, vacuumed and verified. For both methods.
use strict;
use warnings;
use List::Util qw(shuffle);
use PostgreSQL::Test::Utils;
use Test::More;
use TreeCluster;

TreeCluster::seed();

my %kind_names = (1 => 'metapage', 2 => 'inner page', 3 => 'leaf', 4 => 'companion');

# The block numbers of an index's pages, by kind.
sub pages_of {
	my ($path) = @_;
	open my $file, '<:raw', $path or die "$path: $!";
	my (%pages, $block);
	for ($block = 0; read $file, my $page, 8192; ++$block) { push @{ $pages{ unpack 'S', substr $page, 8184, 2 } }, $block }
	return \%pages;
}

# Lets edit() change a page, which it gets as $_[0], while the server is down.
sub edit_page {
	my ($node, $path, $block, $edit) = @_;
	$node->stop;
	open my $file, '+<:raw', $path or die "$path: $!";
	seek $file, 8192 * $block, 0;
	read $file, my $page, 8192;
	$edit->($page);
	seek $file, 8192 * $block, 0;
	print $file $page;
	close $file;
	$node->start;
	return;
}

sub noise { return join '', map { chr int rand 256 } 1 .. $_[0]; }

# Offset and bytes of what is written over a page, which other() reads another of. A page of zeros is a new one for the
# server.
my %damages = (
	'noise'            => sub { return (0, noise(8192)) },
	'noise as body'    => sub { return (24, noise(8136)) },
	'noise as tail'    => sub { return (8160, noise(32)) },
	'four wrong bytes' => sub { return (24 + 4 * int(rand(4)), noise(4)) },
	'zeros'            => sub { return (0, "\0" x 8192) },
	'the metapage'     => sub { my ($other) = @_; return (0, $other->(0)) },
	'another page'     => sub { my ($other) = @_; return (0, $other->(3)) },
	'a hole'           => sub { return (12, pack 'SS', 24, 8160) },
);

for my $method (qw(vann vtree)) {
	# 16 dimensions are so many that inner pages get children of their own; vann has companions from 33 on.
	my $cluster = TreeCluster->new("damage_$method", index => "$method (at)", dimensions => $method eq 'vann' ? 96 : 16,
		conf => "statement_timeout = 60s\n");
	my $node = $cluster->node;
	$node->safe_psql('postgres', 'INSERT INTO point (tag, at) SELECT i % 100, near(i) FROM generate_series(1, 4000) i');
	my @statements = ('SELECT count(*) FROM (SELECT id FROM point ORDER BY at <-> (SELECT near(1))) s',
		'SELECT id FROM point ORDER BY at <-> (SELECT near(1)) LIMIT 5', 'INSERT INTO point (at) SELECT near(i) FROM generate_series(1, 200) i',
		'VACUUM (INDEX_CLEANUP on) point');
	push @statements, q{SELECT count(*) FROM point WHERE at <@ vball(near(1), 20)}, q{SELECT vtree_count('point_at', vball(near(1), 20))} if $method eq 'vtree';

	for my $damage (sort keys %damages) {
		$node->safe_psql('postgres', 'REINDEX INDEX point_at; DELETE FROM point WHERE id % 3 = 0');
		my $path = $cluster->file_of('point_at');
		$node->stop;
		my $pages = pages_of($path);
		my @kinds = grep { $kind_names{$_} && @{ $pages->{$_} } > ($damage eq 'the metapage') } sort keys %$pages;
		my $kind = $kinds[ rand @kinds ];
		my ($block) = grep { $_ != ($damage eq 'the metapage' ? 0 : 3) } shuffle @{ $pages->{$kind} };
		# Every float is one that could be there; but the metapage's first four numbers are known.
		my $is_seen = $damage ne 'four wrong bytes' || $block == 0;
		open my $file, '+<:raw', $path or die "$path: $!";
		my ($offset, $bytes) = $damages{$damage}->(sub { seek $file, 8192 * $_[0], 0; read $file, my $page, 8192; return $page });
		seek $file, 8192 * $block + $offset, 0;
		print $file $bytes;
		close $file;
		$node->start;
		my $what = "$method, $damage in block $block, $kind_names{$kind}";
		my $before = -s $node->logfile;

		my ($status, $out, $err) = $node->psql('postgres', q{SELECT count(*) > 0 FROM soupvec_verify('point_at', true)});
		ok(!$is_seen || $out eq 't' || $err =~ /page is damaged|incompatible format/, "$what: verify finds it") or diag("$out$err");
		for my $statement (@statements) {
			($status, $out, $err) = $node->psql('postgres', "SET enable_seqscan = off; $statement");
			ok($status == 0 || $err =~ /ERROR:  (index page is damaged|index "point_at" has an incompatible format|invalid page in block|could not read block)/,
				"$what: $statement") or diag($err);
		}
		unlike(slurp_file($node->logfile, $before), qr/terminated by signal|PANIC|statement timeout/, "$what: nobody crashed, nothing went in circles");
		$node->safe_psql('postgres', 'REINDEX INDEX point_at');
		$cluster->check("$what: rebuilt", unlinked => 1);
	}

	# An index of a newer format is refused before anything else of it is read.
	edit_page($node, $cluster->file_of('point_at'), 0, sub { substr($_[0], 28, 4) = pack 'L', 1 + unpack 'L', substr $_[0], 28, 4 });
	for my $statement (@statements) {
		my ($status, $out, $err) = $node->psql('postgres', "SET enable_seqscan = off; $statement");
		like($err, qr/index "point_at" has an incompatible format.*Rebuild the index with REINDEX/s, "$method, another format: $statement");
	}
	$node->safe_psql('postgres', 'REINDEX INDEX point_at');
	$cluster->check("$method, rebuilt in this format", unlinked => 1);

	# A metapage that could be another index's: its number of dimensions, its metric, what key columns it has. Values would be
	# read as what they are not, and written where no room is.
	my %foreign = ('dimensions' => [ 36, 4 ], $method eq 'vann'
		? (metric => [ 52, 2 ], 'no key' => [ 68, 0 ], 'more keys' => [ 68, 2 ], 'a text' => [ 72, 9 ], 'a bigint' => [ 72, 3 ], 'a wide key' => [ 73, 8 ]) : ());
	my @foreign = sort keys %foreign;
	my $columns = $method eq 'vann' ? 'at, tag' : 'at';
	$node->safe_psql('postgres', "CREATE TABLE foreign_$_ (tag integer, at vector(3)); INSERT INTO foreign_$_ SELECT i, ARRAY[i, 0, 0]::real[]::vector FROM generate_series(1, 9) i;
		CREATE INDEX ON foreign_$_ USING $method ($columns)") for 0 .. $#foreign;
	my @foreign_files = map { $cluster->file_of("foreign_${_}_" . ($method eq 'vann' ? 'at_tag' : 'at') . '_idx') } 0 .. $#foreign;
	$node->stop;
	for (0 .. $#foreign) {
		my ($offset, $byte) = @{ $foreign{ $foreign[$_] } };
		open my $file, '+<:raw', $foreign_files[$_] or die "$foreign_files[$_]: $!";
		seek $file, $offset, 0;
		print $file chr $byte;
		close $file;
	}
	$node->start;
	for my $number (0 .. $#foreign) {
		for my $statement ("INSERT INTO foreign_$number VALUES (5, '[1,1,1]')", "SELECT FROM foreign_$number ORDER BY at <-> '[0,0,0]' LIMIT 20", "VACUUM (INDEX_CLEANUP on) foreign_$number") {
			$node->safe_psql('postgres', "DELETE FROM foreign_$number WHERE tag = 9") if $statement =~ /VACUUM/;
			my ($status, $out, $err) = $node->psql('postgres', "SET enable_seqscan = off; $statement");
			like($err, qr/index page is damaged.*Block 0:/s, "$method, another index's $foreign[$number]: $statement");
		}
		$node->safe_psql('postgres', "DROP TABLE foreign_$number");
	}

	# Two entries that are of each other's row, as the heap's line pointers were exchanged: nothing in the index itself is wrong.
	my $heap = $cluster->file_of('point');
	my ($heap_block, @lines) = split /\|/, $node->safe_psql('postgres', <<'SQL');
SELECT block, min(line), max(line) FROM (SELECT split_part(trim(ctid::text, '()'), ',', 1)::int AS block, split_part(trim(ctid::text, '()'), ',', 2)::int AS line
    FROM point) place GROUP BY block HAVING count(*) > 1 ORDER BY block LIMIT 1;
SQL
	my $exchange = sub {
		edit_page($node, $heap, $heap_block, sub {
			my @at = map { 24 + 4 * ($_ - 1) } @lines;
			my @pointers = map { substr $_[0], $_, 4 } @at;
			substr($_[0], $at[$_], 4) = $pointers[ 1 - $_ ] for 0, 1;
		});
	};
	$exchange->();
	is($node->safe_psql('postgres', q{SELECT count(*), min(kind), max(kind) FROM soupvec_verify('point_at', true)}), '2|wrong content|wrong content',
		"$method, two rows exchanged: verify finds both");
	$exchange->();
	$cluster->check("$method, exchanged back", unlinked => 1);

	# Redo sets what lies between pd_lower and pd_upper to zero. The index is one page.
	$node->safe_psql('postgres', "CREATE TABLE few (at vector(3)); INSERT INTO few SELECT ARRAY[i, 0, 0]::real[]::vector FROM generate_series(1, 9) i;
		CREATE INDEX few_at ON few USING $method (at)");
	edit_page($node, $cluster->file_of('few_at'), 1, sub { substr($_[0], 12, 4) = pack 'SS', 24, 8160 });
	my ($status, $out, $err) = $node->psql('postgres', q{INSERT INTO few VALUES ('[1,1,1]')});
	like($err, qr/index page is damaged.*Block 1:.*free space/s, "$method, a hole: nothing is written to the page");
	is($node->safe_psql('postgres', q{SELECT block, kind FROM soupvec_verify('few_at', true)}), '1|wrong header', "$method, a hole: verify finds it");
	is($node->safe_psql('postgres', q{SET enable_seqscan = off; SELECT count(*) FROM (SELECT FROM few ORDER BY at <-> '[0,0,0]' LIMIT 20) s}), 9,
		"$method, a hole: what is there can be read");
	$node->safe_psql('postgres', 'DROP TABLE few');

	# Entries that are sound in themselves, but lead to the wrong rows. The row at (0,5) is as far as the index knows like that at
	# (0,4); at (0,3) there is none any more, and (0,10) is what became of (0,7).
	$node->safe_psql('postgres', <<"SQL");
CREATE TABLE few (id integer, at vector(3));
INSERT INTO few SELECT i, ARRAY[least(i, 4), 0, 0]::real[]::vector FROM generate_series(1, 9) i;
UPDATE few SET id = -id WHERE id = 7;
DELETE FROM few WHERE id = 3;
SQL
	$node->safe_psql('postgres', 'VACUUM few');
	my $leads = 'address leads nowhere';
	for ([ 0, 4, 'address twice', 'row (0,4) is in the index twice' ], [ 0, 3, $leads, 'row (0,3): the line pointer is unused' ],
		[ 0, 10, $leads, 'row (0,10): the row is heap-only' ], [ 0, 11, $leads, 'row (0,11): no such line pointer' ],
		[ 1, 1, $leads, 'row (1,1): the table ends before' ]) {
		my ($row_block, $line, $kind, $detail) = @$_;
		$node->safe_psql('postgres', "DROP INDEX IF EXISTS few_at; CREATE INDEX few_at ON few USING $method (at)");
		my $row_five = pack 'SSS', 0, 0, 5;
		my $places;
		edit_page($node, $cluster->file_of('few_at'), 1, sub { $places = $_[0] =~ s/\Q$row_five\E/pack 'SSS', 0, $row_block, $line/ge });
		is($places, 1, "$method, an entry for ($row_block,$line) instead of (0,5)");
		is($node->safe_psql('postgres', q{SELECT block, kind, detail FROM soupvec_verify('few_at', true) ORDER BY kind}),
			"1|$kind|$detail\n|missing row|row (0,5) is not in the index", "$method, $detail: verify finds it");
	}
	# A leaf's body begins with the number of entries; vann's is two numbers, and free slots are marked.
	$node->safe_psql('postgres', "REINDEX INDEX few_at");
	edit_page($node, $cluster->file_of('few_at'), 1, sub { substr($_[0], 24, 4) = pack 'SS', map { $_ && $_ - 1 } unpack 'SS', substr $_[0], 24, 4 });
	is($node->safe_psql('postgres', q{SELECT kind FROM soupvec_verify('few_at', true)}), $method eq 'vann' ? 'wrong count' : 'missing row',
		"$method, an entry less: verify finds it");
	$node->safe_psql('postgres', 'DROP TABLE few');

	# Everything goes, pages are freed; what comes then, half as much, takes them again. Without reuse there would be more
	# of them than before: splits free pages, too.
	my $freed = sub {
		$node->safe_psql('postgres', 'CHECKPOINT');
		return scalar @{ pages_of($cluster->file_of('point_at'))->{6} // [] };
	};
	my $half = int($node->safe_psql('postgres', 'SELECT count(*) FROM point') / 2);
	$node->safe_psql('postgres', 'DELETE FROM point');
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP on) point') for 1 .. 2;
	$cluster->check("$method, empty", unlinked => 1);
	my $most = $freed->();
	$node->safe_psql('postgres', "INSERT INTO point (tag, at) SELECT i % 100, near(i) FROM generate_series(1, $half / 10) i") for 1 .. 10;
	$cluster->check("$method, filled again", unlinked => 1);
	cmp_ok($freed->(), '<', 0.9 * $most, "$method: freed pages are used for $half rows");
	$node->stop;
}

done_testing();
