"""asyncpg: everything in binary, everything prepared."""

import asyncio
import datetime as dt
import decimal
import ipaddress
import json
import ipaddress
import uuid

import asyncpg
from harness import DATABASE, HOST, PORT, USER, equal, failed, finish, ok, true

UTC = dt.timezone.utc
MOMENT = dt.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)
OPTIONS = {"host": HOST, "port": PORT, "user": USER, "database": DATABASE}
CHECKS = []


def check(name):
    def add(function):
        CHECKS.append((name, function))
        return function

    return add


async def raises(kind, awaitable, **fields):
    try:
        await awaitable
    except kind as error:
        for field, value in fields.items():
            equal(getattr(error, field), value, field)
        return error
    raise AssertionError(f"no {kind.__name__}")


@check("connection tells version and settings")
async def _(c):
    equal(c.get_server_version().major, 15)
    equal(c.get_settings().server_encoding, "UTF8")
    true(c.get_server_pid() > 0, "pid")
    equal(await c.fetchval("SHOW application_name"), "matrix")


VALUES = [
    ("int2", -32768),
    ("int4", 2147483647),
    ("int8", -9223372036854775808),
    ("float4", 1.5),
    ("float8", 0.1),
    ("numeric", decimal.Decimal("12345678901234567890.0123456789")),
    ("text", "naïve 漢字 \\ ' \""),
    ("varchar", "twenty"),
    ("bool", True),
    ("date", dt.date(1999, 12, 31)),
    ("time", dt.time(23, 59, 59, 999999)),
    ("timestamp", dt.datetime(2000, 1, 1, 0, 0, 0, 1)),
    ("timestamptz", MOMENT),
    ("interval", dt.timedelta(days=3, hours=4, seconds=5)),
    ("uuid", uuid.UUID("12345678-1234-5678-1234-567812345678")),
    ("bytea", bytes(range(256))),
    ("int4[]", [1, 2, None, 4]),
    ("text[]", ["a", 'b"c', "d,e", None]),
    ("jsonb", '{"a": [1, 2.5, null]}'),
    ("json", '{"a":  1}'),
    ("inet", ipaddress.ip_address("10.0.0.1")),
    ("inet", ipaddress.ip_interface("::1/64")),
    ("cidr", ipaddress.ip_network("2001:db8::/32")),
    ("inet[]", [ipaddress.ip_address("10.0.0.1"), None]),
]


@check("every type comes back as it was sent")
async def _(c):
    for name, value in VALUES:
        equal(await c.fetchval(f"SELECT $1::{name}", value), value, name)
        equal(await c.fetchval(f"SELECT $1::{name}", None), None, name)


@check("every type is stored and read")
async def _(c):
    columns = ", ".join(f"c{n} {name}" for n, (name, _) in enumerate(VALUES))
    await c.execute(f"CREATE TABLE kinds (id int PRIMARY KEY, {columns})")
    holders = ", ".join(f"${n + 1}" for n in range(len(VALUES) + 1))
    await c.execute(f"INSERT INTO kinds VALUES ({holders})", 1, *[v for _, v in VALUES])
    row = await c.fetchrow("SELECT * FROM kinds WHERE id = $1", 1)
    equal(list(row.values())[1:], [v for _, v in VALUES])
    equal(list(row.keys())[:2], ["id", "c0"])


@check("parameter types are inferred")
async def _(c):
    statement = await c.prepare("SELECT id, c6 FROM kinds WHERE id = $1 AND c6 <> $2 LIMIT $3")
    equal([t.name for t in statement.get_parameters()], ["int4", "text", "int8"])
    equal([(a.name, a.type.name) for a in statement.get_attributes()], [("id", "int4"), ("c6", "text")])
    equal(await statement.fetch(1, "x", 5), [(1, VALUES[6][1])])


@check("tables for the rest")
async def _(c):
    await c.execute(
        "CREATE TABLE item (id bigserial PRIMARY KEY, name text NOT NULL UNIQUE, "
        "price numeric(10,2) CHECK (price >= 0), data jsonb);"
        "CREATE TABLE line (id int PRIMARY KEY, item bigint NOT NULL REFERENCES item ON DELETE CASCADE)"
    )


@check("INSERT RETURNING gives the serial's values")
async def _(c):
    first = await c.fetchval("INSERT INTO item (name, price) VALUES ($1, $2) RETURNING id", "a", decimal.Decimal(1))
    second = await c.fetchval("INSERT INTO item (name, price) VALUES ($1, $2) RETURNING id", "b", decimal.Decimal(2))
    true(second > first, "rising")


@check("executemany is one transaction")
async def _(c):
    await c.executemany("INSERT INTO item (name, price) VALUES ($1, $2)", [(f"m{n}", n) for n in range(200)])
    equal(await c.fetchval("SELECT count(*) FROM item WHERE name LIKE 'm%'"), 200)
    await raises(
        asyncpg.UniqueViolationError,
        c.executemany("INSERT INTO item (name, price) VALUES ($1, $2)", [("new", 1), ("m1", 1)]),
    )
    equal(await c.fetchval("SELECT count(*) FROM item WHERE name = 'new'"), 0)


