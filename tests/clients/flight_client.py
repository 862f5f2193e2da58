"""Arrow Flight SQL by pyarrow and by ADBC: types, queries, parameters, transactions."""

import datetime as dt
import decimal
import time

import pyarrow as pa
from flight_session import URL, arrow, ask, conn, connect, fails, run
from flight_sql import Session, message
from harness import check, contains, equal, finish, raises, true
from pyarrow import flight

UTC = dt.timezone.utc

VALUES = {
    "smallint": (-32768, pa.int16()),
    "integer": (2147483647, pa.int32()),
    "bigint": (-9223372036854775808, pa.int64()),
    "real": (1.5, pa.float32()),
    "double precision": (0.1, pa.float64()),
    "numeric(12,3)": (decimal.Decimal("123456789.125"), pa.decimal128(12, 3)),
    "boolean": (True, pa.bool_()),
    "text": ("naïve 漢字 'quote' \\ back", pa.string()),
    "varchar(20)": ("twenty", pa.string()),
    "char(4)": ("ab  ", pa.string()),
    "bytea": (bytes(range(256)), pa.binary()),
    "date": (dt.date(1999, 12, 31), pa.date32()),
    "time": (dt.time(23, 59, 59, 999999), pa.time64("us")),
    "timestamp": (dt.datetime(2000, 1, 1, 0, 0, 0, 1), pa.timestamp("us")),
    "timestamptz": (dt.datetime(2024, 2, 29, 12, 30, tzinfo=UTC), pa.timestamp("us", "UTC")),
    "uuid": ("12345678-1234-5678-1234-567812345678", pa.string()),
    "inet": ("10.0.0.1/24", pa.string()),
    "jsonb": ('{"a": 1}', pa.string()),
    "integer[]": ([1, 2, None, 4], pa.list_(pa.int32())),
    "text[]": (["a", 'b"c', None], pa.list_(pa.string())),
}
LITERALS = {
    "smallint": "'-32768'",
    "integer": "'2147483647'",
    "bigint": "'-9223372036854775808'",
    "real": "'1.5'",
    "double precision": "'0.1'",
    "numeric(12,3)": "'123456789.125'",
    "boolean": "'t'",
    "text": "'naïve 漢字 ''quote'' \\ back'",
    "varchar(20)": "'twenty'",
    "char(4)": "'ab'",
    "bytea": "'\\x" + bytes(range(256)).hex() + "'",
    "date": "'1999-12-31'",
    "time": "'23:59:59.999999'",
    "timestamp": "'2000-01-01 00:00:00.000001'",
    "timestamptz": "'2024-02-29 12:30:00+00'",
    "uuid": "'12345678-1234-5678-1234-567812345678'",
    "inet": "'10.0.0.1/24'",
    "jsonb": "'{\"a\": 1}'",
    "integer[]": "'{1,2,NULL,4}'",
    "text[]": "'{a,\"b\\\"c\",NULL}'",
}


@check("every type comes from a query with its Arrow type, and as NULL")
def _():
    columns = ", ".join(f"{LITERALS[name]}::{name}, NULL::{name}" for name in VALUES)
    table = arrow.query(f"SELECT {columns}")
    for place, (name, (value, kind)) in enumerate(VALUES.items()):
        equal(table.schema.field(2 * place).type, kind, name)
        equal(table.column(2 * place)[0].as_py(), value, name)
        equal(table.column(2 * place + 1)[0].as_py(), None, f"NULL of {name}")


@check("every type comes from a table by its key, as the point path reads it")
def _():
    columns = ", ".join(f'"{name}" {name}' for name in VALUES)
    values = ", ".join(LITERALS[name] for name in VALUES)
    run(f"CREATE TABLE kinds (id int PRIMARY KEY, {columns})")
    run(f"INSERT INTO kinds VALUES (1, {values})", "INSERT INTO kinds (id) VALUES (2)")
    for key, wanted in ((1, lambda value: value), (2, lambda value: None)):
        table = arrow.query(f"SELECT * FROM kinds WHERE id = {key}")
        for name, (value, kind) in VALUES.items():
            equal(table.schema.field(name).type, kind, name)
            equal(table.column(name)[0].as_py(), wanted(value), name)


@check("fields name their SQL types")
def _():
    schema = arrow.query('SELECT "uuid", "numeric(12,3)", "varchar(20)" FROM kinds').schema
    names = [schema.field(place).metadata[b"orbit.type"] for place in range(3)]
    equal(names, [b"uuid", b"numeric(12,3)", b"character varying(20)"])


@check("a numeric without a scale is text with every digit")
def _():
    rows = arrow.rows("SELECT 12345678901234567890.01234567890::numeric, 1.50::numeric, avg(x) "
                      "FROM (VALUES (1), (2)) AS v(x)")
    equal(rows, [("12345678901234567890.01234567890", "1.50", "1.5000000000000000")])


@check("an interval keeps months, days and nanoseconds apart")
def _():
    value = arrow.query("SELECT '1 year 2 mons 3 days 04:05:06.5'::interval").column(0)[0].as_py()
    equal((value.months, value.days, value.nanoseconds), (14, 3, 14706500000000))


