-- The row a cursor stands on, changed and returned.
CREATE TABLE cur (id int PRIMARY KEY, s varchar(9), n numeric(5,2));
INSERT INTO cur VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3);
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM cur ORDER BY id FOR UPDATE;
FETCH 1 FROM c;
UPDATE cur SET s = 'first', n = n + 0.5 WHERE CURRENT OF c RETURNING *;
FETCH 1 FROM c;
UPDATE cur AS k SET s = upper(k.s) WHERE CURRENT OF c RETURNING k.s AS loud, length(k.s), k.n;
DELETE FROM cur WHERE CURRENT OF c RETURNING id, s;
FETCH NEXT FROM c;
DELETE FROM cur WHERE CURRENT OF c;
SELECT * FROM cur ORDER BY id;
ROLLBACK;
UPDATE cur SET s = 'x' WHERE CURRENT OF nobody RETURNING id;
UPDATE cur SET nothing = 'x' WHERE CURRENT OF nobody RETURNING id;
UPDATE cur SET s = 'x' WHERE CURRENT OF nobody RETURNING missing;
