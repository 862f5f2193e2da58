-- Errors: syntax, names, types, ambiguity; the words people search for.
CREATE TABLE t (id int PRIMARY KEY, name text, "Weird Col" int);
SELEC 1;
-- differs: syntax errors
SELECT FROM WHERE;
-- differs: syntax errors
SELECT * FORM t;
SELECT 1 +;
SELECT (1;
SELECT 1);
SELECT * FROM t WHERE;
-- differs: syntax errors
SELECT * FROM t GROUP name;
-- differs: syntax errors
SELECT * FROM t ORDER name;
INSERT INTO t (1) VALUES (1);
INSERT INTO t VALUES 1;
UPDATE t name = 1;
-- differs: syntax errors
DELETE t;
CREATE TABLE (a int);
-- differs: syntax errors
CREATE TABLE x (a);
CREATE TABLE x (a int,);
DROP t;
CREATE t (a int);
SELECT 1 2;
SELECT a b c;
-- differs: literals that touch
SELECT 1a;
-- differs: literals that touch
SELECT [1];
SELECT {1};
SELECT 1 FROM t t t;
SELECT * FROM t JOIN;
-- differs: syntax errors
SELECT * FROM t LEFT t2;
SELECT * FROM t x, t x;
SELECT CASE WHEN true;
-- differs: syntax errors
SELECT CASE END;
SELECT CAST(1 AS);
SELECT 1::;
SELECT 1 IN ();
SELECT 1 BETWEEN 2;
SELECT NOT;
-- differs: syntax errors
SELECT * t;
SELECT DISTINCT ON id FROM t;
SELECT nope;
SELECT t.nope FROM t;
SELECT x.id FROM t;
SELECT idd FROM t;
SELECT nmae FROM t;
SELECT Name, ID FROM T;
SELECT "Name" FROM t;
SELECT weird_col FROM t;
SELECT * FROM tt;
SELECT * FROM "T";
SELECT id, count(*) FROM t;
SELECT nope(1);
SELECT count(1, 2);
SELECT lower(1, 2);
SELECT 1 = 'a';
SELECT 'a'::int;
SELECT 1 || 2;
SELECT name + 1 FROM t;
SELECT -name FROM t;
SELECT NOT 1;
SELECT 1 AND true;
SELECT * FROM t WHERE 1;
SELECT * FROM t WHERE name;
SELECT * FROM t WHERE id = 'x';
SELECT * FROM t WHERE id = name;
SELECT * FROM t WHERE id IN ('a', 'b');
SELECT * FROM t WHERE id IN (1, 'x');
SELECT * FROM t WHERE id LIKE 'a';
SELECT * FROM t WHERE id > ALL (1);
SELECT CASE WHEN 1 THEN 2 END;
SELECT CASE WHEN true THEN 1 ELSE 'a' END;
SELECT CASE 1 WHEN 'a' THEN 1 END;
SELECT coalesce(1, 'a');
SELECT coalesce();
SELECT greatest(1, 'a');
SELECT nullif(1, 'a');
SELECT CAST('x' AS nope);
SELECT 'x'::nope;
SELECT 1::date;
SELECT true::date;
SELECT '2024-01-01'::date::int;
SELECT now()::int;
SELECT ARRAY[1]::int;
SELECT (SELECT id, name FROM t);
SELECT * FROM (SELECT 1, 2) x (a, b, c);
SELECT a.* FROM t;
SELECT *;
SELECT count(*) FROM t WHERE id = (SELECT 1, 2);
SELECT id AS x FROM t WHERE x = 1;
SELECT id AS x FROM t GROUP BY x HAVING x > 1;
SELECT id AS x FROM t ORDER BY x + 1;
SELECT generate_series(1, 2) FROM t WHERE generate_series(1, 2) > 1;
SELECT 1 LIMIT 'x';
-- differs: syntax errors
SELECT 1 LIMIT 1, 2;
SELECT 1 FETCH FIRST;
SELECT sum(DISTINCT) FROM t;
SELECT max(*) FROM t;
SELECT lower(*) FROM t;
SELECT lower(DISTINCT name) FROM t;
SELECT lower(VARIADIC name) FROM t;
SELECT id FROM t UNION SELECT name FROM t;
SELECT id FROM t UNION SELECT id, name FROM t;
SELECT 1.2.3;
-- differs: operators and numbers PostgreSQL does not read
SELECT 0x1F;
-- differs: operators and numbers PostgreSQL does not read
SELECT 1_000;
-- differs: literals that touch
SELECT 1e;
-- differs: parameters without values
SELECT $1;
SELECT @x;
-- differs: operators and numbers PostgreSQL does not read
SELECT :x;
-- differs: operators and numbers PostgreSQL does not read
SELECT ?;
SELECT 1 ? 2;
-- differs: escapes in strings
SELECT E'\u12';
-- differs: escapes in strings
SELECT U&'\12';
-- differs: escapes in strings
SELECT E'\xff';
SELECT 'ok' AS "select", 1 AS user;
SELECT 1 AS select;
-- differs: syntax not read
SELECT 1 select;
SELECT user, current_user = session_user, current_catalog;
-- differs: syntax errors
SELECT table FROM t;
-- differs: syntax errors
SELECT order FROM t;
SELECT * FROM generate_series(1, 3) AS g (a, b);
SELECT * FROM lower('A');
SELECT * FROM count(1);
SELECT generate_series(1, 3, 0);
SELECT * FROM generate_series(1, 'x');
INSERT INTO t (id, name) SELECT 1;
INSERT INTO t DEFAULT VALUES;
INSERT INTO t VALUES (DEFAULT, DEFAULT);
UPDATE t SET id = (SELECT 1, 2);
UPDATE t SET (id, name) = (1, 2, 3);
UPDATE t SET id = id.x;
DELETE FROM t WHERE id = ANY;
EXPLAIN nope;
EXPLAIN SELECT nope;
VACUUM nope;
ANALYZE nope;
CREATE INDEX ON nope (a);
CREATE INDEX ON t (nope);
CREATE INDEX ON t (count(*));
-- differs: access methods
CREATE INDEX i ON t USING nope (id);
CREATE INDEX i ON t (id);
CREATE INDEX i ON t (name);
CREATE INDEX IF NOT EXISTS i ON t (name);
DROP INDEX t_pkey;
DROP INDEX t;
DROP TABLE i;
DROP INDEX nope;
DROP INDEX i;
-- differs: user-defined types and code
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
-- differs: user-defined types and code
CREATE TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f();
-- differs: user-defined types and code
CREATE TYPE mood AS ENUM ('sad', 'ok');
-- differs: user-defined types and code
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
-- differs: user-defined types and code
CREATE EXTENSION nope;
-- differs: user-defined types and code
CREATE DATABASE orbit;
DO $$ BEGIN END $$;
-- differs: user-defined types and code
CALL nope();