@check("NaN has no decimal: 22003 rather than a wrong number")
def _():
    fails("22003", lambda: ask("SELECT 'NaN'::numeric(5,2)"))
    equal(ask("SELECT 'NaN'::numeric"), [("NaN",)])


@check("an array of two dimensions is refused with a way out")
def _():
    error = fails("0A000", lambda: ask("SELECT ARRAY[[1,2],[3,4]]"))
    contains(str(error), "Cast it to text")


@check("columns of one name, without a name, and none at all")
def _():
    equal(arrow.query("SELECT 1 AS a, 2 AS a").schema.names, ["a", "a"])
    equal(arrow.query("SELECT 1").schema.names, ["?column?"])
    equal(arrow.query("SELECT FROM generate_series(1, 3)").num_rows, 3)


@check("an empty answer has its columns")
def _():
    table = arrow.query("SELECT 1 AS a, 'x'::text AS b WHERE false")
    equal(table.num_rows, 0)
    equal(table.schema.names, ["a", "b"])
    with conn.cursor() as cursor:
        cursor.execute("SELECT id FROM kinds WHERE id = -1")
        equal(cursor.fetchall(), [])
        equal([column[0] for column in cursor.description], ["id"])


@check("a statement is described without being run")
def _():
    run("CREATE SEQUENCE counted")
    info = arrow.info(message("CommandStatementQuery", (1, "SELECT nextval('counted') AS n")))
    equal(info.schema.names, ["n"])
    equal(info.schema.field(0).type, pa.int64())
    equal(arrow.rows("SELECT is_called FROM counted"), [(False,)])
    equal(arrow.client.do_get(info.endpoints[0].ticket, arrow.options).read_all().to_pydict(),
          {"n": [1]})


@check("a schema alone can be asked for")
def _():
    command = message("CommandStatementQuery", (1, "SELECT 1 AS a, ARRAY['x'] AS b"))
    descriptor = flight.FlightDescriptor.for_command(command)
    schema = arrow.client.get_schema(descriptor, arrow.options).schema
    equal(schema.types, [pa.int32(), pa.list_(pa.string())])


@check("ADBC asks for a schema alone, too")
def _():
    with conn.cursor() as cursor:
        schema = cursor.adbc_execute_schema("SELECT 1::int8 AS a, now() AS t")
        equal(schema.types, [pa.int64(), pa.timestamp("us", "UTC")])


@check("a million rows stream, and stop when nobody reads on")
def _():
    reader = arrow.reader(
        message("CommandStatementQuery", (1, "SELECT g, g * 2 AS d FROM generate_series(1, 1000000) g"))
    )
    batches, rows = 0, 0
    for chunk in reader:
        batches += 1
        rows += chunk.data.num_rows
    equal(rows, 1000000)
    true(batches > 10, f"{batches} batches")
    left = arrow.reader(
        message("CommandStatementQuery", (1, "SELECT g FROM generate_series(1, 100000000) g"))
    )
    left.read_chunk()
    left.cancel()
    del left
    started = time.monotonic()
    equal(arrow.rows("SELECT 1"), [(1,)])
    true(time.monotonic() - started < 8, "the session is free again")


@check("ADBC streams into pandas")
def _():
    with conn.cursor() as cursor:
        cursor.execute("SELECT g AS n, 'row ' || g AS t FROM generate_series(1, 50000) g")
        frame = cursor.fetch_df()
    equal(frame.shape, (50000, 2))
    equal(frame["n"].sum(), 1250025000)
    equal(frame.loc[frame["n"] == 50000, "t"].tolist(), ["row 50000"])


@check("parameters of many types, by ADBC")
def _():
    found = ask("SELECT $1::int4 + 1, $2::text || '!', $3::float8, $4::bool, $5::date, $6::bytea",
                (41, "hi", 0.5, False, dt.date(2020, 2, 29), b"\0\1"))
    equal(found, [(42, "hi!", 0.5, False, dt.date(2020, 2, 29), b"\0\1")])
    equal(ask("SELECT $1::text IS NULL, $2::int", (None, None)), [(True, None)])


@check("parameters find rows by key")
def _():
    equal(ask("SELECT id FROM kinds WHERE id = $1", (2,)), [(2,)])
    equal(ask('SELECT id FROM kinds WHERE "uuid" = $1', ("12345678-1234-5678-1234-567812345678",)),
          [(1,)])


@check("a parameter that doesn't fit is refused")
def _():
    fails("22003", lambda: ask("SELECT $1::int4", (1 << 40,)))
    fails("22P02", lambda: ask("SELECT $1::int4", ("x",)))
    fails("08P01", lambda: ask("SELECT $1::int4, $2::int4", (1,)))


