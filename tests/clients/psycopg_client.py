"""psycopg 3: text and binary, pipelines, COPY, server-side cursors, notifications."""

import datetime as dt
import decimal
import ipaddress
import uuid

import psycopg
from harness import DATABASE, HOST, PORT, USER, check, equal, finish, raises, recover, true
from psycopg import sql
from psycopg.rows import class_row, dict_row, namedtuple_row
from psycopg.types.json import Jsonb
from psycopg.types.range import Range

URL = f"host={HOST} port={PORT} user={USER} dbname={DATABASE}"
conn = psycopg.connect(URL, application_name="matrix")
recover.append(conn.rollback)

UTC = dt.timezone.utc
MOMENT = dt.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)
VALUES = {
    "smallint": -32768,
    "integer": 2147483647,
    "bigint": -9223372036854775808,
    "real": 1.5,
    "double precision": 0.1,
    "numeric": decimal.Decimal("12345678901234567890.0123456789"),
    "text": "naïve 漢字 'quote' \\ back",
    "varchar(20)": "twenty",
    "boolean": True,
    "date": dt.date(1999, 12, 31),
    "time": dt.time(23, 59, 59, 999999),
    "timestamp": dt.datetime(2000, 1, 1, 0, 0, 0, 1),
    "timestamptz": MOMENT,
    "interval": dt.timedelta(days=3, hours=4, seconds=5),
    "uuid": uuid.UUID("12345678-1234-5678-1234-567812345678"),
    "inet": ipaddress.ip_interface("10.0.0.1/24"),
    "cidr": ipaddress.ip_network("2001:db8::/32"),
    "bytea": bytes(range(256)),
    "integer[]": [1, 2, None, 4],
    "text[]": ["a", 'b"c', "d,e", None],
    "jsonb": {"a": [1, 2.5, None, True], "b": "x"},
}


