"""ODBC: PostgreSQL's driver (psqlodbc) under unixODBC, through pyodbc."""

import datetime as dt
import decimal
import os
import uuid

import pyodbc
from harness import DATABASE, HOST, PORT, USER, check, equal, finish, raises, recover, true

DRIVER = os.environ["ODBC_DRIVER"]
pyodbc.pooling = False


def connect(**more):
    options = {"DRIVER": DRIVER, "SERVER": HOST, "PORT": PORT, "UID": USER, "DATABASE": DATABASE, **more}
    return pyodbc.connect(";".join(f"{k}={v}" for k, v in options.items()))


conn = connect()
recover.append(conn.rollback)


def one(query, *parameters):
    return conn.execute(query, *parameters).fetchone()[0]


@check("connection and what the driver knows of the server")
def _():
    equal(conn.getinfo(pyodbc.SQL_DBMS_NAME), "PostgreSQL")
    true(conn.getinfo(pyodbc.SQL_DBMS_VER).startswith("15"), conn.getinfo(pyodbc.SQL_DBMS_VER))
    equal(conn.getinfo(pyodbc.SQL_DATABASE_NAME), DATABASE)


VALUES = [
    ("smallint", -32768), ("integer", 2147483647), ("bigint", -9223372036854775808), ("real", 1.5),
    ("double precision", 0.1), ("numeric(20,5)", decimal.Decimal("123456789012345.67890")),
    ("text", "naïve 漢字 \\ ' \""), ("varchar(20)", "twenty"), ("date", dt.date(1999, 12, 31)),
    ("time", dt.time(23, 59, 59)), ("timestamp", dt.datetime(2000, 1, 1, 0, 0, 0, 123456)),
    ("bytea", bytes(range(256))), ("uuid", "12345678-1234-5678-1234-567812345678"),
]  # fmt: skip


def plain(value):
    return str(value).lower() if isinstance(value, uuid.UUID) else value


@check("every type is read")
def _():
    row = conn.execute(
        "SELECT 1::int2, 2::int4, 3::int8, 1.5::float4, 0.1::float8, 1.50::numeric(5,2), 'x'::text, 'y'::varchar(5), "
        "DATE '2024-02-29', TIME '01:02:03', TIMESTAMP '2024-02-29 12:00:00.5', '\\x00ff'::bytea, NULL::int, true"
    ).fetchone()
    equal(
        tuple(row[:13]),
        (1, 2, 3, 1.5, 0.1, decimal.Decimal("1.50"), "x", "y", dt.date(2024, 2, 29), dt.time(1, 2, 3),
         dt.datetime(2024, 2, 29, 12, 0, 0, 500000), b"\x00\xff", None),
    )  # fmt: skip
    true(row[13] in (True, "1", 1), f"a truth: {row[13]!r}")


@check("every type is stored through parameters and read")
def _():
    columns = ", ".join(f"c{n} {name}" for n, (name, _) in enumerate(VALUES))
    conn.execute(f"CREATE TABLE kinds (id int PRIMARY KEY, {columns})")
    holders = ", ".join("?" * (len(VALUES) + 1))
    conn.execute(f"INSERT INTO kinds VALUES ({holders})", 1, *[v for _, v in VALUES])
    conn.execute("INSERT INTO kinds (id) VALUES (?)", 2)
    rows = conn.execute("SELECT * FROM kinds ORDER BY id").fetchall()
    equal([plain(v) for v in rows[0][1:]], [v for _, v in VALUES])
    equal(set(rows[1][1:]), {None})
    conn.commit()


@check("a result describes its columns")
def _():
    cursor = conn.execute("SELECT id, c6 AS name, c5 FROM kinds")
    equal([d[0] for d in cursor.description], ["id", "name", "c5"])
    equal([d[1] for d in cursor.description], [int, str, decimal.Decimal])
    equal((cursor.description[2][4], cursor.description[2][5]), (20, 5))
    cursor.close()


@check("tables for the rest")
def _():
    conn.execute(
        "CREATE TABLE author (id serial PRIMARY KEY, name varchar(40) NOT NULL UNIQUE, made timestamp DEFAULT now())"
    )
    conn.execute(
        "CREATE TABLE book (shelf int, place int, author int NOT NULL CONSTRAINT book_author REFERENCES author (id) "
        "ON DELETE CASCADE, title text NOT NULL, price numeric(10,2) DEFAULT 1.5 CHECK (price >= 0), "
        "PRIMARY KEY (shelf, place))"
    )
    conn.execute("CREATE INDEX book_title ON book (title)")
    conn.execute("CREATE VIEW titles AS SELECT title FROM book")
    conn.commit()


