-- What drivers and tools read from the catalogs, that other files leave out.

-- Vectors count from 0, lists from 1.
CREATE TABLE pair (a int, b text, c int, PRIMARY KEY (c, a));
CREATE INDEX pair_b_a ON pair (b, a);
SELECT generate_subscripts(indkey, 1) FROM pg_index WHERE indrelid = 'pair'::regclass AND indisprimary ORDER BY 1;
SELECT array_lower(indkey, 1), array_upper(indkey, 1), array_length(indkey, 1), indkey[0], indkey[1], indkey[2] FROM pg_index WHERE indexrelid = 'pair_b_a'::regclass;
SELECT a.attname FROM (SELECT indrelid, indkey, generate_subscripts(indkey, 1) AS place FROM pg_index WHERE indrelid = 'pair'::regclass AND indisprimary) i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[i.place] ORDER BY i.place;
SELECT k FROM pg_index i, generate_subscripts(i.indkey, 1) AS k WHERE i.indexrelid = 'pair_b_a'::regclass ORDER BY k;
SELECT generate_subscripts(conkey, 1) FROM pg_constraint WHERE conname = 'pair_pkey' ORDER BY 1;
SELECT array_lower(conkey, 1), array_upper(conkey, 1) FROM pg_constraint WHERE conname = 'pair_pkey';
SELECT u.n, u.k FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS u(k, n) WHERE i.indexrelid = 'pair_b_a'::regclass ORDER BY 1;
SELECT generate_subscripts(ARRAY['a', 'b', 'c'], 1, true);

-- Default privileges.
CREATE ROLE reader;
CREATE SCHEMA shelf;
ALTER DEFAULT PRIVILEGES IN SCHEMA shelf GRANT SELECT ON TABLES TO reader;
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO reader WITH GRANT OPTION;
SELECT pg_get_userbyid(d.defaclrole)::text AS by, n.nspname, d.defaclobjtype, d.defaclacl::text FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace ORDER BY 2, 3;
ALTER DEFAULT PRIVILEGES IN SCHEMA shelf REVOKE SELECT ON TABLES FROM reader;
SELECT d.defaclobjtype FROM pg_default_acl d ORDER BY 1;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON SEQUENCES FROM reader;
SELECT count(*) FROM pg_default_acl;
DROP SCHEMA shelf;
DROP ROLE reader;

-- Types and relations by names in quotes, in lists, and passed on by queries within.
SELECT '"pg_catalog"."int8"'::regtype::text AS a, to_regtype('"pg_catalog"."bool"')::text AS b, 'pg_catalog."char"'::regtype::text AS c, '"text"'::regtype::oid AS d;
-- compare: state
SELECT '"integer"'::regtype;
SELECT to_regtype('"nowhere"."int4"') IS NULL;
SELECT a.attname FROM pg_attribute a WHERE a.attrelid = 'pair'::regclass AND a.attnum > 0 AND a.atttypid = ANY ('{int,int8}'::regtype[]) ORDER BY 1;
SELECT a.attname FROM pg_attribute a WHERE a.attnum = 1 AND a.attrelid = ANY (ARRAY['pair', 'public.pair_b_a']::regclass[]) ORDER BY 1;
SELECT c.relname FROM pg_class c JOIN (SELECT 'pair'::regclass AS own) x ON x.own = c.oid;
SELECT x.own::oid = c.oid FROM pg_class c, (SELECT 'public.pair'::regclass AS own) x WHERE c.relname = 'pair';
WITH listed (rel, names) AS (VALUES ('public.pair'::pg_catalog.regclass, NULL::pg_catalog.text)) SELECT c.relname, ns.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace ns ON c.relnamespace OPERATOR(pg_catalog.=) ns.oid JOIN listed ON listed.rel OPERATOR(pg_catalog.=) c.oid;

-- Rights on a table and on its column are told once; a right on a column alone is none on the table.
CREATE ROLE looker;
CREATE TABLE seen (a int, b int);
GRANT SELECT ON seen TO looker;
GRANT SELECT (a), UPDATE (b) ON seen TO looker;
SELECT column_name, privilege_type FROM information_schema.column_privileges WHERE table_name = 'seen' AND grantee = 'looker' ORDER BY 1, 2;
SELECT column_name, privilege_type FROM information_schema.role_column_grants WHERE table_name = 'seen' AND grantee = 'looker' ORDER BY 1, 2;
CREATE TABLE seen_in_part (a int, b int);
GRANT SELECT (a) ON seen_in_part TO looker;
SELECT relacl::text FROM pg_class WHERE relname = 'seen_in_part';
SELECT attacl::text FROM pg_attribute WHERE attrelid = 'seen_in_part'::regclass AND attname = 'a';
DROP TABLE seen, seen_in_part;
DROP ROLE looker;

-- Arrays in the standard's words.
CREATE TABLE lists (a integer array, b text ARRAY[3], c varchar(5) array NOT NULL, d timestamp with time zone array, e numeric(6,2) array);
INSERT INTO lists VALUES ('{1,2}', ARRAY['x'], '{ab}', '{}', '{1.5}');
SELECT a, b, c, d, e FROM lists;
SELECT '{3,4}'::bigint array, CAST('{t}' AS boolean array);

-- Parameters beside relations that are empty, in EXPLAIN and in CREATE TABLE AS.
PREPARE gone(text) AS SELECT schemaname FROM pg_matviews WHERE schemaname = $1;
EXECUTE gone('public');
CREATE TABLE made AS SELECT 'x'::text AS a;
CREATE VIEW refused AS SELECT $1::int;
