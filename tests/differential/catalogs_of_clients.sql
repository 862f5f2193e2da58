-- What drivers and tools ask the catalogs, in shapes that are theirs alone.
CREATE SCHEMA "Odd Place";
CREATE TABLE "Odd Place"."Odd ""Name" ("select" int, "Mixed Case" text, c int, PRIMARY KEY ("select", c));
CREATE TABLE holds (id int PRIMARY KEY, a int, b int, CONSTRAINT to_odd FOREIGN KEY (b, a) REFERENCES "Odd Place"."Odd ""Name" (c, "select") ON DELETE CASCADE);
CREATE INDEX holds_down ON holds (b DESC, a);
CREATE VIEW "Odd Place".seen AS SELECT "Mixed Case" FROM "Odd Place"."Odd ""Name";
-- psql's \d: who refers to a table, its partitions' parents included.
SELECT conname, conrelid::pg_catalog.regclass::text AS ontable, pg_catalog.pg_get_constraintdef(oid, true) AS condef
  FROM pg_catalog.pg_constraint c
 WHERE confrelid IN (SELECT pg_catalog.pg_partition_ancestors('"Odd Place"."Odd ""Name"'::regclass)
                     UNION ALL VALUES ('"Odd Place"."Odd ""Name"'::pg_catalog.regclass))
       AND contype = 'f' AND conparentid = 0
 ORDER BY conname;
SELECT count(a) FROM (SELECT pg_partition_ancestors('holds'::regclass) AS a) x;
-- Columns that * doesn't show keep their names.
SELECT n.tableoid, nspname FROM pg_namespace n WHERE nspname = 'Odd Place';
SELECT tableoid, c.tableoid AS again, relname FROM pg_class c WHERE relname = 'holds';
-- Vectors count from 0, as columns and when passed on.
SELECT i.indkey, i.indoption, i.indkey[0], i.indkey[1], i.indoption[0] FROM pg_index i WHERE indexrelid = 'holds_down'::regclass;
SELECT t.keys[t.n - 1] AS key, t.options[t.n - 1] & 1 AS down FROM (SELECT i.indkey AS keys, i.indoption AS options, generate_series(1, 2) AS n FROM pg_index i WHERE indexrelid = 'holds_down'::regclass) t ORDER BY t.n;
SELECT indkey::text, array_length(indkey, 1), 3 = ANY (indkey) FROM pg_index WHERE indexrelid = 'holds_down'::regclass;
SELECT proargtypes FROM pg_proc WHERE proname = 'lpad' ORDER BY pronargs;
-- Django's: names of the columns of a key, and what the first refers to.
SELECT c.conname, c.contype,
       (SELECT fkc.relname || '.' || fka.attname FROM pg_attribute AS fka JOIN pg_class AS fkc ON fka.attrelid = fkc.oid
         WHERE fka.attrelid = c.confrelid AND fka.attnum = c.confkey[1])
  FROM pg_constraint c JOIN pg_class cl ON c.conrelid = cl.oid WHERE cl.relname = 'holds' ORDER BY 1;
-- pg_dump's: a letter of a name, a function by its number, tables alone.
SELECT typname, typname[0], typname[0] = '_' AS is_list FROM pg_type WHERE typname IN ('int4', '_int4') ORDER BY 1;
SELECT count(oprcode::oid) > 100 FROM pg_operator;
SELECT id FROM ONLY public.holds;
UPDATE ONLY public.holds SET a = 1 WHERE false;
DELETE FROM ONLY (public.holds) WHERE false;
SELECT description FROM pg_description d JOIN pg_namespace n ON n.oid = d.objoid AND d.classoid = 'pg_namespace'::regclass WHERE nspname = 'public';
SELECT obj_description('public'::regnamespace, 'pg_namespace');
-- Views of views, found by recursion over the catalogs.
WITH RECURSIVE w AS (
  SELECT d.objid, d.refobjid, c.relkind FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class c ON c.oid = d.refobjid
   WHERE d.classid = 'pg_rewrite'::regclass AND r.ev_class = '"Odd Place".seen'::regclass AND d.refobjid <> r.ev_class
  UNION SELECT w.objid, d.refobjid, c.relkind FROM w JOIN pg_rewrite r ON r.ev_class = w.refobjid JOIN pg_depend d ON d.objid = r.oid JOIN pg_class c ON c.oid = d.refobjid)
