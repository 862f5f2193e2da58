-- An index serves expressions that are its own to the last digit: 1.0 and 1.00 are equal,
-- and their products are not shown alike.
CREATE TABLE prices (id int PRIMARY KEY, n numeric, f float8, g int);
INSERT INTO prices SELECT g, g, g, g FROM generate_series(1, 40) g;
CREATE INDEX prices_one ON prices ((n * 1.0)::text text_pattern_ops);
CREATE INDEX prices_text ON prices (((n * 1.0)::text));
SELECT id, n FROM prices WHERE (n * 1.0)::text = '5.0';
SELECT id, n FROM prices WHERE (n * 1.00)::text = '5.00';
SELECT id, n FROM prices WHERE (n * 1.00)::text = '5.0';
SELECT id, n FROM prices WHERE (n * 1.0)::text = '5.00';
SELECT count(*), max(id) FROM prices WHERE (n * 1.00)::text = '6.00';
SELECT count(*), max(id) FROM prices WHERE (n * 1.0)::text IN ('6.0', '7.00');
UPDATE prices SET g = -g WHERE (n * 1.00)::text = '7.00' RETURNING id, g;
DELETE FROM prices WHERE (n * 1.00)::text = '8.00' RETURNING id;
CREATE INDEX prices_partial ON prices (g) WHERE (n + 0.0)::text > '3';
SELECT id FROM prices WHERE g = 9 AND (n + 0.00)::text > '3';
SELECT id FROM prices WHERE g = 30 AND (n + 0.00)::text > '3';
SELECT id FROM prices WHERE g = 30 AND (n + 0.0)::text > '3';
-- A partial index of which the other spelling's condition has rows that its own lacks.
CREATE INDEX prices_shown ON prices (g) WHERE (n * 1.0)::text LIKE '%.0';
SELECT id FROM prices WHERE g = 31 AND (n * 1.00)::text LIKE '%.0';
SELECT id FROM prices WHERE g = 31 AND (n * 1.00)::text LIKE '%.00';
CREATE INDEX prices_lengths ON prices (length((n * 1.000)::text));
SELECT count(*) FROM prices WHERE length((n * 1.0)::text) = 3;
SELECT count(*) FROM prices WHERE length((n * 1.000)::text) = 5;
SELECT id FROM prices WHERE length((n * 1.0)::text) = 5 ORDER BY id;
-- The values of a float's two zeros.
CREATE INDEX prices_zero ON prices (((CASE WHEN g > 20 THEN '-0'::float8 ELSE f END)::text));
SELECT count(*) FROM prices WHERE (CASE WHEN g > 20 THEN '0'::float8 ELSE f END)::text = '0';
SELECT count(*) FROM prices WHERE (CASE WHEN g > 20 THEN '-0'::float8 ELSE f END)::text = '-0';
-- ON CONFLICT means the index of just that expression.
CREATE UNIQUE INDEX prices_unique ON prices ((n * 1.0));
INSERT INTO prices VALUES (100, 5) ON CONFLICT ((n * 1.0)) DO NOTHING;
INSERT INTO prices VALUES (100, 5) ON CONFLICT ((n * 1.00)) DO NOTHING;
INSERT INTO prices VALUES (100, 5.00) ON CONFLICT ((n * 1.0)) DO UPDATE SET g = 77 RETURNING id, n, g;
