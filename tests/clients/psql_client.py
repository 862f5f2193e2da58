"""psql 15: its backslash commands, \\copy, \\watch, variables, formats, exit codes."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from harness import DATABASE, HOST, PORT, USER, check, contains, equal, finish, true

place = Path(tempfile.mkdtemp())
BASE = ["psql", "-X", "-h", HOST, "-p", str(PORT), "-U", USER, "-d", DATABASE]


def psql(script, *options, code=0, both=False):
    env = dict(os.environ, PAGER="cat", TZ="UTC", PSQL_HISTORY=os.devnull)
    done = subprocess.run([*BASE, *options], input=script, capture_output=True, text=True, timeout=60, env=env, cwd=place)
    if done.returncode != code:
        raise AssertionError(f"exit {done.returncode}: {done.stdout} {done.stderr}")
    if done.stderr and not both:
        raise AssertionError(f"{script} said {done.stderr}")
    return done.stdout + (done.stderr if both else "")


def lines(text):
    """The rows of an aligned table, blanks squeezed."""
    return [re.sub(r"\s+", " ", line).strip() for line in text.splitlines() if line.strip()]


def rows(text, *expected):
    found = lines(text)
    for row in expected:
        if row not in found:
            raise AssertionError(f"{row!r} is not among {found}")


SETUP = """
CREATE TABLE author (id serial PRIMARY KEY, name varchar(40) NOT NULL UNIQUE, made timestamptz DEFAULT now());
CREATE TABLE book (
  shelf int, place int, author int NOT NULL CONSTRAINT book_author REFERENCES author (id) ON DELETE CASCADE,
  title text NOT NULL, price numeric(10,2) DEFAULT 1.5 CHECK (price >= 0), tags text[], twice numeric GENERATED ALWAYS AS (price * 2) STORED,
  PRIMARY KEY (shelf, place));
CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text);
CREATE INDEX book_title ON book (title, price DESC);
CREATE UNIQUE INDEX book_pair ON book (author, title);
CREATE VIEW titles AS SELECT title, price FROM book WHERE price > 0;
CREATE SEQUENCE ticket START 100 INCREMENT 5;
CREATE SCHEMA other;
CREATE TABLE other.hidden (id int);
CREATE ROLE reader LOGIN;
GRANT SELECT ON author TO reader;
COMMENT ON TABLE author IS 'who writes';
COMMENT ON COLUMN author.name IS 'in full';
INSERT INTO author (name) VALUES ('Ada'), ('Bob');
INSERT INTO book (shelf, place, author, title, price) VALUES (1, 1, 1, 'Notes', 12.5), (1, 2, 1, 'Sketch', 3), (2, 1, 2, 'Other', NULL);
"""


@check("a script of definitions and rows")
def _():
    psql(SETUP, "-q", "-v", "ON_ERROR_STOP=1")


@check("the banner and \\conninfo")
def _():
    contains(psql("\\conninfo"), f'You are connected to database "{DATABASE}" as user "{USER}"', str(PORT))


@check("\\d")
def _():
    rows(
        psql("\\d"),
        f"public | author | table | {USER}",
        f"public | author_id_seq | sequence | {USER}",
        f"public | book | table | {USER}",
        f"public | titles | view | {USER}",
        "(7 rows)",
    )


@check("\\d of a table with a serial, a unique key and a reference to it")
def _():
    equal(
        lines(psql("\\d author")),
        [
            'Table "public.author"',
            "Column | Type | Collation | Nullable | Default",
            "--------+--------------------------+-----------+----------+------------------------------------",
            "id | integer | | not null | nextval('author_id_seq'::regclass)",
            "name | character varying(40) | | not null |",
            "made | timestamp with time zone | | | now()",
            "Indexes:",
            '"author_pkey" PRIMARY KEY, btree (id)',
            '"author_name_key" UNIQUE CONSTRAINT, btree (name)',
            "Referenced by:",
            'TABLE "book" CONSTRAINT "book_author" FOREIGN KEY (author) REFERENCES author(id) ON DELETE CASCADE',
        ],
    )


@check("\\d of a table with every kind of constraint")
def _():
    equal(
        lines(psql("\\d book"))[3:],
        [
            "shelf | integer | | not null |",
            "place | integer | | not null |",
            "author | integer | | not null |",
            "title | text | | not null |",
            "price | numeric(10,2) | | | 1.5",
            "tags | text[] | | |",
            "twice | numeric | | | generated always as (price * 2::numeric) stored",
            "Indexes:",
            '"book_pkey" PRIMARY KEY, btree (shelf, place)',
            '"book_pair" UNIQUE, btree (author, title)',
            '"book_title" btree (title, price DESC)',
            "Check constraints:",
            '"book_price_check" CHECK (price >= 0::numeric)',
            "Foreign-key constraints:",
            '"book_author" FOREIGN KEY (author) REFERENCES author(id) ON DELETE CASCADE',
        ],
    )


@check("\\d of an identity column")
def _():
    rows(psql("\\d note"), "id | bigint | | not null | generated always as identity")


@check("\\d+ shows comments and storage")
def _():
    rows(psql("\\d+ author"), "name | character varying(40) | | not null | | extended | | | in full", "Access method: heap")


@check("\\d and \\d+ of a view")
def _():
    rows(psql("\\d titles"), 'View "public.titles"', "title | text | | |", "price | numeric(10,2) | | |")
    contains(psql("\\d+ titles"), "View definition:", "FROM book")


@check("\\d of a sequence")
def _():
    found = lines(psql("\\d ticket"))
    equal(found[0], 'Sequence "public.ticket"')
    equal(found[3], "bigint | 100 | 1 | 9223372036854775807 | 5 | no | 1")
    rows(psql("\\d author_id_seq"), "Owned by: public.author.id")


@check("\\d of an index")
def _():
    rows(psql("\\d book_title"), 'Index "public.book_title"', "title | text | yes | title", 'btree, for table "public.book"')


@check("\\d of something that isn't there")
def _():
    contains(psql("\\d nothing", both=True), 'Did not find any relation named "nothing".')


@check("\\dt and \\dt+")
def _():
    rows(psql("\\dt"), f"public | author | table | {USER}", "(3 rows)")
    found = [line for line in lines(psql("\\dt+")) if line.startswith("public | author")]
    true(found and re.fullmatch(rf"public \| author \| table \| {USER} \| permanent \| heap \| \d+ \w+ \| who writes", found[0]), found)
    rows(psql("\\dt other.*"), f"other | hidden | table | {USER}", "(1 row)")


@check("\\di and \\di+")
def _():
    rows(psql("\\di"), f"public | book_title | index | {USER} | book", f"public | author_pkey | index | {USER} | author", "(6 rows)")
    contains(psql("\\di+ book_title"), "btree", "permanent")


@check("\\ds and \\dv")
def _():
    rows(psql("\\ds"), f"public | ticket | sequence | {USER}", f"public | note_id_seq | sequence | {USER}", "(3 rows)")
    rows(psql("\\dv"), f"public | titles | view | {USER}", "(1 row)")


@check("\\df")
def _():
    rows(psql("\\df lower"), "pg_catalog | lower | text | text | func")
    rows(psql("\\df"), "(0 rows)")
    rows(psql("\\df pg_catalog.generate_series"), "pg_catalog | generate_series | SETOF bigint | bigint, bigint | func")


@check("\\da and \\do")
def _():
    rows(psql("\\da count"), 'pg_catalog | count | bigint | "any" | number of input rows for which the input expression is not null')
    contains(psql("\\do ||"), "text")


@check("\\du and \\dg")
def _():
    found = lines(psql("\\du"))
    true(any(line.startswith(f"{USER} | Superuser, Create role, Create DB") for line in found), found)
    true(any(line.startswith("reader | |") for line in found), found)
    contains(psql("\\dg+ reader"), "reader")


@check("\\dp")
def _():
    contains(psql("\\dp author"), "Access privileges", f"{USER}=arwdDxt/{USER}", f"reader=r/{USER}")


@check("\\dn and \\dn+")
def _():
    rows(psql("\\dn"), f"other | {USER}")
    contains(psql("\\dn"), "public")
    contains(psql("\\dn+"), "public", "other")


@check("\\l and \\l+")
def _():
    true(any(line.startswith(f"{DATABASE} | {USER} | UTF8") for line in lines(psql("\\l"))), "listed")
    contains(psql("\\l+"), DATABASE, "pg_default")


@check("\\dT, \\dD, \\dx, \\dy, \\db, \\dL, \\dO, \\dF")
def _():
    for command in ("\\dT", "\\dT uuid", "\\dD", "\\dx", "\\dy", "\\db", "\\dL", "\\dO", "\\dF", "\\des", "\\dew", "\\dP", "\\ddp", "\\dRp", "\\dA"):
        psql(command)
    contains(psql("\\dT uuid"), "uuid")
    contains(psql("\\db"), "pg_default")
    contains(psql("\\dA"), "btree")


@check("\\dd and \\sv")
def _():
    psql("\\dd")
    contains(psql("\\sv titles"), "CREATE OR REPLACE VIEW public.titles AS", "FROM book")


@check("\\z, \\dconfig, \\encoding, \\dp with a pattern")
def _():
    contains(psql("\\z book"), "book")
    contains(psql("\\dconfig work_mem"), "work_mem")
    equal(psql("\\encoding").strip(), "UTF8")


@check("\\copy to and from, text and CSV")
def _():
    said = psql("\\copy (SELECT shelf, place, title FROM book ORDER BY 1, 2) TO 'books.csv' WITH (FORMAT csv, HEADER)")
    equal(said, "COPY 3\n")
    equal((place / "books.csv").read_text(), "shelf,place,title\n1,1,Notes\n1,2,Sketch\n2,1,Other\n")
    psql("CREATE TABLE copied (shelf int, place int, title text);", "-q")
    equal(psql("\\copy copied FROM 'books.csv' WITH (FORMAT csv, HEADER)"), "COPY 3\n")
    equal(psql("\\copy copied TO 'books.txt'"), "COPY 3\n")
    equal(psql("\\copy copied (shelf, place, title) FROM 'books.txt'"), "COPY 3\n")
    equal(psql("SELECT count(*) FROM copied", "-At").strip(), "6")


@check("COPY FROM STDIN inline and COPY TO STDOUT")
def _():
    equal(psql("COPY copied FROM STDIN;\n7\t8\tinline\n\\.\nSELECT title FROM copied WHERE shelf = 7;\n", "-At"), "COPY 1\ninline\n")
    equal(psql("COPY (SELECT 1, NULL, 'a\tb') TO STDOUT;"), "1\t\\N\ta\\tb\n")


@check("\\copy tells where a row is wrong")
def _():
    (place / "bad.txt").write_text("1\t2\tx\nnope\t2\ty\n")
    said = psql("\\copy copied FROM 'bad.txt'", both=True)
    contains(said, 'invalid input syntax for type integer: "nope"', "COPY copied, line 2, column shelf")


@check("\\watch")
def _():
    done = subprocess.run(
        ["timeout", "-s", "INT", "1.5", *BASE], input="SELECT 40 + 2 AS answer \\watch 0.3\n", capture_output=True, text=True, timeout=30
    )
    true(done.stdout.count("42") >= 2, done.stdout + done.stderr)
    contains(done.stdout, "(every 0.3s)")


@check("\\timing, \\gset, \\gexec, \\gx, \\crosstabview, \\gdesc")
def _():
    contains(psql("\\timing on\nSELECT 1;"), "Time: ", " ms")
    equal(psql("SELECT 5 AS five, 'x' AS name \\gset\n\\echo :five :'name'\n"), "5 'x'\n")
    equal(psql("SELECT 'SELECT ' || g FROM generate_series(1, 2) AS g \\gexec\n", "-At"), "1\n2\n")
    contains(psql("SELECT 1 AS a, 2 AS b \\gx\n"), "-[ RECORD 1 ]", "a | 1")
    contains(psql("SELECT * FROM (VALUES (1, 'x', 3), (2, 'y', 4)) AS t(r, c, v) \\crosstabview\n"), "x", "y")
    rows(psql("SELECT 1 AS a, 'x'::varchar(3) AS b, now() AS c \\gdesc\n"), "a | integer", "b | character varying(3)", "c | timestamp with time zone")


@check("\\bind-like prepared statements: PREPARE, EXECUTE, DEALLOCATE")
def _():
    script = "PREPARE p (int, text) AS SELECT $1 + 1, $2 || '!';\nEXECUTE p (1, 'a');\nEXECUTE p (2, 'b');\nDEALLOCATE p;\n"
    equal(psql(script, "-At"), "PREPARE\n2|a!\n3|b!\nDEALLOCATE\n")


@check("output formats: aligned, CSV, HTML, unaligned, expanded")
def _():
    equal(psql("SELECT 1 AS a, NULL AS b, 'x,y' AS c", "--csv"), 'a,b,c\n1,,"x,y"\n')
    equal(psql("SELECT 1, NULL", "-At", "-F", ";", "-P", "null=none"), "1;none\n")
    contains(psql("SELECT 1 AS a", "-H"), "<table", "<th align=\"center\">a</th>")
    equal(psql("SELECT 1 AS a, 22 AS bb"), " a | bb \n---+----\n 1 | 22\n(1 row)\n\n")


@check("variables, \\if, \\set and interpolation")
def _():
    script = "\\set n 3\n\\if :{?n}\nSELECT :n * 2;\n\\else\nSELECT 0;\n\\endif\nSELECT :'SERVER_VERSION_NUM'::int / 10000, ':x';\n"
    equal(psql(script, "-At"), "6\n15|:x\n")


@check("transactions: the prompt's state, -1, ON_ERROR_STOP, ON_ERROR_ROLLBACK")
def _():
    said = psql("INSERT INTO copied VALUES (99);\nSELECT 1/0;\n", "-1", "-v", "ON_ERROR_STOP=1", code=3, both=True)
    contains(said, "division by zero")
    equal(psql("SELECT count(*) FROM copied WHERE shelf = 99", "-At"), "0\n")
    script = "\\set ON_ERROR_ROLLBACK on\nBEGIN;\nSELECT 1/0;\nSELECT 7;\nCOMMIT;\n"
    contains(psql(script, "-At", both=True), "7\n", "COMMIT")


@check("errors show the line, a caret, DETAIL and, verbosely, the SQLSTATE")
def _():
    contains(psql("SELECT nothing FROM author;", both=True), 'ERROR:  column "nothing" does not exist', "LINE 1: SELECT nothing FROM author;", "       ^")
    said = psql("\\set VERBOSITY verbose\nINSERT INTO author (name) VALUES ('Ada');", both=True)
    contains(said, "23505", "DETAIL:  Key (name)=(Ada) already exists.", "SCHEMA NAME:  public", "TABLE NAME:  author", "CONSTRAINT NAME:  author_name_key")
    contains(psql("SELECT 1/0;\n\\errverbose\n", both=True), "22012")


@check("-c, several of them, -f, -o, -L and exit codes")
def _():
    (place / "file.sql").write_text("SELECT 11;\nSELECT 22;\n")
    equal(psql("", "-At", "-c", "SELECT 1", "-c", "SELECT 2; SELECT 3"), "1\n2\n3\n")
    equal(psql("", "-At", "-f", "file.sql"), "11\n22\n")
    equal(psql("", "-At", "-o", "out.txt", "-f", "file.sql"), "")
    equal((place / "out.txt").read_text(), "11\n22\n")
    psql("", "-c", "SELECT 1/0", code=1, both=True)


@check("FETCH_COUNT reads by a cursor")
def _():
    equal(psql("\\set FETCH_COUNT 10\nSELECT g FROM generate_series(1, 35) AS g;", "-At").split(), [str(n) for n in range(1, 36)])


@check("LISTEN and NOTIFY are shown")
def _():
    contains(psql("LISTEN news;\nNOTIFY news, 'hello';\n"), 'Asynchronous notification "news" with payload "hello" received')


@check("cancelling with an interrupt")
def _():
    done = subprocess.run(
        ["timeout", "-s", "INT", "0.7", *BASE, "-c", "SELECT pg_sleep(20)"], capture_output=True, text=True, timeout=15
    )
    contains(done.stderr, "canceling statement due to user request")


finish()
