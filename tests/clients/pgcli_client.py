"""pgcli: what it asks at its start, and whole starts of the program."""

import os
import subprocess
import sys

from harness import DATABASE, HOST, PORT, USER, check, contains, equal, finish, raises, true
from pgcli.completion_refresher import CompletionRefresher
from pgcli.pgcompleter import PGCompleter
from pgcli.pgexecute import PGExecute
from pgspecial.main import PGSpecial

import psycopg


def setup():
    with psycopg.connect(f"host={HOST} port={PORT} user={USER} dbname={DATABASE}", autocommit=True) as conn:
        conn.execute(
            "CREATE TABLE author (id serial PRIMARY KEY, name varchar(40) NOT NULL UNIQUE, made timestamptz DEFAULT now());"
            "CREATE TABLE book (id int PRIMARY KEY, author int REFERENCES author (id), title text DEFAULT 'none');"
            "CREATE INDEX book_title ON book (title); CREATE VIEW titles AS SELECT title FROM book;"
            "CREATE SCHEMA other; CREATE TABLE other.hidden (id int);"
            "INSERT INTO author (name) VALUES ('Ada'), ('Bob')"
        )


@check("tables to complete from")
def _():
    setup()


execute = PGExecute(DATABASE, USER, None, HOST, PORT, application_name="pgcli")
special = PGSpecial()


@check("the start-up connection")
def _():
    true(execute.server_version.startswith("15"), execute.server_version)
    equal((execute.dbname, execute.user), (DATABASE, USER))
    true(execute.valid_transaction() in (True, False), "transaction state")
    equal(execute.get_timezone(), execute.get_timezone())


@check("search path")
def _():
    true("public" in execute.search_path(), execute.search_path())


@check("schemata")
def _():
    true({"public", "other", "pg_catalog", "information_schema"} <= set(execute.schemata()), execute.schemata())


@check("tables")
def _():
    equal(
        sorted(t for t in execute.tables() if t[0] in ("public", "other")),
        [("other", "hidden"), ("public", "author"), ("public", "book")],
    )


@check("views")
def _():
    true(("public", "titles") in list(execute.views()), "titles")


@check("table columns, with defaults")
def _():
    found = [c for c in execute.table_columns() if c[:2] == ("public", "author")]
    equal(
        [(c[2], c[3], c[4], c[5]) for c in found],
        [("id", "integer", True, "nextval('author_id_seq'::regclass)"), ("name", "character varying", False, None),
         ("made", "timestamp with time zone", True, "now()")],
    )  # fmt: skip


@check("view columns")
def _():
    true(("public", "titles", "title", "text", False, None) in list(execute.view_columns()), "title")


@check("foreign keys")
def _():
    keys = [tuple(k) for k in execute.foreignkeys()]
    equal(keys, [("public", "author", "id", "public", "book", "author")])


@check("functions, their arguments and results")
def _():
    functions = list(execute.functions())
    lower = [f for f in functions if (f.schema_name, f.func_name) == ("pg_catalog", "lower")]
    true(lower and lower[0].return_type == "text", lower[:1])
    true(any(f.is_aggregate for f in functions if f.func_name == "sum"), "sum is an aggregate")


@check("datatypes")
def _():
    list(execute.datatypes())


@check("databases, full and short")
def _():
    true(DATABASE in execute.databases(), execute.databases())
    true(DATABASE in str(execute.full_databases()), "full")


@check("casing")
def _():
    words = execute.casing()
    true(words is not None, "words")


@check("notices and view definitions")
def _():
    contains(execute.view_definition("titles"), "SELECT", "book")


@check("the completer's own refresh")
def _():
    import threading

    done = threading.Event()
    found = []

    def callback(completer):
        found.append(completer)
        done.set()

    CompletionRefresher().refresh(execute, special, callback, settings={})
    true(done.wait(30), "refreshed in time")
    completer: PGCompleter = found[0]
    true("author" in completer.dbmetadata["tables"]["public"], "tables")
    true("titles" in completer.dbmetadata["views"]["public"], "views")
    keys = completer.dbmetadata["tables"]["public"]["book"]["author"].foreignkeys
    equal([(k.parenttable, k.parentcolumn) for k in keys], [("author", "id")])


def run(sql):
    return [(title, list(rows) if rows else rows, status) for title, rows, _, status, *_ in execute.run(sql, special)]


@check("statements run through it")
def _():
    equal(run("SELECT name FROM author ORDER BY id")[0][1], [("Ada",), ("Bob",)])
    equal(run("UPDATE book SET title = 'x'")[0][2], "UPDATE 0")
    raises(psycopg.errors.UndefinedTable, lambda: run("SELECT * FROM nowhere"))


for command, parts in {
    "\\d": ["author", "book", "titles", "author_id_seq"],
    "\\dt": ["author", "book"],
    "\\dv": ["titles"],
    "\\di": ["book_title", "author_pkey"],
    "\\ds": ["author_id_seq"],
    "\\dn": ["public", "other"],
    "\\du": [USER],
    "\\l": [DATABASE],
    "\\df lower": ["lower"],
    "\\dT": [],
}.items():

    @check(f"special command {command}")
    def _():
        said = str(run(command))
        contains(said, *parts)


@check("special command \\d of a table")
def _():
    said = str(run("\\d author"))
    contains(said, "nextval(", "character varying(40)", "author_pkey", "PRIMARY KEY", "author_name_key", "book_author_fkey")
    contains(str(run("\\d+ book")), "FOREIGN KEY (author) REFERENCES author(id)", "book_title")


def program(sql):
    command = [os.path.join(os.path.dirname(sys.executable), "pgcli"), "-h", HOST, "-p", str(PORT), "-u", USER, "-d", DATABASE]
    home = os.environ.get("TMPDIR", "/tmp")
    env = dict(os.environ, HOME=home, XDG_CONFIG_HOME=os.path.join(home, "pgcli-matrix"), PAGER="cat", TERM="dumb")
    done = subprocess.run([*command, "--warn", "off", "--less-chatty"], input=sql, capture_output=True, text=True, timeout=60, env=env)
    return done.stdout + done.stderr


@check("the program starts, answers and ends")
def _():
    contains(program("SELECT name FROM author ORDER BY id;\n\\q\n"), "Ada", "Bob", "SELECT 2")


@check("the program lists databases with --list")
def _():
    command = [os.path.join(os.path.dirname(sys.executable), "pgcli"), "-h", HOST, "-p", str(PORT), "-u", USER, "-d", DATABASE, "--list"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    contains(done.stdout, DATABASE)


finish()