@check("connection tells the server's version, encoding and settings")
def _():
    equal(conn.info.server_version // 10000, 15)
    equal(conn.info.encoding, "utf-8")
    equal(conn.info.parameter_status("standard_conforming_strings"), "on")
    equal(conn.info.parameter_status("integer_datetimes"), "on")
    equal(conn.info.dbname, DATABASE)
    equal(conn.execute("SHOW application_name").fetchone(), ("matrix",))


for binary in (False, True):
    way = "binary" if binary else "text"

    @check(f"every type comes back as it was sent, {way}")
    def _():
        cur = conn.cursor(binary=binary)
        for name, value in VALUES.items():
            sent = Jsonb(value) if name == "jsonb" else value
            row = cur.execute(f"SELECT %s::{name}", [sent]).fetchone()
            equal(row[0], value, name)

    @check(f"every type is stored and read, {way}")
    def _():
        columns = ", ".join(f"c{n} {name}" for n, name in enumerate(VALUES))
        cur = conn.cursor(binary=binary)
        cur.execute(f"CREATE TABLE kinds_{way} (id int PRIMARY KEY, {columns})")
        sent = [Jsonb(v) if k == "jsonb" else v for k, v in VALUES.items()]
        mark = "%b" if binary else "%s"
        holders = ", ".join([mark] * len(sent))
        cur.execute(f"INSERT INTO kinds_{way} VALUES (1, {holders})", sent)
        cur.execute(f"INSERT INTO kinds_{way} (id) VALUES (2)")
        conn.commit()
        rows = cur.execute(f"SELECT * FROM kinds_{way} ORDER BY id").fetchall()
        equal(list(rows[0][1:]), list(VALUES.values()))
        equal(set(rows[1][1:]), {None})


@check("text parameters, explicitly in text format")
def _():
    row = conn.execute("SELECT %t::int + 1, %t || 'y'", [41, "x"]).fetchone()
    equal(row, (42, "xy"))


@check("a description carries names and type oids")
def _():
    cur = conn.execute("SELECT 1::int4 AS a, 'x'::text AS b, 1.5::numeric(6,2) AS c, now() AS d")
    equal([c.name for c in cur.description], ["a", "b", "c", "d"])
    equal([c.type_code for c in cur.description], [23, 25, 1700, 1184])
    equal((cur.description[2].precision, cur.description[2].scale), (6, 2))


@check("table for the rest")
def _():
    conn.execute(
        "CREATE TABLE item (id serial PRIMARY KEY, name text NOT NULL UNIQUE, "
        "price numeric(10,2) CHECK (price >= 0), made timestamptz DEFAULT now())"
    )
    conn.execute("CREATE TABLE line (id int PRIMARY KEY, item int NOT NULL REFERENCES item (id))")
    conn.commit()


@check("INSERT RETURNING gives the serial's values")
def _():
    cur = conn.cursor()
    ids = []
    for name in ("apple", "pear"):
        cur.execute("INSERT INTO item (name, price) VALUES (%s, %s) RETURNING id", [name, "1.50"])
        ids.append(cur.fetchone()[0])
    true(ids[1] > ids[0], "rising")
    equal(conn.execute("SELECT currval(pg_get_serial_sequence('item', 'id'))").fetchone()[0], ids[1])
    conn.commit()


@check("executemany, with and without RETURNING")
def _():
    cur = conn.cursor()
    rows = [(f"many{n}", n) for n in range(100)]
    cur.executemany("INSERT INTO item (name, price) VALUES (%s, %s)", rows)
    equal(cur.rowcount, 100)
    cur.executemany(
        "INSERT INTO item (name, price) VALUES (%s, 0) RETURNING name", [("r1",), ("r2",)], returning=True
    )
    got = [cur.fetchone()[0]]
    while cur.nextset():
        got.append(cur.fetchone()[0])
    equal(got, ["r1", "r2"])
    conn.commit()


@check("rowcount and status of UPDATE and DELETE")
def _():
    cur = conn.execute("UPDATE item SET price = price + 1 WHERE name LIKE 'many1%'")
    equal((cur.rowcount, cur.statusmessage), (11, "UPDATE 11"))
    cur = conn.execute("DELETE FROM item WHERE name IN ('r1', 'r2')")
    equal((cur.rowcount, cur.statusmessage), (2, "DELETE 2"))
    conn.commit()


@check("= ANY over a list parameter")
def _():
    rows = conn.execute("SELECT name FROM item WHERE name = ANY(%s) ORDER BY 1", [["pear", "apple"]])
    equal([r[0] for r in rows], ["apple", "pear"])


@check("transaction blocks, nested by savepoints")
def _():
    with conn.transaction():
        conn.execute("UPDATE item SET price = 9 WHERE name = 'apple'")
        try:
            with conn.transaction():
                conn.execute("UPDATE item SET price = 8 WHERE name = 'apple'")
                raise RuntimeError
        except RuntimeError:
            pass
    equal(conn.execute("SELECT price FROM item WHERE name = 'apple'").fetchone()[0], decimal.Decimal("9.00"))
    conn.rollback()


@check("a failed transaction refuses until ROLLBACK")
def _():
    raises(psycopg.errors.UndefinedTable, lambda: conn.execute("SELECT * FROM nowhere"))
    raises(psycopg.errors.InFailedSqlTransaction, lambda: conn.execute("SELECT 1"))
    conn.rollback()
    equal(conn.execute("SELECT 1").fetchone(), (1,))


@check("errors carry SQLSTATE, constraint, table and detail")
def _():
    error = raises(
        psycopg.errors.UniqueViolation, lambda: conn.execute("INSERT INTO item (name) VALUES ('apple')")
    )
    equal(error.diag.constraint_name, "item_name_key")
    equal(error.diag.table_name, "item")
    equal(error.diag.message_detail, "Key (name)=(apple) already exists.")
    conn.rollback()
    error = raises(psycopg.errors.NotNullViolation, lambda: conn.execute("INSERT INTO item (price) VALUES (1)"))
    equal(error.diag.column_name, "name")
    conn.rollback()
    error = raises(
        psycopg.errors.CheckViolation,
        lambda: conn.execute("INSERT INTO item (name, price) VALUES ('x', -1)"),
    )
    equal(error.diag.constraint_name, "item_price_check")
    conn.rollback()
    error = raises(psycopg.errors.ForeignKeyViolation, lambda: conn.execute("INSERT INTO line VALUES (1, 0)"))
    equal(error.diag.constraint_name, "line_item_fkey")
    conn.rollback()
    error = raises(psycopg.errors.SyntaxError, lambda: conn.execute("SELEC 1"))
    equal(error.diag.statement_position, "1")
    conn.rollback()


@check("prepared statements")
def _():
    for n in range(8):
        got = conn.execute("SELECT %s::int + 1", [n], prepare=True).fetchone()[0]
        equal(got, n + 1)
    conn.commit()
    names = conn.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()[0]
    true(names >= 1, "the server lists it")
    conn.rollback()


@check("a pipeline of statements")
def _():
    with conn.pipeline() as pipeline:
        cursors = [conn.execute("SELECT %s::int * 2", [n]) for n in range(50)]
        pipeline.sync()
        equal([c.fetchone()[0] for c in cursors], [2 * n for n in range(50)])
    conn.commit()


@check("a pipeline aborts after an error and recovers at the sync")
def _():
    with psycopg.connect(URL, autocommit=True) as other:
        other.execute("CREATE TABLE after_error (id int)")

        def run():
            with other.pipeline():
                other.execute("SELECT 1/0")
                other.execute("INSERT INTO after_error VALUES (1)")

        raises(psycopg.errors.DivisionByZero, run)
        equal(other.execute("SELECT count(*) FROM after_error").fetchone(), (0,))


@check("executemany in a pipeline with prepared INSERTs")
def _():
    with conn.pipeline():
        cur = conn.cursor()
        cur.executemany("INSERT INTO item (name, price) VALUES (%s, %s)", [(f"pipe{n}", n) for n in range(500)])
    conn.commit()
    equal(conn.execute("SELECT count(*) FROM item WHERE name LIKE 'pipe%'").fetchone()[0], 500)
    conn.rollback()


@check("COPY FROM STDIN by rows")
def _():
    conn.execute("CREATE TABLE copied (id int PRIMARY KEY, name text, at timestamptz)")
    with conn.cursor().copy("COPY copied (id, name, at) FROM STDIN") as copy:
        for n in range(1000):
            copy.write_row((n, f"tab\there {n}" if n % 10 else None, MOMENT))
    conn.commit()
    equal(conn.execute("SELECT count(*), count(name) FROM copied").fetchone(), (1000, 900))
    conn.rollback()


@check("COPY FROM STDIN, binary, by rows")
def _():
    with conn.cursor().copy("COPY copied (id, name, at) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int4", "text", "timestamptz"])
        for n in range(1000, 1500):
            copy.write_row((n, f"b{n}", MOMENT))
    conn.commit()
    equal(conn.execute("SELECT name, at FROM copied WHERE id = 1499").fetchone(), ("b1499", MOMENT))
    conn.rollback()


