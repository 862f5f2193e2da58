-- Temporary tables, CREATE TABLE AS, LIKE, COMMENT.
CREATE TEMP TABLE t (id int PRIMARY KEY, v text);
INSERT INTO t VALUES (1, 'a'), (2, 'b') RETURNING *;
SELECT * FROM t ORDER BY id;
SELECT * FROM pg_temp.t ORDER BY id;
CREATE TABLE t (id int);
INSERT INTO public.t VALUES (7);
SELECT * FROM t ORDER BY id;
DROP TABLE t;
SELECT * FROM t;
DROP TABLE t;
CREATE TEMPORARY TABLE d (a int) ON COMMIT DELETE ROWS;
BEGIN;
INSERT INTO d VALUES (1);
SELECT count(*) FROM d;
COMMIT;
SELECT count(*) FROM d;
BEGIN;
CREATE TEMP TABLE x (a int) ON COMMIT DROP;
INSERT INTO x VALUES (1);
SELECT * FROM x;
COMMIT;
SELECT * FROM x;
CREATE TEMP TABLE k (a int) ON COMMIT PRESERVE ROWS;
BEGIN;
INSERT INTO k VALUES (1);
ROLLBACK;
SELECT count(*) FROM k;
CREATE TABLE src (a int, b text NOT NULL DEFAULT 'z', c numeric(5,1), PRIMARY KEY (a));
INSERT INTO src VALUES (1, 'x', 1.25), (2, 'y', NULL);
CREATE TABLE copy1 AS SELECT a, b, c * 2 AS twice FROM src;
SELECT * FROM copy1 ORDER BY a;
-- differs: other ways to make a table
CREATE TABLE copy2 (x, y) AS SELECT a, b FROM src WITH NO DATA;
-- differs: other ways to make a table
SELECT * FROM copy2;
CREATE TABLE copy1 AS SELECT 1;
-- differs: other ways to make a table
CREATE TABLE IF NOT EXISTS copy1 AS SELECT 1;
-- differs: other ways to make a table
SELECT a, b INTO copy3 FROM src;
-- differs: other ways to make a table
SELECT count(*) FROM copy3;
CREATE TEMP TABLE copy4 AS VALUES (1, 'one'), (2, 'two');
SELECT * FROM copy4 ORDER BY 1;
CREATE TABLE like1 (LIKE src);
INSERT INTO like1 VALUES (1, NULL, 1);
INSERT INTO like1 (a) VALUES (1);
CREATE TABLE like2 (LIKE src INCLUDING ALL, extra int);
INSERT INTO like2 (a) VALUES (1) RETURNING *;
INSERT INTO like2 (a) VALUES (1);
CREATE TEMP TABLE public.bad (a int);
-- differs: other ways to make a table
CREATE UNLOGGED TABLE ul (a int);
-- differs: other ways to make a table
INSERT INTO ul VALUES (1);
COMMENT ON TABLE src IS 'the source';
COMMENT ON COLUMN src.a IS 'the key';
SELECT obj_description('src'::regclass), col_description('src'::regclass, 1), col_description('src'::regclass, 2);
COMMENT ON TABLE src IS NULL;
SELECT obj_description('src'::regclass, 'pg_class');
COMMENT ON TABLE nope IS 'x';
COMMENT ON COLUMN src.nope IS 'x';
COMMENT ON CONSTRAINT src_pkey ON src IS 'pk';
COMMENT ON SCHEMA public IS 'ours';
SELECT obj_description('public'::regnamespace, 'pg_namespace');
DISCARD TEMP;
SELECT * FROM k;
DISCARD ALL;