SELECT DISTINCT refobjid::regclass::text, relkind FROM w;
-- Snapshots.
BEGIN;
SET TRANSACTION SNAPSHOT '00000003-0000001B-1';
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SET TRANSACTION SNAPSHOT 'nonsense';
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT 1;
SET TRANSACTION SNAPSHOT '00000003-0000001B-1';
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SAVEPOINT s;
SELECT pg_export_snapshot();
ROLLBACK;
-- JDBC's words, and functions that views are made of.
SELECT count(*) > 400, max(catcode), bool_or(barelabel) FROM pg_catalog.pg_get_keywords() WHERE word <> ALL ('{a,abs,select}'::text[]);
SELECT k.word, k.catcode::text, k.barelabel, k.catdesc, k.baredesc FROM pg_get_keywords() k WHERE k.word = 'select';
SELECT name FROM pg_show_all_settings() WHERE name = 'server_version';
SELECT pg_trigger_depth(), (SELECT oidvectortypes(proargtypes) FROM pg_proc WHERE proname = 'lpad' AND pronargs = 3);
-- Constants as their types write them; constraints that wait.
CREATE TABLE constants (id int PRIMARY KEY, t time DEFAULT '12:00', b bytea DEFAULT '\x00', d date DEFAULT '2020-1-2', u uuid DEFAULT 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
  i interval DEFAULT '36 hours', s text DEFAULT 'a\b''c', j jsonb DEFAULT '{"b":1, "a":2}', l int[] DEFAULT '{1, 2}', n date DEFAULT 'infinity',
  CONSTRAINT waits UNIQUE (d) DEFERRABLE, CONSTRAINT waits_long UNIQUE (t, d) DEFERRABLE INITIALLY DEFERRED);
SELECT attname, pg_get_expr(adbin, adrelid) FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum WHERE adrelid = 'constants'::regclass ORDER BY attnum;
SELECT column_name, column_default FROM information_schema.columns WHERE table_name = 'constants' ORDER BY ordinal_position;
SELECT conname, contype, condeferrable, condeferred, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'constants'::regclass ORDER BY conname;
SELECT indexrelid::regclass::text, indimmediate FROM pg_index WHERE indrelid = 'constants'::regclass ORDER BY 1;
SELECT constraint_name, is_deferrable, initially_deferred FROM information_schema.table_constraints WHERE table_name = 'constants' AND constraint_type <> 'CHECK' ORDER BY 1;
-- The standard's views of privileges, and of what constraints and generated columns look at.
CREATE SCHEMA usage_of;
CREATE TABLE usage_of.t (id int PRIMARY KEY, "A b" int CHECK ("A b" > 0 AND "A b" < 9), c int GENERATED ALWAYS AS ("A b" + id) STORED);
CREATE SEQUENCE usage_of.s;
CREATE ROLE usage_reader;
GRANT SELECT ON usage_of.t TO usage_reader WITH GRANT OPTION;
GRANT USAGE ON SEQUENCE usage_of.s TO usage_reader;
SELECT table_name, column_name, constraint_name FROM information_schema.constraint_column_usage WHERE table_schema = 'usage_of' ORDER BY 3, 2;
SELECT table_name, column_name, dependent_column FROM information_schema.column_column_usage WHERE table_schema = 'usage_of' ORDER BY 2;
SELECT grantor, grantee, privilege_type, is_grantable, with_hierarchy FROM information_schema.table_privileges WHERE table_schema = 'usage_of' ORDER BY 2, 3;
SELECT grantee, column_name, privilege_type, is_grantable FROM information_schema.column_privileges WHERE table_schema = 'usage_of' ORDER BY 1, 2, 3;
SELECT grantor, grantee, object_name, object_type, privilege_type, is_grantable FROM information_schema.usage_privileges WHERE object_schema = 'usage_of' ORDER BY 2;
SELECT column_name, is_updatable, is_generated FROM information_schema.columns WHERE table_schema = 'usage_of' AND table_name = 't' ORDER BY ordinal_position;
DROP SCHEMA usage_of CASCADE;
DROP ROLE usage_reader;
SELECT * FROM pg_timezone_names WHERE name IN ('UTC', 'Asia/Tokyo', 'Asia/Kolkata') ORDER BY name;
SELECT count(*) > 300 FROM pg_timezone_names;