@check("COPY TO STDOUT by rows, text and binary")
def _():
    query = "COPY (SELECT id, name, at FROM copied WHERE id IN (1, 1499) ORDER BY id) TO STDOUT"
    expected = [(1, "tab\there 1", MOMENT), (1499, "b1499", MOMENT)]
    for form in ("", " (FORMAT binary)"):
        with conn.cursor().copy(query + form) as copy:
            copy.set_types(["int4", "text", "timestamptz"])
            equal(list(copy.rows()), expected, form)
    conn.rollback()


@check("COPY in CSV, with a header")
def _():
    data = b""
    with conn.cursor().copy("COPY (SELECT 1 AS a, 'x,\"y' AS b) TO STDOUT (FORMAT csv, HEADER)") as copy:
        for block in copy:
            data += bytes(block)
    equal(data, b'a,b\n1,"x,""y"\n')
    with conn.cursor().copy("COPY copied (id, name) FROM STDIN (FORMAT csv, HEADER)") as copy:
        copy.write("id,name\n5000,\"with,comma\"\n5001,\n")
    rows = conn.execute("SELECT id, name FROM copied WHERE id >= 5000 ORDER BY 1").fetchall()
    equal(rows, [(5000, "with,comma"), (5001, None)])
    conn.rollback()


@check("an error ends a COPY and the transaction is rolled back")
def _():
    def load():
        with conn.cursor().copy("COPY copied (id) FROM STDIN") as copy:
            copy.write("7000\nnot a number\n")

    raises(psycopg.errors.InvalidTextRepresentation, load)
    conn.rollback()
    equal(conn.execute("SELECT count(*) FROM copied WHERE id = 7000").fetchone()[0], 0)
    conn.rollback()


@check("a server-side cursor reads by blocks")
def _():
    with conn.cursor(name="blocks") as cur:
        cur.itersize = 100
        cur.execute("SELECT id FROM copied ORDER BY id")
        equal([r[0] for r in cur], list(range(1500)))
    conn.commit()


@check("a server-side cursor fetches and scrolls")
def _():
    with conn.cursor(name="scrolls", scrollable=True) as cur:
        cur.execute("SELECT g FROM generate_series(1, 100) AS g")
        equal(cur.fetchone(), (1,))
        equal([r[0] for r in cur.fetchmany(3)], [2, 3, 4])
        cur.scroll(10)
        equal(cur.fetchone(), (15,))
        cur.scroll(0, mode="absolute")
        equal(cur.fetchone(), (1,))
        equal(len(cur.fetchall()), 99)
    conn.commit()


@check("a server-side cursor WITH HOLD outlives its transaction")
def _():
    cur = conn.cursor(name="held", withhold=True)
    cur.execute("SELECT g FROM generate_series(1, 10) AS g")
    conn.commit()
    equal(len(cur.fetchall()), 10)
    cur.close()
    conn.commit()


