-- Types changed together with defaults, keys written twice, numbers of columns.
CREATE TABLE re (a text DEFAULT 'none', b varchar(9) DEFAULT 'ab' || 'cdef', c int DEFAULT 3 + 4, d text DEFAULT '7');
INSERT INTO re VALUES ('abc', 'b', 1, '1');
ALTER TABLE re ALTER a TYPE bigint;
ALTER TABLE re ALTER a TYPE bigint USING length(a);
ALTER TABLE re ALTER a DROP DEFAULT, ALTER a TYPE bigint USING length(a);
ALTER TABLE re ALTER a SET DEFAULT 5, ALTER a TYPE numeric(6,1);
ALTER TABLE re ALTER b TYPE varchar(3);
ALTER TABLE re ALTER c TYPE numeric(7,2);
ALTER TABLE re ALTER d DROP DEFAULT, ALTER d TYPE int USING d::int + 1, ALTER d SET DEFAULT 9;
INSERT INTO re (c) VALUES (1);
ALTER TABLE re ALTER b DROP DEFAULT;
INSERT INTO re DEFAULT VALUES;
SELECT * FROM re ORDER BY c, d;

CREATE TABLE twice (id int UNIQUE, a int, CONSTRAINT mine UNIQUE (id), UNIQUE (a), UNIQUE (id, a));
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'twice'::regclass ORDER BY conname;
CREATE TABLE thrice (id int PRIMARY KEY UNIQUE, a int UNIQUE, UNIQUE (a), UNIQUE NULLS NOT DISTINCT (a), UNIQUE (a) DEFERRABLE);
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'thrice'::regclass ORDER BY conname;
CREATE TABLE bad (id int PRIMARY KEY, PRIMARY KEY (id));

CREATE TABLE gap (a int, b text, c int NOT NULL, d varchar(5) UNIQUE, e int CHECK (e > 0));
COMMENT ON COLUMN gap.d IS 'the fourth';
ALTER TABLE gap DROP COLUMN b;
ALTER TABLE gap ADD COLUMN f date DEFAULT '2024-01-01';
ALTER TABLE gap DROP COLUMN a;
CREATE INDEX gap_f ON gap (f, c);
SELECT attnum, attname, atttypid, attisdropped, attnotnull, atthasdef, atttypmod FROM pg_attribute WHERE attrelid = 'gap'::regclass AND attnum > 0 ORDER BY attnum;
SELECT column_name, ordinal_position, dtd_identifier FROM information_schema.columns WHERE table_name = 'gap' ORDER BY 2;
SELECT conname, conkey FROM pg_constraint WHERE conrelid = 'gap'::regclass ORDER BY conname;
SELECT relnatts FROM pg_class WHERE relname = 'gap';
SELECT indkey::text FROM pg_index WHERE indexrelid = 'gap_f'::regclass;
SELECT adnum, pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'gap'::regclass;
SELECT objsubid, description FROM pg_description WHERE objoid = 'gap'::regclass;
SELECT col_description('gap'::regclass, 4), col_description('gap'::regclass, 2);
SELECT has_column_privilege('gap', 3::smallint, 'SELECT');
INSERT INTO gap (c, d, e) VALUES (1, 'x', 1) RETURNING *;
SELECT * FROM gap;
CREATE TABLE ref (g varchar(5) REFERENCES gap (d));
SELECT conkey, confkey FROM pg_constraint WHERE conrelid = 'ref'::regclass;

-- Messages below the level asked for are held back.
SET client_min_messages = warning;
DROP TABLE IF EXISTS absent;
CREATE TABLE IF NOT EXISTS gap (a int);
COMMIT;
SET client_min_messages = error;
ROLLBACK;
DROP VIEW IF EXISTS absent;
SET client_min_messages = log;
DROP TABLE IF EXISTS absent;
SET client_min_messages = quiet;
RESET client_min_messages;
DROP TABLE IF EXISTS absent;
