-- SEARCH and CYCLE behind recursive WITH items.

CREATE TABLE tree (id int PRIMARY KEY, parent int, name text);
INSERT INTO tree VALUES (1, NULL, 'root'), (2, 1, 'b'), (10, 1, 'a'), (3, 2, 'd'), (11, 2, 'c'), (4, 10, 'f'), (5, 3, 'g');
CREATE TABLE graph (f int, t int, label text);
INSERT INTO graph VALUES (1, 2, 'a'), (1, 3, 'b'), (2, 3, 'c'), (1, 4, 'd'), (4, 5, 'e'), (5, 1, 'back'), (3, 3, 'self');

WITH RECURSIVE w(id, parent) AS (
  SELECT id, parent FROM tree WHERE parent IS NULL
  UNION ALL SELECT t.id, t.parent FROM tree t JOIN w ON t.parent = w.id
) SEARCH DEPTH FIRST BY id SET way
SELECT * FROM w ORDER BY way;

WITH RECURSIVE w(id, parent) AS (
  SELECT id, parent FROM tree WHERE parent IS NULL
  UNION ALL SELECT t.id, t.parent FROM tree t, w x WHERE t.parent = x.id
) SEARCH BREADTH FIRST BY id SET way
SELECT id, way FROM w ORDER BY way;

WITH RECURSIVE w AS (
  SELECT id, name, 0 AS depth FROM tree WHERE parent IS NULL
  UNION ALL SELECT t.id, t.name, depth + 1 FROM tree t JOIN w ON t.parent = w.id
) SEARCH DEPTH FIRST BY name, id SET way
SELECT repeat(' ', depth) || name AS shown, way FROM w ORDER BY way DESC;

WITH RECURSIVE w AS (
  SELECT id, name FROM tree WHERE parent IS NULL
  UNION ALL SELECT t.id, t.name FROM tree t JOIN w ON t.parent = w.id
) SEARCH BREADTH FIRST BY name SET n
SELECT name, n FROM w ORDER BY n;

WITH RECURSIVE g(f, t) AS (
  SELECT f, t FROM graph WHERE f = 1
  UNION ALL SELECT e.f, e.t FROM graph e JOIN g ON e.f = g.t
) CYCLE f, t SET again USING path
SELECT * FROM g ORDER BY path;

WITH RECURSIVE g(f, t) AS (
  SELECT f, t FROM graph
  UNION SELECT e.f, e.t FROM graph e, g s WHERE e.f = s.t
) CYCLE t SET again TO 'yes' DEFAULT 'no' USING path
SELECT f, t, again, path FROM g ORDER BY path, f;

WITH RECURSIVE g(f, t) AS (
  SELECT f, t FROM graph WHERE f = 1
  UNION ALL SELECT e.f, e.t FROM graph e JOIN g ON e.f = g.t
) SEARCH DEPTH FIRST BY t SET way CYCLE t SET again USING path
SELECT count(*), count(*) FILTER (WHERE again), max(array_length(path, 1)) FROM g;

WITH RECURSIVE g(f, t) AS (
  SELECT f, t FROM graph WHERE f = 1
  UNION ALL SELECT e.f, e.t FROM graph e JOIN g ON e.f = g.t
) SEARCH BREADTH FIRST BY f, t SET way CYCLE f, t SET again TO 1 DEFAULT 0 USING path
SELECT f, t, way, again FROM g ORDER BY way, path;

WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3) SEARCH DEPTH FIRST BY i SET s SELECT * FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SEARCH DEPTH FIRST BY j SET s SELECT * FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SEARCH DEPTH FIRST BY i, i SET s SELECT * FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) CYCLE k SET m USING p SELECT * FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) CYCLE i SET m USING m SELECT * FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SEARCH DEPTH FIRST BY i SET m CYCLE i SET m USING p SELECT * FROM n;
WITH n(i) AS (SELECT 1) SEARCH DEPTH FIRST BY i SET s SELECT * FROM n;
WITH RECURSIVE n(i) AS (SELECT 1) SEARCH DEPTH FIRST BY i SET s SELECT * FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM (SELECT i FROM n) d WHERE i < 3) SEARCH DEPTH FIRST BY i SET s SELECT * FROM n;
SELECT search.cycle FROM (SELECT 1) search(cycle);
