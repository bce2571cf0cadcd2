// node-postgres with pgvector's npm package, as its README shows it. Only CREATE EXTENSION and USING differ.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import pgvector from 'pgvector/pg';

const client = new pg.Client();

before(async () => {
  await client.connect();
  await client.query('CREATE EXTENSION IF NOT EXISTS soupvec');
  await pgvector.registerTypes(client);
  await client.query('CREATE TABLE pg_items (id bigserial PRIMARY KEY, embedding vector(3))');
});
after(() => client.end());

test('a vector comes back as the array that was sent', async () => {
  await client.query('INSERT INTO pg_items (embedding) VALUES ($1), ($2), ($3)', [
    pgvector.toSql([1, 2, 3]), pgvector.toSql([4, 5, 6.5]), pgvector.toSql([1, 1, 2]),
  ]);
  const { rows } = await client.query('SELECT embedding FROM pg_items ORDER BY id');
  assert.deepEqual(rows.map((row) => row.embedding), [[1, 2, 3], [4, 5, 6.5], [1, 1, 2]]);
});

test('the nearest come first, without an index and with one', async () => {
  const nearest = () => client.query('SELECT id FROM pg_items ORDER BY embedding <-> $1 LIMIT 2', [pgvector.toSql([1, 1, 1])]);
  const byScan = (await nearest()).rows;
  assert.deepEqual(byScan.map((row) => row.id), ['3', '1']);
  await client.query('CREATE INDEX ON pg_items USING vann (embedding vector_l2_ops)');
  await client.query('SET enable_seqscan = off');
  const plan = await client.query("EXPLAIN SELECT id FROM pg_items ORDER BY embedding <-> '[1,1,1]' LIMIT 2");
  assert.match(JSON.stringify(plan.rows), /Index Scan using pg_items_embedding_idx/);
  assert.deepEqual((await nearest()).rows, byScan);
});

test('every distance has an operator class', async () => {
  for (const [operator, operatorClass] of [['<#>', 'vector_ip_ops'], ['<=>', 'vector_cosine_ops'], ['<+>', 'vector_l1_ops']]) {
    const statement = `SELECT id FROM pg_items ORDER BY embedding ${operator} $1, id LIMIT 3`;
    const before = (await client.query(statement, [pgvector.toSql([3, 1, 2])])).rows;
    await client.query(`CREATE INDEX ON pg_items USING vann (embedding ${operatorClass})`);
    assert.deepEqual((await client.query(statement, [pgvector.toSql([3, 1, 2])])).rows, before);
  }
});

test('an average is a vector, and a wrong dimension is refused', async () => {
  const { rows } = await client.query('SELECT avg(embedding) FROM pg_items');
  assert.deepEqual(rows[0].avg, [2, 2.6666667, 3.8333333]);
  await assert.rejects(client.query('INSERT INTO pg_items (embedding) VALUES ($1)', [pgvector.toSql([1, 2])]), {
    code: '22000', message: 'expected 3 dimensions, not 2',
  });
});
