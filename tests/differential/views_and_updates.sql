-- Views: creation, use, updating through them, dependencies.
CREATE TABLE base (id int PRIMARY KEY, a int, b text, secret int DEFAULT 42);
INSERT INTO base VALUES (1, 10, 'x'), (2, 20, 'y'), (3, 30, 'x');
CREATE VIEW v1 AS SELECT id, a, b FROM base WHERE a > 10;
SELECT * FROM v1 ORDER BY id;
SELECT b, count(*) FROM v1 GROUP BY b ORDER BY b;
SELECT v.id, base.secret FROM v1 v JOIN base USING (id) ORDER BY 1;
CREATE VIEW v1 AS SELECT 1;
CREATE OR REPLACE VIEW v1 AS SELECT id, a, b, a * 2 AS double FROM base WHERE a > 10;
SELECT double FROM v1 ORDER BY id;
CREATE OR REPLACE VIEW v1 AS SELECT id, b FROM base;
CREATE OR REPLACE VIEW v1 AS SELECT id AS other, a, b, a * 2 AS double FROM base;
CREATE VIEW v2 (k, total) AS SELECT b, sum(a) FROM base GROUP BY b;
SELECT * FROM v2 ORDER BY k;
SELECT total FROM v2 WHERE k = 'x';
CREATE VIEW v3 AS SELECT v1.id, v2.total FROM v1 JOIN v2 ON v1.b = v2.k;
SELECT * FROM v3 ORDER BY id;
CREATE VIEW v4 AS WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT n FROM t;
SELECT * FROM v4 ORDER BY n;
CREATE VIEW vbad AS SELECT nope FROM base;
CREATE VIEW vbad AS SELECT 1 AS a, 2 AS a;
CREATE VIEW vbad (x, y, z) AS SELECT 1, 2;
CREATE VIEW vbad AS SELECT * FROM nope;
CREATE VIEW base AS SELECT 1;
-- differs: writing through views
INSERT INTO v1 (id, a, b) VALUES (4, 40, 'z') RETURNING id, a;
-- differs: writing through views
UPDATE v1 SET a = a + 1 WHERE id = 4 RETURNING a;
-- differs: writing through views
UPDATE v1 SET double = 1 WHERE id = 4;
-- differs: writing through views
DELETE FROM v1 WHERE id = 4 RETURNING b;
SELECT * FROM base ORDER BY id;
-- differs: writing through views
INSERT INTO v2 VALUES ('q', 1);
-- differs: writing through views
UPDATE v2 SET total = 1;
-- differs: writing through views
DELETE FROM v3;
-- differs: writing through views
CREATE VIEW vcheck AS SELECT * FROM base WHERE a > 100 WITH CHECK OPTION;
-- differs: writing through views
INSERT INTO vcheck VALUES (9, 5, 'no');
-- differs: writing through views
INSERT INTO vcheck VALUES (9, 500, 'yes');
-- differs: writing through views
SELECT id FROM vcheck;
-- differs: writing through views
DROP TABLE base;
-- differs: writing through views
ALTER TABLE base DROP COLUMN a;
ALTER TABLE base ADD COLUMN extra int;
-- differs: writing through views
SELECT * FROM vcheck;
ALTER VIEW v4 RENAME TO v4b;
SELECT count(*) FROM v4b;
-- differs: writing through views
SELECT table_name, is_updatable FROM information_schema.views WHERE table_schema = 'public' ORDER BY 1;
-- differs: writing through views
SELECT viewname FROM pg_views WHERE schemaname = 'public' ORDER BY 1;
DROP VIEW v1;
DROP VIEW base;
DROP TABLE v2;
DROP VIEW nope;
DROP VIEW IF EXISTS nope, v4b;
DROP VIEW v1 CASCADE;
SELECT * FROM v3;
-- differs: writing through views
DROP TABLE base CASCADE;
-- differs: materialized views
CREATE MATERIALIZED VIEW mv AS SELECT 1 AS a;
-- differs: materialized views
SELECT * FROM mv;
-- differs: materialized views
REFRESH MATERIALIZED VIEW mv;