@check("SQLTables")
def _():
    found = [(r.table_name, r.table_type) for r in conn.cursor().tables(schema="public")]
    equal(sorted(found), [("author", "TABLE"), ("book", "TABLE"), ("kinds", "TABLE"), ("titles", "VIEW")])
    equal([r.table_name for r in conn.cursor().tables(table="b%", tableType="TABLE")], ["book"])


@check("SQLColumns")
def _():
    found = [(r.column_name, r.type_name, r.nullable) for r in conn.cursor().columns(table="author")]
    equal(found, [("id", "int4", 0), ("name", "varchar", 0), ("made", "timestamp", 1)])
    row = conn.cursor().columns(table="book", column="price").fetchone()
    equal((row.column_size, row.decimal_digits, row.column_def), (10, 2, "1.5"))


@check("SQLPrimaryKeys")
def _():
    found = [(r.column_name, r.key_seq, r.pk_name) for r in conn.cursor().primaryKeys("book")]
    equal(found, [("shelf", 1, "book_pkey"), ("place", 2, "book_pkey")])


@check("SQLForeignKeys, of a table and to a table")
def _():
    fields = lambda r: (r.pktable_name, r.pkcolumn_name, r.fktable_name, r.fkcolumn_name, r.fk_name)  # noqa: E731
    expected = [("author", "id", "book", "author", "book_author")]
    equal([fields(r) for r in conn.cursor().foreignKeys(foreignTable="book")], expected)
    equal([fields(r) for r in conn.cursor().foreignKeys(table="author")], expected)


@check("SQLStatistics")
def _():
    rows = conn.cursor().statistics("book").fetchall()
    found = {(r.index_name, r.column_name, r.non_unique) for r in rows if r.index_name}
    equal(found, {("book_pkey", "shelf", 0), ("book_pkey", "place", 0), ("book_title", "title", 1)})


@check("SQLGetTypeInfo")
def _():
    names = {r.type_name for r in conn.cursor().getTypeInfo()}
    true({"int4", "text", "numeric", "bytea"} <= names, names)


@check("SQLProcedures")
def _():
    # The driver leaves pg_catalog's own functions out.
    equal(conn.cursor().procedures(procedure="lower").fetchall(), [])


@check("INSERT RETURNING and the sequence's value")
def _():
    id = one("INSERT INTO author (name) VALUES (?) RETURNING id", "Ada")
    equal(one("SELECT currval('author_id_seq')"), id)
    conn.commit()


