// The comparison: what a user would write instead of the gateway, written well.
//
// Fastify with a body schema and pg's pool; each POST /append is one INSERT of one record, durable when answered.
// Configuration by environment: PGHOST, PGPORT, PGUSER, PGDATABASE (pg's own), POOL (connections), PORT.
import Fastify from 'fastify';
import pg from 'pg';

const pool = new pg.Pool({ max: Number(process.env.POOL ?? 32) });
const app = Fastify({ logger: false });

const body = {
    type: 'object',
    required: ['model', 'records'],
    properties: { model: { type: 'string' }, records: { type: 'array', minItems: 1, maxItems: 1 } },
};
const insert = {
    name: 'append',
    text: 'INSERT INTO bench_record (model, record) VALUES ($1, $2) RETURNING record_offset',
};

app.post('/append', { schema: { body } }, async (request) => {
    const { model, records } = request.body;
    const answer = await pool.query({ ...insert, values: [model, JSON.stringify(records[0])] });
    return { first_offset: answer.rows[0].record_offset, count: 1 };
});

await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 0) });
console.log(app.server.address().port);
