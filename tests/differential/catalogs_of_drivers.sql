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
SELECT pg_get_userbyid(d.defaclrole), n.nspname, d.defaclobjtype, d.defaclacl FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace ORDER BY 2, 3;
ALTER DEFAULT PRIVILEGES IN SCHEMA shelf REVOKE SELECT ON TABLES FROM reader;
SELECT d.defaclobjtype FROM pg_default_acl d ORDER BY 1;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON SEQUENCES FROM reader;
SELECT count(*) FROM pg_default_acl;
DROP SCHEMA shelf;
DROP ROLE reader;