@check("executemany")
def _():
    id = one("SELECT id FROM author WHERE name = 'Ada'")
    cursor = conn.cursor()
    cursor.executemany(
        "INSERT INTO book (shelf, place, author, title, price) VALUES (?, ?, ?, ?, ?)",
        [(n // 100, n % 100, id, f"title {n}", decimal.Decimal(n) / 4) for n in range(300)],
    )
    conn.commit()
    equal(one("SELECT count(*) FROM book"), 300)


@check("executemany with parameter arrays")
def _():
    id = one("SELECT id FROM author WHERE name = 'Ada'")
    cursor = conn.cursor()
    cursor.fast_executemany = True
    cursor.executemany(
        "INSERT INTO book (shelf, place, author, title) VALUES (?, ?, ?, ?)",
        [(9, n, id, f"fast {n}") for n in range(200)],
    )
    conn.commit()
    equal(one("SELECT count(*) FROM book WHERE shelf = 9 AND price = 1.5"), 200)


@check("row counts")
def _():
    equal(conn.execute("UPDATE book SET price = price + 1 WHERE shelf = ?", 1).rowcount, 100)
    equal(conn.execute("DELETE FROM book WHERE shelf = ? AND place < ?", 2, 10).rowcount, 10)
    conn.commit()


@check("fetchmany, skip and iteration")
def _():
    cursor = conn.execute("SELECT place FROM book WHERE shelf = 0 ORDER BY place")
    equal([r[0] for r in cursor.fetchmany(3)], [0, 1, 2])
    cursor.skip(5)
    equal(cursor.fetchone()[0], 8)
    equal(sum(1 for _ in cursor), 91)


@check("prepared statements, executed again and again")
def _():
    cursor = conn.cursor()
    for n in range(20):
        cursor.execute("SELECT title FROM book WHERE shelf = ? AND place = ?", 0, n)
        equal(cursor.fetchone()[0], f"title {n}")


@check("NULL parameters and comparisons")
def _():
    equal(one("SELECT count(*) FROM kinds WHERE c6 IS NULL AND ?::text IS NULL", None), 1)


@check("commit and rollback")
def _():
    conn.execute("INSERT INTO author (name) VALUES ('lost')")
    conn.rollback()
    conn.execute("INSERT INTO author (name) VALUES ('kept')")
    conn.commit()
    equal(one("SELECT count(*) FROM author WHERE name IN ('lost', 'kept')"), 1)


@check("autocommit")
def _():
    other = connect()
    other.autocommit = True
    other.execute("INSERT INTO author (name) VALUES ('at once')")
    equal(one("SELECT count(*) FROM author WHERE name = 'at once'"), 1)
    other.close()


@check("an error keeps the transaction alive, as the driver's savepoints promise")
def _():
    conn.execute("INSERT INTO author (name) VALUES ('before')")
    raises(pyodbc.DataError, lambda: conn.execute("SELECT 1/0").fetchone())
    conn.execute("INSERT INTO author (name) VALUES ('after')")
    conn.commit()
    equal(one("SELECT count(*) FROM author WHERE name IN ('before', 'after')"), 2)


@check("errors carry their SQLSTATE")
def _():
    id = one("SELECT id FROM author WHERE name = 'Ada'")
    for query, state, part in (
        ("INSERT INTO author (name) VALUES ('Ada')", "23505", "author_name_key"),
        ("INSERT INTO book VALUES (50, 1, 0, 't')", "23503", "book_author"),
        (f"INSERT INTO book VALUES (50, 1, {id}, 't', -1)", "23514", "book_price_check"),
        ("INSERT INTO author (made) VALUES (now())", "23502", "name"),
    ):
        error = raises(pyodbc.IntegrityError, lambda: conn.execute(query))
        equal(error.args[0], state)
        true(part in error.args[1], error.args[1])
        conn.rollback()
    equal(raises(pyodbc.ProgrammingError, lambda: conn.execute("SELEC 1")).args[0], "42601")
    conn.rollback()
    equal(raises(pyodbc.ProgrammingError, lambda: conn.execute("SELECT * FROM nowhere")).args[0], "42P01")
    conn.rollback()


@check("isolation level as a connection's attribute")
def _():
    other = connect()
    other.set_attr(pyodbc.SQL_ATTR_TXN_ISOLATION, pyodbc.SQL_TXN_REPEATABLE_READ)
    equal(other.execute("SHOW transaction_isolation").fetchone()[0], "repeatable read")
    other.close()


@check("declared cursors with a fetch size (UseDeclareFetch)")
def _():
    other = connect(UseDeclareFetch=1, Fetch=50)
    cursor = other.execute("SELECT g FROM generate_series(1, 500) AS g")
    equal([r[0] for r in cursor], list(range(1, 501)))
    other.close()


@check("several results of one statement")
def _():
    cursor = conn.execute("SELECT 1; SELECT 2")
    equal(cursor.fetchone()[0], 1)
    true(cursor.nextset(), "another")
    equal(cursor.fetchone()[0], 2)


@check("ODBC's escapes: {d}, {ts}, {fn}")
def _():
    equal(one("SELECT {d '2024-02-29'}"), dt.date(2024, 2, 29))
    equal(one("SELECT {fn UCASE('abc')}"), "ABC")
    equal(one("SELECT {ts '2024-02-29 12:00:00'}"), dt.datetime(2024, 2, 29, 12))


@check("long text and long bytes")
def _():
    conn.execute("CREATE TABLE long (id int PRIMARY KEY, t text, b bytea)")
    conn.execute("INSERT INTO long VALUES (1, ?, ?)", "ü" * 100_000, b"\x00\xfe" * 100_000)
    row = conn.execute("SELECT t, b FROM long").fetchone()
    equal((len(row[0]), len(row[1])), (100_000, 200_000))
    conn.rollback()


@check("statement_timeout ends a statement")
def _():
    other = connect()
    other.autocommit = True
    other.execute("SET statement_timeout = 200")
    equal(raises(pyodbc.Error, lambda: other.execute("SELECT pg_sleep(20)").fetchone()).args[0], "57014")
    other.close()


@check("attributes of every statement: read-only and a server's setting through ConnSettings")
def _():
    other = connect(ConnSettings="set application_name to 'matrix'")
    equal(other.execute("SHOW application_name").fetchone()[0], "matrix")
    other.close()


conn.close()
finish()
