// node-postgres: the pool, prepared statements, types, cursors, COPY, notifications.
'use strict'
const assert = require('node:assert/strict')
const { once } = require('node:events')
const { pipeline } = require('node:stream/promises')
const { Readable } = require('node:stream')
const pg = require('pg')
const Cursor = require('pg-cursor')
const QueryStream = require('pg-query-stream')
const { from: copyFrom, to: copyTo } = require('pg-copy-streams')

const checks = []
const check = (name, run) => checks.push([name, run])
const value = async (client, text, values) => Object.values((await client.query(text, values)).rows[0])[0]
const refused = async (promise, fields) => {
  let error
  try { await promise } catch (caught) { error = caught }
  assert.ok(error, 'no error')
  for (const [field, expected] of Object.entries(fields)) assert.equal(error[field], expected, `${field}: ${error.message}`)
  return error
}

check('connection and parameters', async (c) => {
  assert.equal(await value(c, 'SHOW application_name'), 'matrix')
  assert.equal(Math.floor(Number(await value(c, 'SHOW server_version_num')) / 10000), 15)
  assert.ok(c.processID > 0)
})
check('simple queries, several in one message', async (c) => {
  const results = await c.query('SELECT 1 AS a; SELECT 2 AS b, 3 AS c')
  assert.deepEqual(results.map((r) => r.rows), [[{ a: 1 }], [{ b: 2, c: 3 }]])
})
check('every type in text form', async (c) => {
  const { rows: [row] } = await c.query(`SELECT 1::int2 AS a, 2::int4 AS b, 3::int8 AS c, 1.5::float4 AS d, 0.1::float8 AS e,
    1.50::numeric(5,2) AS f, 'x'::text AS g, true AS h, DATE '2024-02-29' AS i, TIMESTAMPTZ '2024-02-29 12:00:00+00' AS j,
    '12345678-1234-5678-1234-567812345678'::uuid AS k, '\\x00ff'::bytea AS l, ARRAY[1,NULL,3] AS m, ARRAY['a','b"c'] AS n,
    '{"a":[1,null]}'::jsonb AS o, INTERVAL '1 day 02:03:04' AS p, TIME '01:02:03' AS q, NULL AS r`)
  assert.deepEqual([row.a, row.b, row.c, row.d, row.e, row.f, row.g, row.h], [1, 2, '3', 1.5, 0.1, '1.50', 'x', true])
  assert.equal(row.i.getFullYear(), 2024)
  assert.equal(row.j.toISOString(), '2024-02-29T12:00:00.000Z')
  assert.deepEqual(row.l, Buffer.from([0, 255]))
  assert.deepEqual([row.m, row.n, row.o, row.r], [[1, null, 3], ['a', 'b"c'], { a: [1, null] }, null])
  assert.equal(row.p.toPostgres(), '4 seconds 3 minutes 2 hours 1 days')
  assert.equal(row.q, '01:02:03')
})
check('results in binary form', async (c) => {
  // What the driver itself reads rightly from binary: whole numbers, text, truth.
  const { rows: [row] } = await c.query({
    text: "SELECT 2::int4 AS a, 3::int2 AS b, 'x'::text AS c, true AS d WHERE 1 = $1", values: [1], binary: true,
  })
  assert.deepEqual([row.a, row.b, row.c, row.d], [2, 3, 'x', true])
})
check('fields describe the result', async (c) => {
  const { fields, rowCount, command } = await c.query("SELECT 1::int4 AS a, 'x'::varchar(5) AS b")
  assert.deepEqual(fields.map((f) => [f.name, f.dataTypeID, f.dataTypeModifier]), [['a', 23, -1], ['b', 1043, 9]])
  assert.deepEqual([rowCount, command], [1, 'SELECT'])
})
check('parameters of every kind', async (c) => {
  const when = new Date('2024-02-29T12:00:00.123Z')
  const { rows: [row] } = await c.query(
    'SELECT $1::int AS a, $2::text AS b, $3::timestamptz AS c, $4::int[] AS d, $5::jsonb AS e, $6::bytea AS f, $7::bool AS g, $8::text AS h',
    [7, "o'clock", when, [1, 2], { k: 'v' }, Buffer.from('hi'), false, null])
  assert.deepEqual(row, { a: 7, b: "o'clock", c: when, d: [1, 2], e: { k: 'v' }, f: Buffer.from('hi'), g: false, h: null })
})
check('rowMode array', async (c) => {
  const { rows } = await c.query({ text: 'SELECT 1, 2 UNION ALL SELECT 3, 4 ORDER BY 1', rowMode: 'array' })
  assert.deepEqual(rows, [[1, 2], [3, 4]])
})
check('named prepared statements', async (c) => {
  for (let n = 0; n < 10; n++) {
    const { rows } = await c.query({ name: 'double', text: 'SELECT $1::int * 2 AS twice', values: [n] })
    assert.equal(rows[0].twice, 2 * n)
  }
})
check('tables for the rest', async (c) => {
  await c.query(`CREATE TABLE item (id serial PRIMARY KEY, name text NOT NULL UNIQUE, price numeric(10,2) CHECK (price >= 0), data jsonb);
    CREATE TABLE line (id int PRIMARY KEY, item int NOT NULL REFERENCES item ON DELETE CASCADE)`)
})
check('INSERT RETURNING', async (c) => {
  const { rows, rowCount, command } = await c.query('INSERT INTO item (name, price) VALUES ($1, $2), ($3, $4) RETURNING id, name', ['a', 1, 'b', 2.5])
  assert.deepEqual([rowCount, command, rows.map((r) => r.name)], [2, 'INSERT', ['a', 'b']])
  assert.ok(rows[1].id > rows[0].id)
})
check('UPDATE and DELETE count rows', async (c) => {
  assert.equal((await c.query('UPDATE item SET price = price + 1')).rowCount, 2)
  assert.equal((await c.query("DELETE FROM item WHERE name = 'none'")).rowCount, 0)
  assert.equal(await value(c, "SELECT price FROM item WHERE name = 'b'"), '3.50')
})
check('upsert', async (c) => {
  const text = 'INSERT INTO item (name, price) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET price = excluded.price WHERE item.price <> excluded.price RETURNING price'
  assert.equal((await c.query(text, ['a', 10])).rows[0].price, '10.00')
  assert.equal((await c.query(text, ['a', 10])).rowCount, 0)
})
check('a transaction is committed', async (c, pool) => {
  await c.query('BEGIN')
  await c.query("UPDATE item SET price = 77 WHERE name = 'a'")
  assert.equal(await value(pool, "SELECT price FROM item WHERE name = 'a'"), '10.00')
  await c.query('COMMIT')
  assert.equal(await value(pool, "SELECT price FROM item WHERE name = 'a'"), '77.00')
})
check('a failed transaction refuses, then rolls back', async (c) => {
  await c.query('BEGIN')
  await refused(c.query('SELECT 1/0'), { code: '22012', message: 'division by zero' })
  await refused(c.query('SELECT 1'), { code: '25P02' })
  assert.equal((await c.query('COMMIT')).command, 'ROLLBACK')
})
check('savepoints', async (c) => {
  await c.query('BEGIN')
  await c.query('SAVEPOINT s')
  await refused(c.query("INSERT INTO item (name) VALUES ('a')"), { code: '23505' })
  await c.query('ROLLBACK TO s')
  await c.query("INSERT INTO item (name) VALUES ('c')")
  await c.query('COMMIT')
  assert.equal(await value(c, 'SELECT count(*)::int FROM item'), 3)
})
check('errors carry their fields', async (c) => {
  await refused(c.query("INSERT INTO item (name) VALUES ('a')"), {
    code: '23505', constraint: 'item_name_key', table: 'item', schema: 'public', severity: 'ERROR', detail: 'Key (name)=(a) already exists.',
  })
  await refused(c.query('INSERT INTO item (price) VALUES (1)'), { code: '23502', column: 'name' })
  await refused(c.query("INSERT INTO item (name, price) VALUES ('x', -1)"), { code: '23514', constraint: 'item_price_check' })
  await refused(c.query('INSERT INTO line VALUES (1, 0)'), { code: '23503', constraint: 'line_item_fkey' })
  await refused(c.query('SELECT nothing FROM item'), { code: '42703', position: '8' })
  await refused(c.query('SELECT $1::int', ['x']), { code: '22P02' })
})
check('ON DELETE CASCADE', async (c) => {
  await c.query("INSERT INTO line SELECT 1, id FROM item WHERE name = 'c'")
  await c.query("DELETE FROM item WHERE name = 'c'")
  assert.equal(await value(c, 'SELECT count(*)::int FROM line'), 0)
})
check('JSON is stored and searched', async (c) => {
  await c.query('UPDATE item SET data = $1 WHERE name = $2', [{ tags: ['x', 'y'], deep: { n: 5 } }, 'a'])
  const { rows } = await c.query("SELECT data->'deep'->>'n' AS n, data->'tags' AS tags FROM item WHERE data @> $1", [{ deep: { n: 5 } }])
  assert.deepEqual(rows, [{ n: '5', tags: ['x', 'y'] }])
})
check('= ANY with a list', async (c) => {
  const { rows } = await c.query('SELECT name FROM item WHERE name = ANY($1) ORDER BY name', [['b', 'a', 'z']])
  assert.deepEqual(rows.map((r) => r.name), ['a', 'b'])
})
check('many rows by unnest', async (c) => {
  const ids = Array.from({ length: 500 }, (_, n) => `u${n}`)
  const done = await c.query('INSERT INTO item (name, price) SELECT name, price FROM unnest($1::text[], $2::numeric[]) AS t(name, price)', [ids, ids.map((_, n) => n)])
  assert.equal(done.rowCount, 500)
})
check('a cursor reads by blocks', async (c) => {
  const cursor = c.query(new Cursor('SELECT g FROM generate_series(1, $1::int) AS g', [250]))
  let seen = []
  for (let rows; (rows = await cursor.read(100)).length;) seen.push(rows.length)
  assert.deepEqual(seen, [100, 100, 50])
  await cursor.close()
})
check('a cursor is closed early', async (c) => {
  const cursor = c.query(new Cursor('SELECT g FROM generate_series(1, 100000) AS g'))
  assert.equal((await cursor.read(10)).length, 10)
  await cursor.close()
  assert.equal(await value(c, 'SELECT 5'), 5)
})
check('a stream of rows', async (c) => {
  let sum = 0
  for await (const row of c.query(new QueryStream('SELECT g FROM generate_series(1, 3000) AS g', [], { batchSize: 100 }))) sum += row.g
  assert.equal(sum, 4501500)
})
check('COPY in', async (c) => {
  await c.query('CREATE TABLE copied (id int PRIMARY KEY, name text)')
  const lines = Array.from({ length: 2000 }, (_, n) => `${n}\trow ${n}\n`)
  await pipeline(Readable.from(lines), c.query(copyFrom('COPY copied FROM STDIN')))
  assert.equal(await value(c, 'SELECT count(*)::int FROM copied'), 2000)
})
check('COPY out', async (c) => {
  const stream = c.query(copyTo('COPY (SELECT * FROM copied WHERE id < 2 ORDER BY id) TO STDOUT (FORMAT csv, HEADER)'))
  let text = ''
  for await (const block of stream) text += block
  assert.equal(text, 'id,name\n0,row 0\n1,row 1\n')
})
check('LISTEN and NOTIFY', async (c, pool) => {
  await c.query('LISTEN news')
  const heard = once(c, 'notification')
  await pool.query("SELECT pg_notify('news', $1)", ['hello'])
  const [{ channel, payload }] = await heard
  assert.deepEqual([channel, payload], ['news', 'hello'])
  await c.query('UNLISTEN *')
})
check('notices', async (c) => {
  const heard = once(c, 'notice')
  await c.query('DROP TABLE IF EXISTS no_such_table')
  assert.equal((await heard)[0].message, 'table "no_such_table" does not exist, skipping')
})
check('a pool of connections works at once', async (_c, pool) => {
  const found = await Promise.all(Array.from({ length: 40 }, (_, n) => value(pool, 'SELECT $1::int + 1', [n])))
  assert.deepEqual(found, Array.from({ length: 40 }, (_, n) => n + 1))
})
check('statement_timeout', async () => {
  const other = new pg.Client({ statement_timeout: 200 })
  await other.connect()
  await refused(other.query('SELECT pg_sleep(20)'), { code: '57014' })
  await other.end()
})
check('a statement is cancelled from another connection', async (c, pool) => {
  const sleeping = refused(c.query('SELECT pg_sleep(20)'), { code: '57014' })
  await new Promise((wake) => setTimeout(wake, 200))
  assert.equal(await value(pool, 'SELECT pg_cancel_backend($1)', [c.processID]), true)
  await sleeping
})
check('isolation levels', async (c) => {
  await c.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  assert.equal(await value(c, 'SHOW transaction_isolation'), 'repeatable read')
  await refused(c.query('DELETE FROM item'), { code: '25006' })
  await c.query('ROLLBACK')
})
check('quoting of identifiers and literals', async (c) => {
  const name = c.escapeIdentifier('Odd "Name"')
  await c.query(`CREATE TABLE ${name} (id int)`)
  await c.query(`INSERT INTO ${name} VALUES (1)`)
  assert.equal(await value(c, `SELECT ${c.escapeLiteral("it's \\ here")}`), "it's \\ here")
})

// What a failed check left waiting is told by the check itself.
process.on('unhandledRejection', () => {})

async function main () {
  const pool = new pg.Pool({ max: 8 })
  let client
  let failed = 0
  for (const [name, run] of checks) {
    try {
      if (!client) {
        client = new pg.Client({ application_name: 'matrix' })
        client.on('error', () => {})
        await client.connect()
      }
      const late = new Promise((_resolve, reject) => setTimeout(() => reject(new Error('no answer in 20 s')), 20000).unref())
      await Promise.race([run(client, pool), late])
      console.log(`ok ${name}`)
    } catch (error) {
      failed++
      console.log(`not ok ${name}: ${String(error.message).replace(/\s+/g, ' ').slice(0, 600)}`)
      client?.connection.stream.destroy()
      client = undefined
    }
  }
  if (client) await client.end()
  await pool.end()
  console.log(`${checks.length} checks, ${failed} failed`)
  process.exit(failed ? 1 : 0)
}
main()
