// Sequelize, an ORM that pgvector's npm package extends: model, index, nearest neighbours.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DataTypes, Sequelize } from 'sequelize';
import pgvector, { cosineDistance, l1Distance, l2Distance, maxInnerProduct } from 'pgvector/sequelize';

pgvector.registerTypes(Sequelize);
const { PGHOST, PGPORT, PGUSER, PGDATABASE } = process.env;
const sequelize = new Sequelize(PGDATABASE, PGUSER, '', { dialect: 'postgres', host: PGHOST, port: PGPORT, logging: false });
let Item;

before(async () => {
  await sequelize.query('CREATE EXTENSION IF NOT EXISTS soupvec');
  Item = sequelize.define('Item', { embedding: { type: DataTypes.VECTOR(3) } }, {
    tableName: 'sequelize_items',
    timestamps: false,
    indexes: [{ fields: ['embedding'], using: 'vann', operator: 'vector_l2_ops' }],
  });
  await Item.sync({ force: true });
});
after(() => sequelize.close());

test('rows are created and read', async () => {
  await Item.bulkCreate([{ embedding: [1, 1, 1] }, { embedding: [2, 2, 2] }, { embedding: [1, 1, 2] }]);
  assert.deepEqual((await Item.findByPk(3)).embedding, [1, 1, 2]);
  assert.equal((await Item.create({ embedding: null })).embedding, null);
});

test('the nearest come first by every distance', async () => {
  for (const [distance, expected] of [[l2Distance, [1, 3, 2]], [l1Distance, [1, 3, 2]], [maxInnerProduct, [2, 3, 1]]]) {
    const items = await Item.findAll({ order: distance('embedding', [1, 1, 1], sequelize), limit: 3 });
    assert.deepEqual(items.map((item) => item.id), expected, distance.name);
  }
  const items = await Item.findAll({ order: cosineDistance('embedding', [1, 1, 1], sequelize), limit: 3 });
  assert.equal(items[2].id, 3);
});

test('the declared index is the one that answers', async () => {
  const plan = await sequelize.transaction(async (transaction) => {
    await sequelize.query('SET LOCAL enable_seqscan = off', { transaction });
    return sequelize.query("EXPLAIN SELECT id FROM sequelize_items ORDER BY embedding <-> '[1,1,1]' LIMIT 3", { transaction });
  });
  assert.match(JSON.stringify(plan), /Index Scan using sequelize_items_embedding/);
});