@check("fetchmany of one prepared statement")
async def _(c):
    got = await c.fetchmany("INSERT INTO item (name) VALUES ($1) RETURNING name", [("f1",), ("f2",), ("f3",)])
    equal([r["name"] for r in got], ["f1", "f2", "f3"])


@check("status of commands")
async def _(c):
    equal(await c.execute("UPDATE item SET price = 3 WHERE name LIKE 'f%'"), "UPDATE 3")
    equal(await c.execute("DELETE FROM item WHERE name LIKE 'f%'"), "DELETE 3")
    equal(await c.execute("SELECT 1; SELECT 2"), "SELECT 1")


@check("= ANY with an array parameter")
async def _(c):
    rows = await c.fetch("SELECT name FROM item WHERE name = ANY($1::text[]) ORDER BY name", ["b", "a", "zz"])
    equal([r[0] for r in rows], ["a", "b"])


@check("unnest of array parameters as rows")
async def _(c):
    rows = await c.fetch("SELECT * FROM unnest($1::int[], $2::text[]) AS t(a, b) ORDER BY a", [2, 1], ["x", "y"])
    equal([tuple(r) for r in rows], [(1, "y"), (2, "x")])


@check("transactions, nested by savepoints")
async def _(c):
    async with c.transaction():
        await c.execute("UPDATE item SET price = 9 WHERE name = 'a'")
        try:
            async with c.transaction():
                await c.execute("UPDATE item SET price = 8 WHERE name = 'a'")
                raise RuntimeError
        except RuntimeError:
            pass
    equal(await c.fetchval("SELECT price FROM item WHERE name = 'a'"), decimal.Decimal("9.00"))


@check("isolation levels and read-only transactions")
async def _(c):
    async with c.transaction(isolation="repeatable_read", readonly=True):
        equal(await c.fetchval("SHOW transaction_isolation"), "repeatable read")
    transaction = c.transaction(readonly=True)
    await transaction.start()
    await raises(asyncpg.ReadOnlySQLTransactionError, c.execute("DELETE FROM item"))
    await transaction.rollback()


@check("a failed transaction refuses until ROLLBACK")
async def _(c):
    transaction = c.transaction()
    await transaction.start()
    await raises(asyncpg.DivisionByZeroError, c.fetch("SELECT 1/0"))
    await raises(asyncpg.InFailedSQLTransactionError, c.fetch("SELECT 1"))
    await transaction.rollback()
    equal(await c.fetchval("SELECT 1"), 1)


@check("errors carry constraint, table, column and detail")
async def _(c):
    await raises(
        asyncpg.UniqueViolationError,
        c.execute("INSERT INTO item (name) VALUES ('a')"),
        constraint_name="item_name_key",
        table_name="item",
        schema_name="public",
        detail="Key (name)=(a) already exists.",
    )
    await raises(asyncpg.NotNullViolationError, c.execute("INSERT INTO item (price) VALUES (1)"), column_name="name")
    await raises(
        asyncpg.CheckViolationError,
        c.execute("INSERT INTO item (name, price) VALUES ('x', -1)"),
        constraint_name="item_price_check",
    )
    await raises(
        asyncpg.ForeignKeyViolationError,
        c.execute("INSERT INTO line VALUES (1, 0)"),
        constraint_name="line_item_fkey",
        detail='Key (item)=(0) is not present in table "item".',
    )
    await raises(asyncpg.PostgresSyntaxError, c.execute("SELEC 1"), position="1")


@check("a wrong argument is refused by the driver, the connection lives")
async def _(c):
    await raises(asyncpg.DataError, c.fetchval("SELECT $1::int", "not a number"))
    equal(await c.fetchval("SELECT 1"), 1)


@check("ON DELETE CASCADE")
async def _(c):
    id = await c.fetchval("INSERT INTO item (name) VALUES ('parent') RETURNING id")
    await c.execute("INSERT INTO line VALUES (10, $1), (11, $1)", id)
    await c.execute("DELETE FROM item WHERE id = $1", id)
    equal(await c.fetchval("SELECT count(*) FROM line"), 0)


@check("a cursor is iterated with prefetch")
async def _(c):
    async with c.transaction():
        got = [r[0] async for r in c.cursor("SELECT g FROM generate_series(1, 1000) AS g", prefetch=50)]
    equal(got, list(range(1, 1001)))


@check("a cursor is fetched and moved")
async def _(c):
    async with c.transaction():
        cursor = await c.cursor("SELECT g FROM generate_series(1, $1) AS g", 100)
        equal([r[0] for r in await cursor.fetch(3)], [1, 2, 3])
        equal(await cursor.forward(10), 10)
        equal((await cursor.fetchrow())[0], 14)


