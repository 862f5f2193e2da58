"""Arrow Flight SQL by pyarrow and by ADBC; health and reflection by gRPC's own clients."""

import datetime as dt
import decimal
import os
import threading
import time

import adbc_driver_flightsql.dbapi as adbc
import adbc_driver_manager
import grpc
import pyarrow as pa
from adbc_driver_flightsql import DatabaseOptions
from flight_sql import Session, field, fixed64, message, read
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from harness import HOST, check, contains, equal, finish, raises, true
from pyarrow import flight

PORT = int(os.environ["ORBIT_GRPC_PORT"])
URL = f"grpc://{HOST}:{PORT}"
UTC = dt.timezone.utc

arrow = Session(URL, "orbit")
conn = adbc.connect(URL, db_kwargs={"username": "orbit", "password": ""}, autocommit=True)


def connect(user="orbit", password="", **options):
    return adbc.connect(URL, db_kwargs={"username": user, "password": password}, **options)


def ask(sql, parameters=None, on=conn):
    with on.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def run(*statements, on=conn):
    for sql in statements:
        with on.cursor() as cursor:
            cursor.execute(sql)


def sqlstate(error):
    """What ADBC shows of a status's trailers."""
    return dict(error.details).get(b"sqlstate", b"").decode()


def fails(state, action):
    error = raises(adbc_driver_manager.Error, action)
    equal(sqlstate(error), state, str(error))
    return error


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
    equal(frame["t"].iloc[-1], "row 50000")


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


PEOPLE = pa.table({
    "id": pa.array(range(10000), pa.int32()),
    "name": pa.array([f"n{n}" if n % 7 else None for n in range(10000)]),
    "born": pa.array([dt.date(2000, 1, 1 + n % 28) for n in range(10000)]),
    "score": pa.array([n / 4 for n in range(10000)]),
})


def ingest(table, name, mode, on=conn):
    with on.cursor() as cursor:
        return cursor.adbc_ingest(name, table, mode=mode)


@check("bulk ingestion makes a table")
def _():
    equal(ingest(PEOPLE, "people", "create"), 10000)
    with conn.cursor() as cursor:
        cursor.execute("SELECT * FROM people ORDER BY id")
        equal(cursor.fetch_arrow_table().to_pydict(), PEOPLE.to_pydict())


@check("it fails where the table is there: 42P07, and where it is not: 42P01")
def _():
    fails("42P07", lambda: ingest(PEOPLE, "people", "create"))
    fails("42P01", lambda: ingest(PEOPLE, "nobody", "append"))


@check("it appends, with the columns in any order and the rest by default")
def _():
    run("CREATE TABLE notes (id int PRIMARY KEY, note text, made int DEFAULT 7)")
    equal(ingest(pa.table({"note": ["a", "b"], "id": pa.array([1, 2], pa.int64())}), "notes",
                 "append"), 2)
    equal(ingest(pa.table({"id": [3], "note": ["c"]}), "notes", "append"), 1)
    equal(ask("SELECT id, note, made FROM notes ORDER BY id"),
          [(1, "a", 7), (2, "b", 7), (3, "c", 7)])


@check("it replaces, and makes or appends")
def _():
    equal(ingest(PEOPLE.slice(0, 10), "people", "replace"), 10)
    equal(ask("SELECT count(*) FROM people"), [(10,)])
    equal(ingest(PEOPLE.slice(10, 5), "people", "create_append"), 5)
    equal(ingest(PEOPLE.slice(0, 5), "others", "create_append"), 5)
    equal(ask("SELECT count(*) FROM people"), [(15,)])


@check("it is all or nothing, and names the row")
def _():
    error = fails("23505", lambda: ingest(pa.table({"id": [9, 3], "note": ["x", "y"]}), "notes",
                                          "append"))
    contains(str(error), "notes_pkey")
    equal(ask("SELECT count(*) FROM notes"), [(3,)])
    error = fails("22003", lambda: ingest(pa.table({"id": [10, 1 << 40]}), "notes", "append"))
    contains(str(error), "line 2, column id")