@check("a prepared statement tells its parameters and columns, and runs again and again")
def _():
    made = arrow.prepare("SELECT $1::int4 AS a, $2::text AS b")
    handle = made[1][0]
    dataset = pa.ipc.read_schema(pa.py_buffer(made[2][0]))
    parameters = pa.ipc.read_schema(pa.py_buffer(made[3][0]))
    equal(dataset.names, ["a", "b"])
    equal(parameters.types, [pa.int32(), pa.string()])
    command = message("CommandPreparedStatementQuery", (1, handle))
    for number in (1, 2):
        arrow.put(command, pa.table({"$1": pa.array([number], pa.int64()), "$2": ["x"]}))
        equal(arrow.table(command).to_pydict(), {"a": [number], "b": ["x"]})
    arrow.put(command, pa.table({"$1": [7, 8], "$2": ["y", None]}))
    equal(arrow.table(command).to_pydict(), {"a": [7, 8], "b": ["y", None]})
    prepared = arrow.rows("SELECT name FROM pg_prepared_statements WHERE name LIKE 'flight%'")
    true(len(prepared) == 1, prepared)
    arrow.action("ClosePreparedStatement",
                 message("ActionClosePreparedStatementRequest", (1, handle)))
    error = raises(pa.ArrowException, lambda: arrow.table(command))
    contains(str(error), "the prepared statement does not exist")


@check("executemany inserts every row, and counts them")
def _():
    run("CREATE TABLE many (id int PRIMARY KEY, name text)")
    with conn.cursor() as cursor:
        cursor.executemany("INSERT INTO many VALUES ($1, $2)", [(n, f"n{n}") for n in range(100)])
        equal(cursor.rowcount, 100)
    equal(ask("SELECT count(*), max(name) FROM many"), [(100, "n99")])


@check("of many rows all are inserted or none")
def _():
    def insert():
        with conn.cursor() as cursor:
            cursor.executemany("INSERT INTO many VALUES ($1, $2)", [(200, "a"), (200, "b")])

    fails("23505", insert)
    equal(ask("SELECT count(*) FROM many WHERE id = 200"), [(0,)])


@check("updates tell how many rows they changed")
def _():
    equal(arrow.update("UPDATE many SET name = upper(name) WHERE id < 10"), 10)
    equal(arrow.update("DELETE FROM many WHERE id >= 90"), 10)
    equal(arrow.rows("INSERT INTO many VALUES (500, 'x') RETURNING id, name"), [(500, "x")])
    equal(arrow.rows("SELECT count(*) FROM many"), [(91,)])


@check("ADBC commits and rolls back")
def _():
    with connect() as own:
        run("INSERT INTO many VALUES (1000, 'kept')", on=own)
        equal(ask("SELECT count(*) FROM many WHERE id = 1000"), [(0,)])
        own.commit()
        equal(ask("SELECT count(*) FROM many WHERE id = 1000"), [(1,)])
        run("DELETE FROM many WHERE id = 1000", on=own)
        own.rollback()
    equal(ask("SELECT name FROM many WHERE id = 1000"), [("kept",)])


@check("a transaction sees its own writes and others don't")
def _():
    mine = Session(URL, "orbit")
    begun = mine.begin()
    equal(mine.update("INSERT INTO many VALUES (2000, 'mine')", begun), 1)
    equal(mine.rows("SELECT name FROM many WHERE id = 2000", begun), [("mine",)])
    equal(arrow.rows("SELECT count(*) FROM many WHERE id = 2000"), [(0,)])
    mine.end(begun, False)
    equal(mine.rows("SELECT count(*) FROM many WHERE id = 2000"), [(0,)])
    mine.close()


@check("an error aborts the transaction: 25P02 until it is rolled back")
def _():
    with connect() as own:
        run("INSERT INTO many VALUES (3000, 'lost')", on=own)
        fails("22012", lambda: ask("SELECT 1 / (id - id) FROM many", on=own))
        fails("25P02", lambda: ask("SELECT 1", on=own))
        own.rollback()
        equal(ask("SELECT count(*) FROM many WHERE id = 3000", on=own), [(0,)])


@check("an aborted transaction can't be committed, and says so")
def _():
    mine = Session(URL, "orbit")
    begun = mine.begin()
    raises(pa.ArrowException, lambda: mine.rows("SELECT 1 / 0", begun))
    error = raises(pa.ArrowException, lambda: mine.end(begun, True))
    contains(str(error), "current transaction is aborted")
    mine.end(begun, False)
    equal(mine.rows("SELECT 1"), [(1,)])
    mine.close()


@check("one transaction at a time, and statements name it")
def _():
    mine = Session(URL, "orbit")
    begun = mine.begin()
    contains(str(raises(pa.ArrowException, mine.begin)), "already a transaction")
    contains(str(raises(pa.ArrowException, lambda: mine.rows("SELECT 1"))), "does not name it")
    mine.end(begun, True)
    contains(str(raises(pa.ArrowException, lambda: mine.rows("SELECT 1", begun))), "is over")
    mine.close()


@check("an error in the middle of an answer is an error, not an end")
def _():
    query = "SELECT 1 / (g - 900000) FROM generate_series(1, 1000000) g"
    error = raises(pa.ArrowException, lambda: arrow.query(query))
    contains(str(error), "division by zero")


arrow.close()
finish()
