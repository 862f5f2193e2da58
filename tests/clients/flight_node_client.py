"""Arrow Flight SQL by pyarrow and by ADBC: ingestion, the catalog, who may do what,
sessions and cancelling; health and reflection by gRPC's own clients."""

import datetime as dt
import threading
import time

import adbc_driver_flightsql.dbapi as adbc
import adbc_driver_manager
import grpc
import pyarrow as pa
from adbc_driver_flightsql import DatabaseOptions
from flight_session import PORT, URL, arrow, ask, conn, connect, fails, run
from flight_sql import Session, field, fixed64, message, read
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from harness import HOST, check, contains, equal, finish, raises, true
from pyarrow import flight

run("CREATE TABLE many (id int PRIMARY KEY, name text)")

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


@check("compressed rows are refused: what they hold is only known when it is too late")
def _():
    for codec in ("lz4", "zstd"):
        command = message("CommandStatementIngest", (1, b"\x08\x01\x10\x02"), (2, "pressed"))
        options = flight.FlightCallOptions(
            headers=[arrow.token], write_options=pa.ipc.IpcWriteOptions(compression=codec))

        def send():
            writer, reader = arrow.client.do_put(
                flight.FlightDescriptor.for_command(command), PEOPLE.schema, options)
            with writer:
                writer.write_table(PEOPLE)
                writer.done_writing()
                reader.read()

        contains(str(raises(Exception, send)), "compressed Arrow data is not supported")


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


channel = grpc.insecure_channel(f"{HOST}:{PORT}")


@check("nonsense is an error and no more")
def _():
    put = channel.stream_stream("/arrow.flight.protocol.FlightService/DoPut")
    command = message("CommandStatementIngest", (1, b"\x08\x01\x10\x02"), (2, "nonsense"))
    described = field(1, field(1, 2) + field(2, command))
    schema = pa.schema([("a", pa.int64()), ("b", pa.string())])
    batch = pa.record_batch([[1, 2], ["x", None]], schema=schema)
    for at in range(0, 300, 3):
        messages, first = [], described
        stream = pa.ipc.MessageReader.open_stream(pa.py_buffer(
            schema.serialize().to_pybytes() + batch.serialize().to_pybytes()))
        for one in stream:
            header = bytearray(one.metadata.to_pybytes())
            if one.type == "record batch" and at < len(header):
                header[at] ^= 0x7F
            body = one.body.to_pybytes() if one.body is not None else b""
            messages.append(first + field(2, bytes(header)) + field(1000, body))
            first = b""
        try:
            list(put(iter(messages), timeout=20))
            run("DROP TABLE nonsense")
        except grpc.RpcError as error:
            equal(error.code(), grpc.StatusCode.INVALID_ARGUMENT, f"{at}: {error.details()}")
    for body in (b"", b"\xff\xff", message("CommandStatementQuery")[:-1] + b"\x7f"):
        raises(pa.ArrowException, lambda: arrow.info(body))
    raises(Exception, lambda: arrow.action("Explode", b""))
    raises(Exception, lambda: arrow.client.do_get(flight.Ticket(b"\0"), arrow.options).read_all())
    equal(arrow.rows("SELECT 1"), [(1,)])


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