@check("rows that break off leave nothing")
def _():
    def some():
        yield from PEOPLE.to_batches(max_chunksize=1000)[:3]
        raise RuntimeError("no more")

    broken = pa.RecordBatchReader.from_batches(PEOPLE.schema, some())
    raises(Exception, lambda: ingest(broken, "half", "create"))
    fails("42P01", lambda: ask("SELECT count(*) FROM half"))


@check("a large ingestion arrives whole")
def _():
    size = 300000
    large = pa.table({"n": pa.array(range(size)), "t": pa.array([f"text {n}" for n in range(size)])})
    equal(ingest(large, "large", "create"), size)
    equal(ask("SELECT count(*), sum(n), max(length(t)) FROM large"),
          [(size, "44999850000", 11)])


@check("it takes part in a transaction")
def _():
    with connect() as own:
        ingest(PEOPLE.slice(100, 50), "people", "append", on=own)
        equal(ask("SELECT count(*) FROM people", on=own), [(65,)])
        own.rollback()
    equal(ask("SELECT count(*) FROM people"), [(15,)])


@check("a temporary table is refused clearly")
def _():
    def temporary():
        with conn.cursor() as cursor:
            cursor.adbc_ingest("gone", PEOPLE, mode="create", temporary=True)

    contains(str(fails("0A000", temporary)), "temporary")


@check("Arrow's other clothes of texts and numbers are taken")
def _():
    table = pa.table({
        "a": pa.array(["x", "y", "x"]).dictionary_encode(),
        "b": pa.array(["x", None, "z"], pa.large_string()),
        "c": pa.array([1, 2, 3], pa.uint8()),
        "d": pa.array([1, None, 2**64 - 1], pa.uint64()),
        "e": pa.array([1, 2, 3], pa.timestamp("ns")),
        "f": pa.array([[1], None, []], pa.list_(pa.int64())),
    })
    equal(ingest(table, "clothes", "create"), 3)
    equal(ask("SELECT a, b, c, d::text, f::text FROM clothes ORDER BY c"),
          [("x", "x", 1, "1", "{1}"), ("y", None, 2, None, None),
           ("x", "z", 3, "18446744073709551615", "{}")])


@check("the catalog: databases, schemas, kinds of tables")
def _():
    equal(arrow.table(message("CommandGetCatalogs")).to_pydict(), {"catalog_name": ["orbit"]})
    schemas = arrow.table(message("CommandGetDbSchemas", (2, "pub%"))).to_pydict()
    equal(schemas, {"catalog_name": ["orbit"], "db_schema_name": ["public"]})
    equal(conn.adbc_get_table_types(), ["TABLE", "VIEW"])


@check("tables and views, by pattern and kind, with their columns")
def _():
    run("CREATE VIEW adults AS SELECT id, name FROM people")
    views = arrow.table(message("CommandGetTables", (4, "VIEW"))).to_pydict()
    equal((views["table_name"], views["table_type"]), (["adults"], ["VIEW"]))
    schema = conn.adbc_get_table_schema("people")
    equal(schema.names, ["id", "name", "born", "score"])
    equal(schema.types, [pa.int32(), pa.string(), pa.date32(), pa.float64()])
    objects = conn.adbc_get_objects(depth="columns", table_name_filter="people").read_all()
    public = [s for s in objects.to_pylist()[0]["catalog_db_schemas"]
              if s["db_schema_name"] == "public"][0]
    columns = public["db_schema_tables"][0]["table_columns"]
    equal([column["column_name"] for column in columns], schema.names)


@check("primary and foreign keys")
def _():
    run("CREATE TABLE owners (a int, b int, PRIMARY KEY (b, a))",
        "CREATE TABLE pets (id int PRIMARY KEY, x int, y int, "
        "CONSTRAINT owned FOREIGN KEY (x, y) REFERENCES owners (b, a) ON DELETE CASCADE)")
    keys = arrow.table(message("CommandGetPrimaryKeys", (3, "owners"))).to_pydict()
    equal((keys["column_name"], keys["key_sequence"], keys["key_name"]),
          (["b", "a"], [1, 2], ["owners_pkey"] * 2))
    for command in (message("CommandGetImportedKeys", (3, "pets")),
                    message("CommandGetExportedKeys", (3, "owners")),
                    message("CommandGetCrossReference", (3, "owners"), (6, "pets"))):
        keys = arrow.table(command).to_pydict()
        equal(keys["pk_table_name"], ["owners"] * 2)
        equal(keys["pk_column_name"], ["b", "a"])
        equal(keys["fk_column_name"], ["x", "y"])
        equal(keys["fk_key_name"], ["owned"] * 2)
        equal((keys["update_rule"], keys["delete_rule"]), ([3, 3], [0, 0]))


