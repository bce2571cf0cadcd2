# Goal: who follows docs/moving-from-pgvector.md arrives, and what the page promises is so.
# Method: the page's own commands are run, word for word, with pg_dump printing what it printed where pgvector 0.8 is (the
# files in pgvector/, made by pgvector/record); the answers are compared with pgvector's. What the page's table names as
# soupvec's is run too.
use strict;
use warnings;
use Cwd qw(getcwd);
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $page = slurp_file('docs/moving-from-pgvector.md');
my $files = getcwd() . '/tests/tap/pgvector';
my ($shell) = $page =~ /^```sh\n(.*?)^```$/ms or BAIL_OUT('the page has no commands');
my ($after) = $page =~ /^```sql\n(.*?)^```$/ms or BAIL_OUT('the page has no statements');

my $node = PostgreSQL::Test::Cluster->new('moving');
$node->init;
$node->start;
$node->safe_psql('postgres', 'DO $$ BEGIN CREATE ROLE postgres SUPERUSER; EXCEPTION WHEN duplicate_object THEN NULL; END $$'); # Who owns what is dumped.

# The old server: pg_dump is there, pgvector isn't.
my $programs = PostgreSQL::Test::Utils::tempdir();
append_to_file("$programs/pg_dump", <<"SH");
#!/bin/sh
[ \$# = 2 ] && [ "\$1" = old ] && [ -f "$files/\${2#--section=}.dump" ] || { echo "pg_dump \$*: not what was recorded" >&2; exit 1; }
exec cat "$files/\${2#--section=}.dump"
SH
chmod 0755, "$programs/pg_dump";
{
	local %ENV = (%ENV, PATH => "$programs:$ENV{PATH}", PGHOST => $node->host, PGPORT => $node->port, PGUSER => scalar getpwuid($>));
	delete local $ENV{PGDATABASE};
	my ($out, $err);
	ok(IPC::Run::run([ 'bash', '-e', '-o', 'pipefail', '-c', $shell ], '<', \undef, '>', \$out, '2>', \$err), 'the commands run to their end')
	  or diag($out, $err);
	unlike($err, qr/ERROR/, 'and none of them fails on the way');
}
sub sql { return $node->safe_psql('new', $_[0]) }

# The data, and what is asked of it, with pgvector's answers.
my $record = slurp_file("$files/record");
my ($questions) = $record =~ /^PGOPTIONS.*?<<'SQL'\n(.*?)^SQL$/ms;
my @answers = split /\n/, slurp_file("$files/answers");
is(scalar @answers, scalar(() = $questions =~ /;$/mg), 'each question has an answer');
for my $question ($questions =~ /^(.*;)$/mg) {
	my $answer = shift @answers;
	my ($name, @values) = split /\|/, $answer, -1;
	my ($got_name, @got) = split /\|/, sql("SET enable_indexscan = off; $question"), -1;
	if ($name eq 'avg' || $name eq 'functions') { # Numbers; the last digit is the kernel's own.
		my $most = 0;
		my @wanted = map { /-?[0-9.]+(?:e-?\d+)?/g } @values;
		my @numbers = map { /-?[0-9.]+(?:e-?\d+)?/g } @got;
		is(scalar @numbers, scalar @wanted, "$name: as many numbers as pgvector gives");
		$most = abs($wanted[$_] - $numbers[$_]) > $most ? abs($wanted[$_] - $numbers[$_]) : $most for 0 .. $#wanted;
		cmp_ok($most, '<', 1e-4, "$name: and the same ones");
	} else {
		is("@got", "@values", "$name: as pgvector answers");
	}
}
is(sql(q{SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'public'}),
	'documents_embedding_idx documents_pkey items_cosine items_embedding_idx items_of_one_tenant items_pkey items_tenant', 'all indexes are there');
is(sql(q{SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'vann'}),
	'documents_embedding_idx items_cosine items_embedding_idx items_of_one_tenant', 'those on vectors are vann\'s');
is(sql(q{SELECT reloptions FROM pg_class WHERE relname = 'items_tenant'}), '{fillfactor=90}', 'options of other indexes are kept');

# Straight across: pgvector's binary form.
sql('CREATE TABLE copied (LIKE items)');
$node->safe_psql('new', "\\copy copied FROM '$files/items.copy' (FORMAT binary)");
is(sql('SELECT count(*) FROM (SELECT * FROM items EXCEPT SELECT * FROM copied) x'), 0, 'a binary copy is the same rows');
is(sql('SELECT count(*) FROM copied'), 1000, 'all of them');

# "After it", with a vector where the page has an ellipsis.
(my $statements = $after) =~ s/'\[…\]'/'[0.2,-0.4,0.1]'/g;
$statements =~ s/--.*$//mg;
my ($verify, $calibration, $explain, @more) = grep { /\S/ } split /;\s*/, $statements;
is(scalar @more, 0, 'three statements');
is(sql($verify), '', 'the index is sound');
isnt(sql($calibration), '', 'and has been measured');
like(sql("VACUUM ANALYZE items; $explain"), qr/Index Scan using items_embedding_idx/, 'the query uses it');
my %nearest = map { $_ => 1 } split / /, (grep { s/^l2\|// } split /\n/, slurp_file("$files/answers"))[0];
cmp_ok(scalar(grep { $nearest{$_} } split /\n/, sql($explain =~ s/^\s*EXPLAIN //r)), '>=', 9, 'and finds what pgvector finds exactly');

# The page's table: what it names as soupvec's exists, what it says of settings and dimensions holds.
my %row = map { /^\| (.*?) \| (.*?) \|$/ ? ($1 => $2) : () } split /\n/, $page;
my $code = sub {
	my ($left, $what) = @_;
	my ($row) = grep { /\Q$left\E/ } keys %row;
	ok($row, "the page says what becomes of $left") or return '';
	return ($row{$row} =~ /`([^`]*\Q$what\E[^`]*)`/)[0] // '';
};
# A setting is known, and its value looked at, once the session has used a vector.
my $use = q{DO $$ BEGIN PERFORM '[1]'::vector; END $$;};
is(sql("$use " . $code->('hnsw.ef_search', 'SET') . '; SHOW vann.recall'), '0.98', 'the setting that is named');
my $further = $code->('partial index for a filter', 'USING vann');
sql("CREATE INDEX further ON items $further");
like(sql('SET enable_sort = off; EXPLAIN SELECT id FROM items WHERE tenant_id = 3 ORDER BY embedding <-> \'[0,0,0]\' LIMIT 10'), qr/Index Scan using further/,
	'an index with a further column serves the filter');
my ($dimensions) = map { s/,//r } $row{'at most 2,000 dimensions in an index'} =~ /([\d,]+)/;
sql("CREATE TABLE wide (v vector($dimensions)); CREATE INDEX ON wide USING vann (v vector_l2_ops)");
isnt($node->psql('new', "CREATE TABLE wider (v vector(@{[$dimensions + 1]})); CREATE INDEX ON wider USING vann (v vector_l2_ops)"), 0, "$dimensions is the limit");
like(sql("$use SHOW " . $code->('hnsw.iterative_scan', 'vann.')), qr/^\d+$/, 'the limit of work that is named');
my ($calibrate) = $page =~ /`(SELECT \* FROM vann_calibrate[^`]*)`/;
sql('CREATE TABLE grown (LIKE items); CREATE INDEX grown_idx ON grown USING vann (embedding vector_l2_ops); INSERT INTO grown SELECT * FROM items');
isnt(sql($calibrate =~ s/…/grown_idx/r), '', 'an index that grew is measured on demand');
$node->stop;
done_testing();