@check("a server-side cursor takes parameters, in binary")
def _():
    with conn.cursor(name="parameters", binary=True) as cur:
        cur.execute("SELECT %s::int + g FROM generate_series(1, 3) AS g", [10])
        equal([r[0] for r in cur.fetchall()], [11, 12, 13])
    conn.commit()


@check("stream() gives rows as they come")
def _():
    cur = conn.cursor()
    equal(sum(r[0] for r in cur.stream("SELECT g FROM generate_series(1, 5000) AS g")), 12502500)
    conn.rollback()


@check("row factories")
def _():
    class Item:
        def __init__(self, name, price):
            self.name, self.price = name, price

    query = "SELECT name, price FROM item WHERE name = 'pear'"
    equal(conn.cursor(row_factory=dict_row).execute(query).fetchone()["name"], "pear")
    equal(conn.cursor(row_factory=namedtuple_row).execute(query).fetchone().price, decimal.Decimal("1.50"))
    equal(conn.cursor(row_factory=class_row(Item)).execute(query).fetchone().name, "pear")
    conn.rollback()


@check("composed SQL with identifiers and literals")
def _():
    name = 'Odd "Name"'
    conn.execute(sql.SQL("CREATE TABLE {} (id int PRIMARY KEY)").format(sql.Identifier(name)))
    query = sql.SQL("INSERT INTO {} VALUES ({})").format(sql.Identifier(name), sql.Literal(5))
    conn.execute(query)
    conn.commit()
    found = conn.execute("SELECT relname FROM pg_class WHERE oid = %s::regclass", ['"Odd ""Name"""']).fetchone()
    equal(found, (name,))
    conn.rollback()


@check("types of the catalog are looked up by name")
def _():
    info = psycopg.types.TypeInfo.fetch(conn, "numeric")
    equal((info.oid, info.array_oid), (1700, 1231))
    equal(psycopg.types.TypeInfo.fetch(conn, "no_such_type"), None)
    conn.rollback()


@check("LISTEN and NOTIFY")
def _():
    with psycopg.connect(URL, autocommit=True) as listener:
        listener.execute("LISTEN news")
        with psycopg.connect(URL) as teller:
            teller.execute("SELECT pg_notify('news', 'first')")
            teller.execute("NOTIFY news, 'second'")
        got = [n.payload for n in listener.notifies(timeout=5, stop_after=2)]
        equal(got, ["first", "second"])


@check("autocommit, isolation and read-only of a session")
def _():
    with psycopg.connect(URL) as other:
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        other.read_only = True
        equal(other.execute("SHOW transaction_isolation").fetchone(), ("repeatable read",))
        raises(
            psycopg.errors.ReadOnlySqlTransaction,
            lambda: other.execute("INSERT INTO item (name) VALUES ('never')"),
        )
        other.rollback()


@check("a statement is cancelled")
def _():
    import threading
    import time

    with psycopg.connect(URL) as other:
        timer = threading.Timer(0.3, other.cancel_safe)
        timer.start()
        began = time.monotonic()
        raises(psycopg.errors.QueryCanceled, lambda: other.execute("SELECT pg_sleep(20)"))
        true(time.monotonic() - began < 10, "at once")
        other.rollback()


@check("statement_timeout ends a statement")
def _():
    conn.execute("SET LOCAL statement_timeout = '200ms'")
    raises(psycopg.errors.QueryCanceled, lambda: conn.execute("SELECT pg_sleep(20)"))
    conn.rollback()


@check("notices arrive")
def _():
    got = []
    conn.add_notice_handler(lambda diag: got.append(diag.message_primary))
    conn.execute("DROP TABLE IF EXISTS no_such_table")
    conn.rollback()
    equal(got, ['table "no_such_table" does not exist, skipping'])


@check("two-phase commit is refused by name")
def _():
    # PostgreSQL as it comes says 55000: max_prepared_transactions is 0.
    conn.execute("SELECT 1")
    error = raises(psycopg.Error, lambda: conn.execute("PREPARE TRANSACTION 'one'"))
    true(error.sqlstate in ("55000", "0A000"), error.sqlstate)
    conn.rollback()


@check("the asynchronous connection")
def _():
    import asyncio

    async def run():
        async with await psycopg.AsyncConnection.connect(URL) as other:
            async with other.cursor() as cur:
                await cur.execute("SELECT count(*) FROM copied WHERE id < %s", [10])
                return await cur.fetchone()

    equal(asyncio.run(run()), (10,))
    conn.close()


finish()