@check("what the server is and what it can")
def _():
    info = conn.adbc_get_info()
    equal(info["vendor_name"], "Orbit")
    table = arrow.table(message("CommandGetSqlInfo"))
    known = dict(zip(table.column(0).to_pylist(), table.column(1).to_pylist()))
    equal((known[8], known[9], known[10], known[3]), (1, True, True, False))


@check("its types")
def _():
    types = arrow.table(message("CommandGetXdbcTypeInfo")).to_pydict()
    true({"integer", "text", "timestamp"} <= set(types["type_name"]), types["type_name"])


@check("errors have PostgreSQL's words, SQLSTATE, DETAIL and HINT")
def _():
    fails("42601", lambda: ask("SELEC 1"))
    fails("42P01", lambda: ask("SELECT * FROM nobody"))
    error = fails("23505", lambda: ask("INSERT INTO notes VALUES (1, 'again')"))
    contains(str(error), 'duplicate key value violates unique constraint "notes_pkey"',
             "DETAIL:  Key (id)=(1) already exists.")
    error = fails("42883", lambda: ask("SELECT nonsense(1)"))
    contains(str(error), "HINT:")


@check("an error in the middle of an answer is an error, not an end")
def _():
    query = "SELECT 1 / (g - 900000) FROM generate_series(1, 1000000) g"
    error = raises(pa.ArrowException, lambda: arrow.query(query))
    contains(str(error), "division by zero")


run("CREATE ROLE ada LOGIN PASSWORD 'secret'", "CREATE ROLE limited LOGIN PASSWORD 'little'",
    "GRANT SELECT ON notes TO limited", "GRANT USAGE ON SCHEMA public TO limited")
class Trailers(flight.ClientMiddlewareFactory):
    """Keeps the SQLSTATE of the last error."""

    sqlstate = None

    def start_call(self, info):
        keeper = self

        class Middleware(flight.ClientMiddleware):
            def received_headers(self, headers):
                keeper.sqlstate = headers.get("sqlstate", [keeper.sqlstate])[0]

        return Middleware()


trailers = Trailers()
limited = Session(URL, "limited", "little", middleware=[trailers])


@check("a role without SELECT gets 42501")
def _():
    with connect("limited", "little", autocommit=True) as own:
        fails("42501", lambda: ask("SELECT * FROM many", on=own))
        equal(ask("SELECT count(*) FROM notes", on=own), [(3,)])
        fails("42501", lambda: ingest(pa.table({"id": [77]}), "notes", "append", on=own))


@check("it sees of the catalog what it may use")
def _():
    tables = limited.table(message("CommandGetTables")).to_pydict()
    equal(tables["table_name"], ["notes"])
    keys = limited.table(message("CommandGetPrimaryKeys", (3, "owners")))
    equal(keys.num_rows, 0)


@check("pyarrow's errors are of their kind, and its middleware sees the SQLSTATE")
def _():
    error = raises(flight.FlightUnauthorizedError, lambda: limited.query("SELECT * FROM many"))
    contains(str(error), "permission denied for table many")
    equal(trailers.sqlstate, "42501")
    raises(pa.ArrowException, lambda: limited.query("SELECT 1 / (id - id) FROM notes"))
    equal(trailers.sqlstate, "22012")


@check("a wrong password, and a password that is missing")
def _():
    for password in ("wrong", ""):
        error = raises(flight.FlightUnauthenticatedError, lambda: Session(URL, "ada", password))
        contains(str(error), 'password authentication failed for user "ada"')
    raises(adbc_driver_manager.Error, lambda: connect("nobody", "x"))


