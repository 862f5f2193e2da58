"""pg_dump of schema and data, restored into PostgreSQL, dumped there and restored back.

PGPORT: the server to dump. OTHER_PGPORT: a PostgreSQL. BACK_PGPORT: an empty server like the first."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from harness import DATABASE, HOST, PORT, USER, check, contains, equal, finish, true

# Each a port and a database.
HERE = (PORT, DATABASE)
OTHER = (int(os.environ["OTHER_PGPORT"]), os.environ.get("OTHER_PGDATABASE", DATABASE))
BACK = (int(os.environ["BACK_PGPORT"]), os.environ.get("BACK_PGDATABASE", DATABASE))

place = Path(tempfile.mkdtemp())


def run(program, server, *arguments, stdin=None, code=0):
    command = [program, "-h", HOST, "-p", str(server[0]), "-U", USER, "-d", f"dbname={server[1]}", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120, cwd=place)
    if done.returncode != code:
        raise AssertionError(f"{program} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def psql(server, script):
    return run("psql", server, "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-1", stdin=script)


def ask(server, query):
    return run("psql", server, "-X", "-q", "-At", "-c", query)


SETUP = r"""
CREATE TABLE kinds (
  id int PRIMARY KEY, a smallint, b bigint, c real, d double precision, e numeric(20,5), f text, g varchar(20), h char(5), i boolean,
  j date, k time, l timestamp, m timestamptz, n interval, o uuid, p bytea, q integer[], r text[], s jsonb, t json);
INSERT INTO kinds VALUES
  (1, -32768, 9223372036854775807, 1.5, 0.1, 123456789012345.67890, E'tab\there \\ "quoted" ''it''', 'naïve 漢字', 'ab', true,
   '1999-12-31', '23:59:59.999999', '2000-01-01 00:00:00.000001', '2024-02-29 12:30:00+02', '1 year 2 mons 3 days 04:05:06.7',
   '12345678-1234-5678-1234-567812345678', '\x00ff10', '{1,NULL,3}', '{"a","b\"c","d,e",NULL}', '{"a": [1, 2.50, null]}', '{"a":  1}'),
  (2, NULL, NULL, 'NaN', '-Infinity', 'NaN', '', '', '', false, 'infinity', NULL, '-infinity', 'infinity', '-1 days', NULL, '', '{}', '{}', 'null', '[]'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE author (id serial PRIMARY KEY, name varchar(40) NOT NULL UNIQUE, email text DEFAULT 'none'::text, made timestamptz DEFAULT now() NOT NULL);
CREATE TABLE book (
  shelf int, place int, author int NOT NULL, title text NOT NULL, price numeric(10,2) DEFAULT 1.5,
  CONSTRAINT price_not_negative CHECK (price >= 0), CONSTRAINT short_title CHECK (length(title) < 100), PRIMARY KEY (shelf, place));
ALTER TABLE book ADD CONSTRAINT book_author FOREIGN KEY (author) REFERENCES author (id) ON DELETE CASCADE;
CREATE TABLE review (
  id bigint GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY 10) PRIMARY KEY, shelf int, place int, stars int,
  CONSTRAINT review_book FOREIGN KEY (shelf, place) REFERENCES book (shelf, place) ON UPDATE CASCADE ON DELETE SET NULL);
CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree (id) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE sums (a int, b int, c int GENERATED ALWAYS AS (a + b) STORED);
CREATE TABLE "Odd ""Name" ("select" int PRIMARY KEY, "Mixed Case" text);
CREATE INDEX book_title ON book (title, price DESC);
CREATE UNIQUE INDEX book_pair ON book (author, title);
CREATE VIEW titles AS SELECT b.title, a.name FROM book b JOIN author a ON a.id = b.author WHERE b.price > 0;
CREATE SEQUENCE ticket START 100 INCREMENT 5 MAXVALUE 1000 CYCLE;
CREATE SCHEMA other;
CREATE TABLE other.thing (id int PRIMARY KEY, author int REFERENCES public.author (id));
COMMENT ON TABLE author IS 'who''s writing';
COMMENT ON COLUMN author.name IS 'in full';
INSERT INTO author (name) SELECT 'author ' || g FROM generate_series(1, 500) g;
INSERT INTO book (shelf, place, author, title, price) SELECT g / 100, g % 100, g % 500 + 1, 'title ' || g, g / 4.0 FROM generate_series(1, 2000) g;
INSERT INTO review (shelf, place, stars) SELECT g / 100, g % 100, g % 5 FROM generate_series(1, 300) g;
INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2);
INSERT INTO sums (a, b) VALUES (1, 2), (3, NULL);
INSERT INTO "Odd ""Name" VALUES (1, 'x');
INSERT INTO other.thing VALUES (1, 7);
SELECT nextval('ticket'), nextval('ticket');
"""

TABLES = ["kinds", "author", "book", "review", "tree", "sums", '"Odd ""Name"', "other.thing"]


def everything(server):
    """Every row of every table, and where the sequences are."""
    # Generated columns aren't part of a plain COPY, so they are asked for apart.
    copies = [run("psql", server, "-X", "-q", "-At", "-c", f"COPY {table} TO STDOUT") for table in TABLES]
    parts = [sorted(rows.splitlines()) for rows in copies]
    parts.append(ask(server, "SELECT a, b, c FROM sums ORDER BY a"))
    parts.append(ask(server, "SELECT last_value, is_called FROM ticket"))
    parts.append(ask(server, "SELECT * FROM titles ORDER BY 1, 2"))
    return parts


def described(server):
    """What psql says of every relation."""
    return {t: run("psql", server, "-X", "-c", f"\\d {t}") for t in [*TABLES, "titles", "ticket"]}


def statements(dump):
    """The statements of a plain dump, without its comments, in order of their text."""
    text = "\n".join(line for line in dump.splitlines() if not line.startswith(("--", "\\restrict", "\\unrestrict")))
    text = re.sub(r"SET [a-z_]+ = [^;]*;|SELECT pg_catalog\.set_config[^;]*;", "", text)
    # A view's text is the server's own rendering; views are compared by their columns and rows.
    parts = (part.strip() for part in text.split(";\n"))
    return sorted(part for part in parts if part and not part.startswith("CREATE VIEW"))


dumps = {}


@check("a database of every kind of object")
def _():
    psql(HERE, SETUP)


@check("pg_dump --schema-only")
def _():
    dumps["schema"] = run("pg_dump", HERE, "--schema-only")


for what, parts in {
    "tables with their columns": ["CREATE TABLE public.author (", "name character varying(40) NOT NULL", "h character(5)", "r text[]"],
    "column defaults": ["email text DEFAULT 'none'::text", "price numeric(10,2) DEFAULT 1.5", "made timestamp with time zone DEFAULT now() NOT NULL"],
    "checks": ["CONSTRAINT price_not_negative CHECK ((price >= (0)::numeric))", "CONSTRAINT short_title CHECK ((length(title) < 100))"],
    "primary keys and unique constraints": [
        "ADD CONSTRAINT book_pkey PRIMARY KEY (shelf, place);", "ADD CONSTRAINT author_name_key UNIQUE (name);",
    ],
    "foreign keys": [
        "ADD CONSTRAINT book_author FOREIGN KEY (author) REFERENCES public.author(id) ON DELETE CASCADE;",
        "ADD CONSTRAINT review_book FOREIGN KEY (shelf, place) REFERENCES public.book(shelf, place) ON UPDATE CASCADE ON DELETE SET NULL;",
        "REFERENCES public.tree(id) DEFERRABLE INITIALLY DEFERRED;",
    ],
    "indexes": [
        "CREATE INDEX book_title ON public.book USING btree (title, price DESC);",
        "CREATE UNIQUE INDEX book_pair ON public.book USING btree (author, title);",
    ],
    "serials": [
        "CREATE SEQUENCE public.author_id_seq", "ALTER SEQUENCE public.author_id_seq OWNED BY public.author.id;",
        "ALTER TABLE ONLY public.author ALTER COLUMN id SET DEFAULT nextval('public.author_id_seq'::regclass);",
    ],
    "sequences": ["CREATE SEQUENCE public.ticket", "START WITH 100", "INCREMENT BY 5", "MAXVALUE 1000", "CYCLE;"],
    "identity columns": ["ALTER TABLE public.review ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (", "SEQUENCE NAME public.review_id_seq"],
    "generated columns": ["c integer GENERATED ALWAYS AS ((a + b)) STORED"],
    "views": ["CREATE VIEW public.titles AS", "JOIN public.author a ON"],
    "schemas": ["CREATE SCHEMA other;", "CREATE TABLE other.thing ("],
    "comments": ["COMMENT ON TABLE public.author IS 'who''s writing';", "COMMENT ON COLUMN public.author.name IS 'in full';"],
    "quoted names": ['CREATE TABLE public."Odd ""Name" (', '"select" integer NOT NULL', '"Mixed Case" text'],
    "owners": [f"ALTER TABLE public.author OWNER TO {USER};" if USER.islower() else "OWNER TO"],
}.items():  # fmt: skip

    @check(f"the dump has {what}")
    def _():
        contains(dumps["schema"], *parts)


@check("pg_dump of everything restores into PostgreSQL")
def _():
    dumps["whole"] = run("pg_dump", HERE)
    psql(OTHER, dumps["whole"])


@check("PostgreSQL has the same rows")
def _():
    for table, here, there in zip([*TABLES, "sums", "ticket", "titles"], everything(HERE), everything(OTHER), strict=True):
        equal(there, here, table)


@check("PostgreSQL describes the same relations")
def _():
    here, there = described(HERE), described(OTHER)
    for name in here:
        equal(there[name], here[name], name)


@check("PostgreSQL dumps the same schema")
def _():
    dumps["theirs"] = run("pg_dump", OTHER)
    equal(statements(run("pg_dump", OTHER, "--schema-only")), statements(dumps["schema"]))


@check("PostgreSQL's dump restores back")
def _():
    psql(BACK, dumps["theirs"])
    equal(everything(BACK), everything(OTHER))
    here, there = described(BACK), described(OTHER)
    for name in here:
        equal(here[name], there[name], name)


@check("what came back dumps as the original did")
def _():
    equal(statements(run("pg_dump", BACK)), statements(dumps["theirs"]))


@check("constraints and sequences work where it came back")
def _():
    for statement, state in (
        ("INSERT INTO author (name) VALUES ('author 1')", "author_name_key"),
        ("INSERT INTO book VALUES (90, 1, 0, 't')", "book_author"),
        ("INSERT INTO book VALUES (90, 1, 1, 't', -1)", "price_not_negative"),
    ):
        done = subprocess.run(
            ["psql", "-X", "-h", HOST, "-p", str(BACK[0]), "-U", USER, "-d", BACK[1], "-c", statement], capture_output=True, text=True
        )
        contains(done.stderr, state)
    new = int(ask(BACK, "INSERT INTO author (name) VALUES ('new') RETURNING id"))
    true(new > 500, f"{new} is past the dumped ones")
    true(int(ask(BACK, "INSERT INTO review (stars) VALUES (1) RETURNING id")) > 3000, "identity")


@check("--data-only --inserts")
def _():
    dump = run("pg_dump", HERE, "--data-only", "--inserts", "-t", "author")
    contains(dump, "INSERT INTO public.author VALUES (1, 'author 1', 'none',")
    contains(dump, "SELECT pg_catalog.setval('public.author_id_seq', 500, true);")


@check("--column-inserts --rows-per-insert")
def _():
    dump = run("pg_dump", HERE, "--data-only", "--column-inserts", "--rows-per-insert=100", "-t", "book")
    equal(dump.count("INSERT INTO public.book (shelf, place, author, title, price) VALUES"), 20)


@check("-t and -n choose, -T leaves out")
def _():
    contains(run("pg_dump", HERE, "-t", "book"), "CREATE TABLE public.book (")
    true("public.author (" not in run("pg_dump", HERE, "-n", "other").replace("REFERENCES public.author(id)", ""), "only the schema")
    true("CREATE TABLE public.kinds" not in run("pg_dump", HERE, "-T", "kinds"), "left out")


@check("the custom format, listed and restored by pg_restore")
def _():
    run("pg_dump", HERE, "-Fc", "-f", "dump.custom")
    listed = subprocess.run(["pg_restore", "-l", "dump.custom"], capture_output=True, text=True, cwd=place).stdout
    contains(listed, "TABLE public author", "FK CONSTRAINT public book book_author", "SEQUENCE SET public ticket")
    run("pg_restore", OTHER, "--clean", "--if-exists", "--exit-on-error", "dump.custom")
    equal(everything(OTHER), everything(HERE))


@check("the directory format, restored by two jobs")
def _():
    run("pg_dump", HERE, "-Fd", "-f", "dump.directory")
    run("pg_restore", OTHER, "--clean", "--if-exists", "--exit-on-error", "-j", "2", "dump.directory")
    equal(everything(OTHER), everything(HERE))


@check("pg_restore --clean into the server it came back to")
def _():
    run("pg_dump", OTHER, "-Fc", "-f", "dump.back")
    run("pg_restore", BACK, "--clean", "--if-exists", "--exit-on-error", "dump.back")
    equal(everything(BACK), everything(HERE))


@check("pg_dumpall --globals-only")
def _():
    contains(run("pg_dumpall", HERE, "--globals-only"), f"CREATE ROLE {USER};")


finish()
