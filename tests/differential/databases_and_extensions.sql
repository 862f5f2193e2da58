-- What setup scripts say of the database and of extensions.
CREATE EXTENSION IF NOT EXISTS plpgsql;
CREATE EXTENSION IF NOT EXISTS "plpgsql" WITH SCHEMA pg_catalog CASCADE;
CREATE EXTENSION plpgsql;
COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL procedural language';
COMMENT ON EXTENSION nothing IS 'x';
SELECT extname, extversion, extrelocatable, nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace;
SELECT name, default_version, installed_version FROM pg_available_extensions WHERE name = 'plpgsql';
SELECT obj_description(oid, 'pg_extension') FROM pg_extension WHERE extname = 'plpgsql';
DROP EXTENSION IF EXISTS nothing, nothing_either;
DROP EXTENSION nothing;
-- differs: user-defined types and code
CREATE EXTENSION no_such_extension;
-- differs: user-defined types and code
CREATE DATABASE another;
DROP DATABASE IF EXISTS no_such_database;
DROP DATABASE IF EXISTS no_such_database WITH (FORCE);
DROP DATABASE no_such_database;
BEGIN;
DROP DATABASE IF EXISTS no_such_database;
ROLLBACK;
ALTER DATABASE no_such_database SET timezone TO 'UTC';
ALTER DATABASE no_such_database RESET ALL;
ALTER ROLE orbit IN DATABASE no_such_database SET timezone TO 'UTC';
CREATE ROLE app6_owner;
SET ROLE app6_owner;
ALTER ROLE ALL SET work_mem = '8MB';
RESET ROLE;
DROP ROLE app6_owner;
ALTER ROLE ALL SET no_such_setting = 1;
ALTER ROLE ALL SET my.note = 'x';
SELECT setrole, setconfig FROM pg_db_role_setting;
ALTER ROLE ALL RESET my.note;
SELECT count(*) FROM pg_db_role_setting;
ALTER ROLE orbit IN DATABASE no_such_database RENAME TO other;
-- Triggers of users there are none; those that check foreign keys stay.
CREATE TABLE triggered (a int);
ALTER TABLE triggered DISABLE TRIGGER USER;
ALTER TABLE triggered ENABLE TRIGGER USER;
ALTER TABLE triggered ENABLE TRIGGER ALL;
-- What there is none of can be dropped if it exists.
DROP TYPE IF EXISTS mood, public.other_mood CASCADE;
DROP TYPE mood;
DROP DOMAIN IF EXISTS positive;
DROP DOMAIN positive;
DROP MATERIALIZED VIEW IF EXISTS totals;
DROP MATERIALIZED VIEW totals;
DROP TRIGGER IF EXISTS touched ON triggered;
DROP TRIGGER IF EXISTS touched ON no_such_table;
DROP TRIGGER touched ON triggered;
DROP TRIGGER touched ON no_such_table;
DROP RULE IF EXISTS ruled ON triggered;
DROP RULE ruled ON triggered;
DROP POLICY IF EXISTS own_rows ON triggered;
DROP POLICY own_rows ON triggered;
DROP FUNCTION IF EXISTS no_such_function(), nor_this(text);
DROP FUNCTION no_such_function();
DROP PROCEDURE IF EXISTS no_such_procedure();
DROP PUBLICATION IF EXISTS all_of_it;
DROP PUBLICATION all_of_it;
DROP EVENT TRIGGER IF EXISTS on_ddl;
DROP STATISTICS IF EXISTS of_two;
DROP COLLATION IF EXISTS german;
DROP SERVER IF EXISTS elsewhere;
-- And is said to be none when it is made.
-- differs: user-defined types and code
CREATE AGGREGATE total (int) (sfunc = int4pl, stype = int);
-- differs: user-defined types and code
CREATE CAST (int AS text) WITH INOUT;
-- differs: user-defined types and code
CREATE STATISTICS of_two ON a, b FROM triggered;
SHOW max_prepared_transactions;
SHOW shared_preload_libraries;
SHOW archive_mode;
-- uuid-ossp, whose functions are there.
CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
SELECT uuid_generate_v5(uuid_ns_url(), 'http://www.postgresql.org'), uuid_generate_v3(uuid_ns_dns(), 'postgresql.org');
SELECT uuid_nil(), uuid_ns_dns(), uuid_ns_url(), uuid_ns_oid(), uuid_ns_x500();
SELECT uuid_generate_v1() <> uuid_generate_v1(), uuid_generate_v1()::text ~ '^.{14}1', uuid_generate_v1mc()::text ~ '^.{14}1', uuid_generate_v4()::text ~ '^.{14}4';
SELECT uuid_generate_v5(uuid_ns_oid(), NULL), uuid_generate_v5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', repeat('x', 200));
CREATE TABLE with_uuid (id uuid DEFAULT uuid_generate_v1() PRIMARY KEY, k uuid DEFAULT uuid_generate_v5(uuid_ns_dns(), 'k'), a int);
INSERT INTO with_uuid (a) VALUES (1), (2);
SELECT count(DISTINCT id), min(k::text) FROM with_uuid;
