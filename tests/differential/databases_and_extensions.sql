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
