-- BEGIN, savepoints, failed transactions, modes, prepared statements, settings.
CREATE TABLE t (id int PRIMARY KEY, v int);
BEGIN;
INSERT INTO t VALUES (1, 1);
ROLLBACK;
SELECT count(*) FROM t;
START TRANSACTION;
INSERT INTO t VALUES (1, 1);
SAVEPOINT a;
INSERT INTO t VALUES (2, 2);
SAVEPOINT b;
INSERT INTO t VALUES (1, 9);
SELECT 1;
ROLLBACK TO b;
SELECT count(*) FROM t;
ROLLBACK TO SAVEPOINT a;
RELEASE SAVEPOINT b;
ROLLBACK TO a;
RELEASE a;
COMMIT AND CHAIN;
SELECT count(*) FROM t;
END;
COMMIT;
ROLLBACK;
SAVEPOINT x;
RELEASE x;
ROLLBACK TO x;
BEGIN;
BEGIN;
SELECT 1 / 0;
SELECT 1;
INSERT INTO t VALUES (9, 9);
SAVEPOINT nope;
COMMIT;
SELECT count(*) FROM t;
BEGIN READ ONLY;
INSERT INTO t VALUES (3, 3);
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SHOW transaction_isolation;
SELECT count(*) FROM t;
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
ROLLBACK;
BEGIN;
SET TRANSACTION READ ONLY;
SHOW transaction_read_only;
CREATE TABLE no (a int);
ROLLBACK;
SET default_transaction_read_only = on;
-- differs: checks left out
INSERT INTO t VALUES (4, 4);
RESET default_transaction_read_only;
BEGIN;
CREATE TABLE made (a int);
INSERT INTO made VALUES (1);
SELECT * FROM made;
ROLLBACK;
SELECT * FROM made;
BEGIN; INSERT INTO t VALUES (10, 1); COMMIT;
-- only: simple
INSERT INTO t VALUES (11, 1); INSERT INTO t VALUES (11, 2); INSERT INTO t VALUES (12, 1);
SELECT id FROM t WHERE id > 9 ORDER BY id;
-- only: simple
SELECT 1; SELECT 2; SELECT nope; SELECT 3;
-- only: simple
BEGIN; INSERT INTO t VALUES (13, 1); ROLLBACK; SELECT count(*) FROM t WHERE id = 13;
PREPARE TRANSACTION 'x';
COMMIT PREPARED 'x';
PREPARE p AS SELECT $1::int + $2::int AS sum;
EXECUTE p (1, 2);
EXECUTE p (1);
EXECUTE p ('a', 2);
EXECUTE nope;
PREPARE p AS SELECT 1;
PREPARE ins (int, int) AS INSERT INTO t VALUES ($1, $2) RETURNING *;
EXECUTE ins (20, 21);
EXECUTE ins (20, 22);
PREPARE sel (int) AS SELECT * FROM t WHERE id = $1;
EXECUTE sel (20);
EXECUTE sel (NULL);
EXECUTE sel (1.6);
-- differs: utility statements
SELECT name, statement, parameter_types::text FROM pg_prepared_statements ORDER BY name;
DEALLOCATE p;
DEALLOCATE p;
DEALLOCATE ALL;
PREPARE bad AS SELECT $1;
PREPARE bad2 AS SELECT $1 + $2;
PREPARE bad3 AS SELECT nope;
PREPARE bad4 (nope) AS SELECT $1;
-- differs: syntax errors
SELECT $1;
SET work_mem = '8MB';
SHOW work_mem;
-- differs: checks left out
SET work_mem = 'lots';
SET nope = 1;
SHOW nope;
RESET work_mem;
SET LOCAL TimeZone = 'Asia/Tokyo';
BEGIN;
SET LOCAL TimeZone = 'Asia/Tokyo';
SHOW TimeZone;
ROLLBACK;
SHOW TimeZone;
BEGIN;
SET TimeZone = 'Asia/Tokyo';
ROLLBACK;
SHOW TimeZone;
-- differs: dates at their edges
SELECT current_setting('TimeZone'), current_setting('nope.nope', true), set_config('my.var', 'x', false), current_setting('my.var');
SELECT current_setting('nope');
SET my.other = 'y';
SHOW my.other;
SET statement_timeout = '1s';
SHOW statement_timeout;
-- differs: wording of errors
SET statement_timeout = -1;
RESET ALL;
SHOW statement_timeout;
SHOW server_encoding;
SHOW standard_conforming_strings;
-- differs: SQLSTATE of errors
SET client_encoding = 'nope';
SET extra_float_digits = 0;
SELECT 0.1::float8 + 0.2::float8, 1::float4 / 3;
RESET extra_float_digits;
LOCK TABLE t;
BEGIN;
LOCK TABLE t IN SHARE MODE;
LOCK TABLE nope;
ROLLBACK;
SELECT * FROM t WHERE id = 1 FOR UPDATE;
SELECT * FROM t WHERE id = 1 FOR SHARE NOWAIT;
-- differs: SQLSTATE of errors
SELECT count(*) FROM t FOR UPDATE;
-- differs: wording of errors
SELECT DISTINCT v FROM t FOR UPDATE;
-- differs: checks left out
SELECT * FROM t FOR UPDATE OF nope;
SELECT pg_advisory_lock(1), pg_try_advisory_lock(1), pg_advisory_unlock(1), pg_advisory_unlock(1), pg_advisory_unlock(1);
SELECT pg_try_advisory_xact_lock(5), pg_advisory_unlock_all();
LISTEN chan;
NOTIFY other, 'x';
UNLISTEN *;