-- Prisma's columns: of relations that have a row type.
CREATE TABLE of_prisma ("id" SERIAL NOT NULL, "email" TEXT NOT NULL, "at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, CONSTRAINT "of_prisma_pkey" PRIMARY KEY ("id"));
CREATE TABLE of_posts (id serial primary key, owner int constraint of_posts_owner references of_prisma (id), a int, b int, unique (a, b));
SELECT relname, reltype > 0 FROM pg_class WHERE relname LIKE 'of\_%' ORDER BY 1;
SELECT info.table_name, info.column_name, format_type(att.atttypid, att.atttypmod) FROM information_schema.columns info JOIN pg_attribute att ON att.attname = info.column_name JOIN (SELECT pg_class.oid, relname, pg_namespace.nspname as namespace FROM pg_class JOIN pg_namespace on pg_namespace.oid = pg_class.relnamespace AND pg_namespace.nspname = ANY ('{public}') WHERE reltype > 0) as oid on oid.oid = att.attrelid AND relname = info.table_name AND namespace = info.table_schema WHERE info.table_name LIKE 'of\_%' ORDER BY 1, ordinal_position;
-- Laravel's foreign keys: a subscript that is a bigint.
select c.conname as name, string_agg(la.attname, ',' order by conseq.ord) as columns, fc.relname as foreign_table, string_agg(fa.attname, ',' order by conseq.ord) as foreign_columns from pg_constraint c join pg_class tc on c.conrelid = tc.oid join pg_class fc on c.confrelid = fc.oid join lateral unnest(c.conkey) with ordinality as conseq(num, ord) on true join pg_attribute la on la.attrelid = c.conrelid and la.attnum = conseq.num join pg_attribute fa on fa.attrelid = c.confrelid and fa.attnum = c.confkey[conseq.ord] where c.contype = 'f' and tc.relname = 'of_posts' group by c.conname, fc.relname;
SELECT (ARRAY[1, 2, 3])[2::bigint], (ARRAY[1, 2, 3])[1.6], (ARRAY[1, 2, 3])[1::smallint:2::bigint], ('{a,b}'::text[])[3000000000];
SELECT (ARRAY[1, 2])[g] FROM generate_series(1::bigint, 3) g ORDER BY 1;
-- ActiveRecord's array types; Postgrex's types, with an empty list of columns.
SELECT t.typname FROM pg_type as t WHERE t.typinput = 'array_in(cstring,oid,integer)'::regprocedure AND t.typname IN ('_int4', '_text', 'int4') ORDER BY 1;
SELECT t.typname, ARRAY (SELECT a.atttypid FROM pg_attribute AS a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) FROM pg_type AS t WHERE t.typname IN ('int4', '_text') ORDER BY 1;
-- pgAdmin's roles: a recursion for each of them.
CREATE ROLE app6_group;
CREATE ROLE app6_one IN ROLE app6_group, pg_signal_backend;
SELECT roles.rolname, CASE WHEN 'pg_signal_backend' = ANY (ARRAY(WITH RECURSIVE cte AS (SELECT pg_roles.oid, pg_roles.rolname FROM pg_roles WHERE pg_roles.oid = roles.oid UNION ALL SELECT m.roleid, pgr.rolname FROM cte cte_1 JOIN pg_auth_members m ON m.member = cte_1.oid JOIN pg_roles pgr ON pgr.oid = m.roleid) SELECT rolname FROM cte)) THEN true ELSE false END AS can_signal_backend FROM pg_catalog.pg_roles AS roles WHERE rolname LIKE 'app6%' ORDER BY 1;
SELECT r.rolname, ARRAY(WITH RECURSIVE c(id, name) AS (SELECT p.oid, p.rolname FROM pg_roles p WHERE p.rolname <> 'x' AND r.oid = p.oid UNION SELECT m.roleid, g.rolname FROM c JOIN pg_auth_members m ON m.member = c.id JOIN pg_roles g ON g.oid = m.roleid) SELECT rolname FROM c JOIN pg_roles USING (oid)) FROM pg_roles r WHERE false;
DROP ROLE app6_one, app6_group;
-- What monitors read.
SELECT sum(numbackends) > 0, sum(xact_commit) > 0, sum(xact_rollback) >= 0 FROM pg_stat_database WHERE datname = current_database();
SELECT ssl, version, cipher, bits, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid();
SELECT gss_authenticated, principal, encrypted FROM pg_stat_gssapi WHERE pid = pg_backend_pid();
SELECT archived_count, failed_count FROM pg_stat_archiver;
SELECT checkpoints_timed >= 0, buffers_backend_fsync FROM pg_stat_bgwriter;
SELECT relname FROM pg_statio_user_tables WHERE relname LIKE 'of\_%' ORDER BY 1;
SELECT age(datfrozenxid) >= 0, mxid_age(datminmxid) >= 0 FROM pg_database WHERE datname = current_database();
SELECT max(age(relfrozenxid)) < 2000000000 FROM pg_class WHERE relkind = 'r';
SELECT pg_stat_get_live_tuples('of_posts'::regclass) >= 0, pg_stat_get_dead_tuples('of_posts'::regclass), pg_stat_get_last_vacuum_time('of_posts'::regclass);
SELECT count(pg_stat_get_numscans(indexrelid)) >= 0 FROM pg_index;
SELECT oid > 16383 FROM pg_database WHERE datname = current_database();
SELECT has_database_privilege(oid, 'CREATE'), shobj_description(oid, 'pg_database'), pg_database_size(oid) >= 0 FROM pg_database WHERE datname = current_database();
-- DataGrip's: ages of rows of the catalogs, versions of extensions.
WITH t AS (SELECT DISTINCT c.oid AS id, c.relname AS name FROM pg_catalog.pg_class c, pg_catalog.pg_attribute a WHERE c.relname LIKE 'of\_%' AND pg_catalog.age(a.xmin) <= coalesce(nullif(greatest(pg_catalog.age('1000'::varchar::xid), -1), -1), 2147483647) AND a.attrelid = c.oid) SELECT count(*) > 0 FROM t;
SELECT e.extname, extversion, array(SELECT unnest FROM unnest(available_versions) WHERE unnest > extversion) FROM pg_catalog.pg_extension e LEFT JOIN (SELECT name, array_agg(version) AS available_versions FROM pg_available_extension_versions() GROUP BY name) v ON e.extname = v.name;
SELECT age(5);

-- Names of types in a CASE, and beside pg_typeof.
SELECT a.attname, CASE a.atttypid WHEN 'int'::regtype THEN 'i' WHEN 'text'::regtype THEN 't' ELSE '?' END
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  WHERE c.relname = 'pg_database' AND a.attname IN ('oid', 'datname') ORDER BY 1;
SELECT CASE 23::oid WHEN 'int'::regtype THEN 1 ELSE 2 END;
SELECT pg_typeof(1) = 'int'::regtype, 'bigint'::regtype = pg_typeof(1), pg_typeof('x'::text) = 'text'::regtype;

-- One value in FROM, whatever function makes it.
SELECT count(*) FROM now();
SELECT n = now() FROM now() AS n;
SELECT * FROM coalesce(NULL, 2) AS c;
SELECT * FROM greatest(1, 3), upper('a') AS u;
SELECT t.x, c FROM (VALUES (1), (NULL)) t(x), coalesce(t.x, 7) AS c ORDER BY 2;
SELECT c.* FROM nullif(1, 1) AS c(value);
SELECT * FROM no_such_function(1);
SELECT * FROM count(1);
SELECT * FROM row_number();
-- Rails': does lower() take the column's type? Asked at each save of a model.
SELECT exists(SELECT * FROM pg_proc WHERE proname = 'lower' AND proargtypes = ARRAY['text'::regtype]::oidvector)
    OR exists(SELECT * FROM pg_proc INNER JOIN pg_cast ON ARRAY[casttarget]::oidvector = proargtypes WHERE proname = 'lower' AND castsource = 'text'::regtype);
SELECT exists(SELECT * FROM pg_proc WHERE proname = 'lower' AND proargtypes = ARRAY['integer'::regtype]::oidvector);
SELECT exists(SELECT * FROM pg_proc INNER JOIN pg_cast ON ARRAY[casttarget]::oidvector = proargtypes WHERE proname = 'lower' AND castsource = 'character varying'::regtype);
SELECT ARRAY['text'::regtype]::oidvector = '25'::oidvector;
SELECT proname FROM pg_proc WHERE proargtypes = '25 23' AND proname = 'left' OR proargtypes = '25 23'::oidvector AND proname = 'right' ORDER BY 1;
SELECT indexrelid::regclass::text FROM pg_index WHERE indkey = '2' AND indrelid = 'of_posts'::regclass ORDER BY 1;
-- Pony's.
CREATE TABLE of_spans (a interval day to second, b interval(3));
INSERT INTO of_spans VALUES ('1 year 2 days 03:04:05.6789', '1.23456 seconds') RETURNING *;