@check("copy_records_to_table, binary")
async def _(c):
    await c.execute("CREATE TABLE copied (id int PRIMARY KEY, name text, at timestamptz, n numeric)")
    rows = [(n, f"row {n}", MOMENT, decimal.Decimal(n) / 8) for n in range(1000)]
    equal(await c.copy_records_to_table("copied", records=rows), "COPY 1000")
    equal(tuple(await c.fetchrow("SELECT * FROM copied WHERE id = 999")), rows[999])


@check("copy_to_table from CSV")
async def _(c):
    import io

    source = io.BytesIO(b"id,name\n5000,\"with,comma\"\n5001,\n")
    equal(await c.copy_to_table("copied", source=source, columns=["id", "name"], format="csv", header=True), "COPY 2")
    equal(await c.fetchval("SELECT name FROM copied WHERE id = 5000"), "with,comma")


@check("copy_from_query and copy_from_table")
async def _(c):
    import io

    target = io.BytesIO()
    await c.copy_from_query("SELECT id, name FROM copied WHERE id < $1 ORDER BY id", 2, output=target, format="csv")
    equal(target.getvalue(), b"0,row 0\n1,row 1\n")
    target = io.BytesIO()
    equal(await c.copy_from_table("copied", columns=["id"], output=target), "COPY 1002")


@check("a codec of one's own for jsonb")
async def _(c):
    await c.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    equal(await c.fetchval("SELECT $1::jsonb", {"a": [1, None]}), {"a": [1, None]})
    await c.execute("UPDATE item SET data = $1 WHERE name = 'a'", {"k": "v"})
    equal(await c.fetchval("SELECT data FROM item WHERE name = 'a'"), {"k": "v"})
    await c.reset_type_codec("jsonb", schema="pg_catalog")


@check("LISTEN and NOTIFY")
async def _(c):
    got = asyncio.Queue()
    await c.add_listener("news", lambda _c, pid, channel, payload: got.put_nowait((channel, payload)))
    other = await asyncpg.connect(**OPTIONS)
    await other.execute("SELECT pg_notify('news', $1)", "hello")
    equal(await asyncio.wait_for(got.get(), 5), ("news", "hello"))
    await other.close()
    await c.reset()


@check("notices are logged")
async def _(c):
    got = []
    listener = lambda _c, message: got.append(message.message)  # noqa: E731
    c.add_log_listener(listener)
    await c.execute("DROP TABLE IF EXISTS no_such_table")
    await asyncio.sleep(0.05)
    c.remove_log_listener(listener)
    equal(got, ['table "no_such_table" does not exist, skipping'])


@check("a timeout cancels the statement")
async def _(c):
    await raises(asyncio.TimeoutError, c.fetch("SELECT pg_sleep(20)", timeout=0.3))
    equal(await c.fetchval("SELECT 1"), 1)


@check("a pool of connections, reset between uses")
async def _(c):
    async with asyncpg.create_pool(min_size=2, max_size=5, **OPTIONS) as pool:

        async def work(n):
            async with pool.acquire() as own:
                await own.execute("SET statement_timeout = '30s'")
                return await own.fetchval("SELECT $1::int * 2", n)

        equal(await asyncio.gather(*[work(n) for n in range(20)]), [2 * n for n in range(20)])
        async with pool.acquire() as own:
            equal(await own.fetchval("SHOW statement_timeout"), "0")


@check("a statement lives through a change of its table")
async def _(c):
    await c.execute("CREATE TABLE changing (a int)")
    await c.execute("INSERT INTO changing VALUES (1)")
    equal(tuple(await c.fetchrow("SELECT * FROM changing")), (1,))
    await c.execute("ALTER TABLE changing ADD COLUMN b text DEFAULT 'x'")
    equal(tuple(await c.fetchrow("SELECT * FROM changing")), (1, "x"))


@check("rows of composite results in one query")
async def _(c):
    rows = await c.fetch(
        "WITH big AS (SELECT * FROM item WHERE price > $1) "
        "SELECT i.name, count(*) OVER () AS n FROM item i JOIN big USING (id) ORDER BY i.name LIMIT 2",
        decimal.Decimal(100),
    )
    equal([tuple(r) for r in rows], [("m101", 99), ("m102", 99)])


@check("schemas are introspected for an unknown type by name")
async def _(c):
    equal(await c.fetchval("SELECT 'pg_class'::regclass::oid"), 1259)
    equal(await c.fetchval("SELECT $1::regclass::text", "item"), "item")


async def main():
    connection = await asyncpg.connect(server_settings={"application_name": "matrix"}, **OPTIONS)
    for name, function in CHECKS:
        try:
            if connection.is_closed():
                connection = await asyncpg.connect(**OPTIONS)
            await asyncio.wait_for(function(connection), 30)
        except Exception as error:
            failed(name, error)
            if connection.is_in_transaction():
                await connection.execute("ROLLBACK")
        else:
            ok(name)
    await connection.close()


asyncio.run(main())
finish()