@check("a token of nobody's")
def _():
    made_up = Session(URL, token=(b"authorization", b"Bearer made-up"))
    error = raises(flight.FlightUnauthenticatedError, lambda: made_up.rows("SELECT 1"))
    contains(str(error), "the token is not known")


@check("a Basic header on every call is enough")
def _():
    options = {DatabaseOptions.AUTHORIZATION_HEADER.value: "Basic YWRhOnNlY3JldA=="}
    with adbc.connect(URL, db_kwargs=options, autocommit=True) as own:
        equal(ask("SELECT current_user", on=own), [("ada",)])
        run("SET application_name = 'kept'", on=own)
        equal(ask("SHOW application_name", on=own), [("kept",)])


@check("a client that says nothing has the session of its connection")
def _():
    with adbc.connect(URL, autocommit=True) as one, adbc.connect(URL, autocommit=True) as two:
        equal(ask("SELECT current_user", on=one), [("orbit",)])
        run("SET application_name = 'silent'", on=one)
        equal(ask("SHOW application_name", on=one), [("silent",)])
        pids = {ask("SELECT pg_backend_pid()", on=own)[0] for own in (one, two)}
        equal(len(pids), 2)


@check("settings stay with their session")
def _():
    with connect(autocommit=True) as other:
        run("SET DateStyle = 'ISO, DMY'", "SET search_path = nowhere, public")
        equal(ask("SHOW search_path"), [("nowhere, public",)])
        equal(ask("SHOW search_path", on=other), [('"$user", public',)])
        run("RESET search_path", "RESET DateStyle")


@check("session options are settings")
def _():
    value = field(2, fixed64(3, 12345))
    entry = field(1, field(1, "statement_timeout") + value)
    wrong = field(1, field(1, "no_such_setting") + field(2, field(1, "x")))
    answer = read(arrow.action("SetSessionOptions", entry + wrong)[0].body.to_pybytes())
    equal(read(answer[1][0]), {1: [b"no_such_setting"], 2: [b"\x08\x01"]})
    equal(len(answer[1]), 1)
    equal(arrow.rows("SHOW statement_timeout"), [("12345ms",)])
    all_of_them = read(arrow.action("GetSessionOptions", b"")[0].body.to_pybytes())[1]
    options = {read(one)[1][0]: read(read(one)[2][0]) for one in all_of_them}
    equal(options[b"statement_timeout"], {1: [b"12345ms"]})
    equal(options[b"catalog"], {1: [b"orbit"]})
    arrow.update("RESET statement_timeout")


@check("temporary tables are a session's own")
def _():
    run("CREATE TEMPORARY TABLE scratch (a int)", "INSERT INTO scratch VALUES (1)")
    equal(ask("SELECT a FROM scratch"), [(1,)])
    with connect(autocommit=True) as other:
        fails("42P01", lambda: ask("SELECT a FROM scratch", on=other))


@check("a statement timeout ends a statement: 57014")
def _():
    with connect(autocommit=True) as own:
        run("SET statement_timeout = '100ms'", on=own)
        fails("57014", lambda: ask("SELECT pg_sleep(20)", on=own))


@check("two tokens work at the same time, one waits for itself")
def _():
    one, two = Session(URL, "orbit"), Session(URL, "orbit")
    one.update("SELECT pg_advisory_lock(77)")
    begun = threading.Event()
    got = []

    def wait():
        begun.set()
        got.append(two.rows("SELECT pg_advisory_lock(77)::text"))

    thread = threading.Thread(target=wait)
    thread.start()
    begun.wait()
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    for _ in range(600):
        if arrow.rows(waiting) == [(1,)]:
            break
        time.sleep(0.05)
    equal(one.rows("SELECT 1"), [(1,)])
    one.update("SELECT pg_advisory_unlock(77)")
    thread.join(30)
    true(got, "the second got its lock")
    one.close()
    two.close()


