-- DO: statements behind conditions, as scripts use it.
CREATE TABLE made (id int PRIMARY KEY, name text, price numeric(8,2), tags text[], at date);
DO $$ BEGIN INSERT INTO made VALUES (1, 'a', 1, NULL, NULL); END $$;
DO 'BEGIN INSERT INTO made VALUES (2, ''b'', 1, NULL, NULL); END';
DO LANGUAGE plpgsql $$ BEGIN IF NOT EXISTS (SELECT 1 FROM made WHERE id = 3) THEN INSERT INTO made VALUES (3, 'c', 1, NULL, NULL); UPDATE made SET price = 2 WHERE id = 1; END IF; IF EXISTS (SELECT 1 FROM made WHERE id = 99) THEN DELETE FROM made; ELSIF (SELECT count(*) FROM made) = 3 THEN PERFORM id FROM made; UPDATE made SET name = 'three' WHERE id = 3; ELSE NULL; END IF; END $$;
SELECT id, name, price FROM made ORDER BY id;
DO $$ BEGIN IF (CASE WHEN true THEN false ELSE true END) THEN DELETE FROM made; ELSE IF true THEN UPDATE made SET price = 9 WHERE id = 2; END IF; END IF; END; $$;
SELECT id, name, price FROM made ORDER BY id;
-- compare: state
DO $$ BEGIN INSERT INTO made VALUES (4); INSERT INTO made VALUES (1); END $$;
SELECT count(*) FROM made;
-- compare: state
DO $$ BEGIN SELECT 1; END $$;
-- compare: state
DO $$ BEGIN SELECT nothing FROM made; END $$;
-- compare: state
DO $$ BEGIN IF true THEN NULL; END $$;
DO $$ BEGIN SET LOCAL work_mem = '1MB'; IF NULL THEN DELETE FROM made; END IF; END $$;
SELECT count(*) FROM made;
-- What INSERT ... SELECT says takes the columns' types.
INSERT INTO made (id, name, price, tags, at) SELECT id + 10, 'x', '12.5', '{a,b}', '2020-01-01' FROM made WHERE id = 1;
INSERT INTO made SELECT 20, 'y', '1', NULL, NULL;
INSERT INTO made SELECT 21, 'y', 'z', NULL, NULL;
INSERT INTO made (id, at) SELECT 22, 'never' FROM made WHERE id = 1;
SELECT * FROM made ORDER BY id;
CREATE VIEW shown AS SELECT id, name FROM made;
SELECT * FROM shown ORDER BY id LIMIT 1;
DROP VIEW shown;
DROP TABLE made;
