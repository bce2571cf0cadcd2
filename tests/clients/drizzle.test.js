// Drizzle, an ORM whose own vector type is made for pgvector.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cosineDistance, l2Distance } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { pgTable, serial, vector } from 'drizzle-orm/pg-core';
import pg from 'pg';

const client = new pg.Client();
const db = drizzle(client);
const items = pgTable('drizzle_items', { id: serial('id').primaryKey(), embedding: vector('embedding', { dimensions: 3 }) });

before(async () => {
  await client.connect();
  await client.query('CREATE EXTENSION IF NOT EXISTS soupvec');
  await client.query('CREATE TABLE drizzle_items (id serial PRIMARY KEY, embedding vector(3))');
  await client.query('CREATE INDEX ON drizzle_items USING vann (embedding vector_l2_ops)');
});
after(() => client.end());

test('inserted rows are found, the nearest first', async () => {
  await db.insert(items).values([{ embedding: [1, 2, 3] }, { embedding: [4, 5, 6] }, { embedding: [1, 2, 4] }]);
  const found = await db.select().from(items).orderBy(l2Distance(items.embedding, [1, 2, 3])).limit(2);
  assert.deepEqual(found, [{ id: 1, embedding: [1, 2, 3] }, { id: 3, embedding: [1, 2, 4] }]);
});

test('a distance can be selected', async () => {
  const [row] = await db.select({ distance: cosineDistance(items.embedding, [4, 5, 6]) }).from(items)
    .orderBy(cosineDistance(items.embedding, [4, 5, 6])).limit(1);
  assert.ok(Number(row.distance) < 1e-6);
});
