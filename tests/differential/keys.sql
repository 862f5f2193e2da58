-- What the catalogs say of foreign keys and generated columns; writes in WITH.
CREATE TABLE parent (id int PRIMARY KEY, code text UNIQUE, v int);
CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES parent, note text);
WITH gone AS (DELETE FROM parent WHERE id = 50 RETURNING id) INSERT INTO child SELECT 50, id FROM gone;
SELECT conname, contype, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' ORDER BY conname, conrelid::regclass::text;
CREATE TABLE g (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED);
-- differs: types of CHECK and generated expressions
CREATE TABLE gbad (a int, b int GENERATED ALWAYS AS ('x'::text) STORED);
SELECT attname, attgenerated FROM pg_attribute WHERE attrelid = 'g'::regclass AND attnum > 0 ORDER BY attnum;
SELECT column_name, is_generated, generation_expression FROM information_schema.columns WHERE table_name = 'g' AND column_name = 'b';