def cancelled(stop):
    """Runs something long on a session of its own and has `stop` end it."""
    mine = Session(URL, "orbit")
    info = mine.info(message("CommandStatementQuery", (1, "SELECT pg_sleep(60)")))
    seen = []

    def long():
        try:
            mine.client.do_get(info.endpoints[0].ticket, mine.options).read_all()
        except Exception as error:
            seen.append(error)

    thread = threading.Thread(target=long)
    thread.start()
    for _ in range(600):
        if arrow.rows("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' "
                      "AND state = 'active'") == [(1,)]:
            break
        time.sleep(0.05)
    started = time.monotonic()
    stop(mine, info)
    thread.join(30)
    true(time.monotonic() - started < 10, "it ended soon")
    contains(str(seen[0]), "canceling statement due to user request")
    equal(mine.rows("SELECT 1"), [(1,)])
    mine.close()


@check("CancelFlightInfo cancels the statement of its ticket")
def _():
    def stop(mine, info):
        body = field(1, info.serialize())
        answer = mine.action("CancelFlightInfo", body)[0].body.to_pybytes()
        equal(read(answer), {1: [1]})

    cancelled(stop)


@check("CancelQuery does, too")
def _():
    def stop(mine, info):
        body = message("ActionCancelQueryRequest", (1, info.serialize()))
        mine.action("CancelQuery", body)

    cancelled(stop)


@check("another role's session is cancelled by SQL as ever")
def _():
    def stop(mine, info):
        arrow.rows("SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
                   "WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'")

    cancelled(stop)


@check("ADBC's cancel frees the session")
def _():
    with connect(autocommit=True) as own, own.cursor() as cursor:
        threading.Timer(1.0, cursor.adbc_cancel).start()
        started = time.monotonic()

        def long():
            cursor.execute("SELECT pg_sleep(60)")
            cursor.fetchall()

        raises(Exception, long)
        true(time.monotonic() - started < 20, "it ended soon")
        equal(ask("SELECT 1", on=own), [(1,)])


@check("CloseSession ends the session and its token")
def _():
    mine = Session(URL, "orbit")
    pid = mine.rows("SELECT pg_backend_pid()")[0][0]
    answer = mine.action("CloseSession", b"")[0].body.to_pybytes()
    equal(read(answer), {1: [1]})
    raises(flight.FlightUnauthenticatedError, lambda: mine.rows("SELECT 1"))
    equal(arrow.rows(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}"), [(0,)])


@check("a session that is terminated says so")
def _():
    mine = Session(URL, "orbit")
    pid = mine.rows("SELECT pg_backend_pid()")[0][0]
    equal(arrow.rows(f"SELECT pg_terminate_backend({pid})"), [(True,)])
    raises(flight.FlightError, lambda: mine.rows("SELECT 1"))


@check("COPY is refused, and ingestion named instead")
def _():
    error = fails("0A000", lambda: ask("COPY notes FROM STDIN"))
    contains(str(error), "bulk ingestion")
    fails("0A000", lambda: ask("COPY notes TO STDOUT"))
    equal(ask("SELECT count(*) FROM notes"), [(3,)])


@check("nonsense is an error and no more")
def _():
    for body in (b"", b"\xff\xff", message("CommandStatementQuery")[:-1] + b"\x7f"):
        raises(pa.ArrowException, lambda: arrow.info(body))
    raises(Exception, lambda: arrow.action("Explode", b""))
    raises(Exception, lambda: arrow.client.do_get(flight.Ticket(b"\0"), arrow.options).read_all())
    equal(arrow.rows("SELECT 1"), [(1,)])


channel = grpc.insecure_channel(f"{HOST}:{PORT}")


@check("the health service says SERVING")
def _():
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", "arrow.flight.protocol.FlightService", "orbit.v1.Node"):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service))
        equal(answer.status, health_pb2.HealthCheckResponse.SERVING, service)


@check("reflection lists and describes the services")
def _():
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(
            file_containing_symbol="arrow.flight.protocol.FlightService"),
    ]
    answers = list(stub.ServerReflectionInfo(iter(asked)))
    names = {service.name for service in answers[0].list_services_response.service}
    true({"arrow.flight.protocol.FlightService", "orbit.v1.Node", "grpc.health.v1.Health"} <= names,
         names)
    described = b"".join(answers[1].file_descriptor_response.file_descriptor_proto)
    contains(described, b"DoPut", b"FlightDescriptor")


arrow.close()
finish()
