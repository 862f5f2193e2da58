-- DO with records, FOR over queries and EXECUTE: what scripts do to each table of a schema.
CREATE TABLE one (id int PRIMARY KEY, v text);
CREATE TABLE "Two words" (id int PRIMARY KEY, one int REFERENCES one (id));
INSERT INTO one VALUES (1, 'a'), (2, 'it''s'), (3, NULL);
CREATE TABLE seen (name text, n numeric, at date);
DO $$ DECLARE r RECORD; BEGIN FOR r IN (SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename) LOOP EXECUTE 'INSERT INTO seen (name) SELECT ' || quote_literal(r.tablename) || ' FROM ' || quote_ident(r.tablename) || ' LIMIT 1'; END LOOP; END; $$;
SELECT * FROM seen ORDER BY name;
-- Values of other types, NULL, conditions, loops in loops.
DO $$ DECLARE r record; s record; BEGIN DELETE FROM seen; FOR r IN SELECT id, v, id * 1.5 AS x, date '2024-01-01' + id AS d FROM one ORDER BY id LOOP IF r.v IS NULL THEN INSERT INTO seen VALUES ('none', r.x, r.d); ELSE FOR s IN SELECT g FROM generate_series(1, r.id) g LOOP INSERT INTO seen VALUES (r.v || s.g, r.x + s.g, r.d); END LOOP; END IF; END LOOP; END $$;
SELECT * FROM seen ORDER BY name, n;
-- ActiveRecord's check of foreign keys behind its fixtures.
do $$ declare r record; BEGIN FOR r IN ( SELECT FORMAT( 'UPDATE pg_catalog.pg_constraint SET convalidated=false WHERE conname = ''%1$I'' AND connamespace::regnamespace = ''%2$I''::regnamespace; ALTER TABLE %2$I.%3$I VALIDATE CONSTRAINT %1$I;', constraint_name, table_schema, table_name ) AS constraint_check FROM information_schema.table_constraints WHERE constraint_type = 'FOREIGN KEY' ) LOOP EXECUTE (r.constraint_check); END LOOP; END; $$;
-- What fails undoes all of it.
DO $$ DECLARE r record; BEGIN FOR r IN SELECT id FROM one ORDER BY id LOOP DELETE FROM seen; PERFORM 1 / (r.id - 2); END LOOP; END $$;
SELECT count(*) FROM seen;
-- compare: state
DO $$ DECLARE r record; BEGIN FOR r IN SELECT id FROM one LOOP PERFORM r.nothing; END LOOP; END $$;
-- compare: state
DO $$ DECLARE r record; BEGIN FOR r IN SELECT id FROM one LOOP EXECUTE NULL; END LOOP; END $$;
DO $$ DECLARE r record; BEGIN FOR r IN SELECT tablename AS t FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'one' LOOP EXECUTE format('DROP TABLE IF EXISTS %I', r.t); END LOOP; END $$;
SELECT tablename FROM pg_tables WHERE schemaname = 'public';
