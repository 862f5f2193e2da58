-- Scalar, row, EXISTS, IN, ANY/ALL and correlated subqueries; LATERAL.
CREATE TABLE dept (id int PRIMARY KEY, name text, budget numeric(10,2));
CREATE TABLE emp (id int PRIMARY KEY, dept int, name text, pay int, boss int, hired date);
INSERT INTO dept VALUES (1, 'sales', 1000), (2, 'lab', 5000.50), (3, 'empty', NULL), (4, 'legal', 0);
INSERT INTO emp VALUES (1, 1, 'ann', 100, NULL, '2020-01-01'), (2, 1, 'bob', 80, 1, '2021-05-05'), (3, 2, 'cy', 120, 1, '2019-12-31'), (4, 2, 'di', NULL, 3, '2022-02-02'), (5, NULL, 'ed', 50, 3, NULL), (6, 4, 'flo', 80, 1, '2021-05-05');
-- differs: functions in odd forms
SELECT (SELECT 1), (SELECT NULL), (SELECT 1 WHERE false);
SELECT (SELECT 1, 2);
SELECT (SELECT id FROM emp);
SELECT (SELECT id FROM emp WHERE id = 99) IS NULL;
SELECT name, (SELECT d.name FROM dept d WHERE d.id = e.dept) FROM emp e ORDER BY e.id;
SELECT d.name, (SELECT count(*) FROM emp e WHERE e.dept = d.id), (SELECT sum(pay) FROM emp e WHERE e.dept = d.id) FROM dept d ORDER BY d.id;
SELECT d.name, (SELECT max(pay) FROM emp e WHERE e.dept = d.id AND e.pay < (SELECT max(pay) FROM emp)) FROM dept d ORDER BY d.id;
SELECT name FROM emp e WHERE pay > (SELECT avg(pay) FROM emp x WHERE x.dept = e.dept) ORDER BY id;
SELECT name FROM emp e WHERE pay = (SELECT max(pay) FROM emp x WHERE x.dept IS NOT DISTINCT FROM e.dept) ORDER BY id;
-- differs: row values
SELECT name FROM emp WHERE (dept, pay) = (SELECT dept, pay FROM emp WHERE id = 2) ORDER BY id;
SELECT name FROM emp WHERE (dept, pay) IN (SELECT dept, max(pay) FROM emp GROUP BY dept) ORDER BY id;
SELECT name FROM emp WHERE ROW (pay, hired) = ANY (SELECT pay, hired FROM emp WHERE id = 6) ORDER BY id;
SELECT name FROM emp WHERE pay > ANY (SELECT pay FROM emp WHERE dept = 1) ORDER BY id;
SELECT name FROM emp WHERE pay >= ALL (SELECT pay FROM emp WHERE dept = 1) ORDER BY id;
SELECT name FROM emp WHERE pay >= ALL (SELECT pay FROM emp) ORDER BY id;
SELECT name FROM emp WHERE pay > ALL (SELECT pay FROM emp WHERE dept = 3) ORDER BY id;
SELECT name FROM emp WHERE pay <> SOME (SELECT pay FROM emp WHERE dept = 1) ORDER BY id;
SELECT name FROM emp WHERE pay = ANY (ARRAY[80, 50]) ORDER BY id;
SELECT name, pay IN (SELECT pay FROM emp WHERE dept = 2), pay NOT IN (SELECT pay FROM emp WHERE dept = 1) FROM emp ORDER BY id;
SELECT name, pay > ALL (SELECT x.pay FROM emp x WHERE x.dept = emp.dept AND x.id <> emp.id) FROM emp ORDER BY id;
SELECT name, pay < ANY (SELECT x.pay FROM emp x WHERE x.boss = emp.boss) FROM emp ORDER BY id;
SELECT d.name FROM dept d WHERE EXISTS (SELECT FROM emp e WHERE e.dept = d.id) ORDER BY 1;
SELECT d.name FROM dept d WHERE NOT EXISTS (SELECT 1 FROM emp e WHERE e.dept = d.id AND e.pay IS NOT NULL) ORDER BY 1;
SELECT EXISTS (SELECT 1 FROM emp WHERE false), NOT EXISTS (SELECT 1), EXISTS (SELECT NULL);
SELECT d.name, EXISTS (SELECT 1 FROM emp e WHERE e.dept = d.id AND e.pay > 90) AS rich FROM dept d ORDER BY d.id;
SELECT e.name FROM emp e WHERE EXISTS (SELECT 1 FROM emp x WHERE x.boss = e.id AND EXISTS (SELECT 1 FROM emp y WHERE y.boss = x.id)) ORDER BY 1;
SELECT count(*) FROM emp WHERE dept IN (SELECT id FROM dept WHERE budget > (SELECT avg(budget) FROM dept));
SELECT name FROM dept WHERE id NOT IN (SELECT dept FROM emp);
SELECT name FROM dept WHERE id NOT IN (SELECT dept FROM emp WHERE dept IS NOT NULL) ORDER BY 1;
SELECT ARRAY(SELECT name FROM emp WHERE dept = d.id ORDER BY pay DESC NULLS LAST) FROM dept d ORDER BY d.id;
SELECT d.name, t.* FROM dept d, LATERAL (SELECT e.name, e.pay FROM emp e WHERE e.dept = d.id ORDER BY pay DESC NULLS LAST LIMIT 1) t ORDER BY d.id;
SELECT d.name, t.n FROM dept d LEFT JOIN LATERAL (SELECT e.name AS n FROM emp e WHERE e.dept = d.id ORDER BY e.id DESC LIMIT 1) t ON true ORDER BY d.id;
SELECT d.name, t.c, t.s FROM dept d CROSS JOIN LATERAL (SELECT count(*) AS c, sum(pay) AS s FROM emp e WHERE e.dept = d.id) t ORDER BY d.id;
SELECT d.name, g FROM dept d, LATERAL generate_series(1, d.id) g ORDER BY 1, 2;
SELECT d.id, x.v, y.v FROM dept d, LATERAL (SELECT d.id * 2 AS v) x, LATERAL (SELECT x.v + 1 AS v) y ORDER BY 1;
SELECT d.name, u.* FROM dept d LEFT JOIN LATERAL (SELECT name FROM emp WHERE dept = d.id UNION ALL SELECT 'boss of ' || d.name) u ON true ORDER BY 1, 2;
SELECT e.name, b.name AS boss, bb.name AS grand FROM emp e LEFT JOIN emp b ON b.id = e.boss LEFT JOIN emp bb ON bb.id = b.boss ORDER BY e.id;
SELECT CASE WHEN (SELECT count(*) FROM emp) > 5 THEN 'many' ELSE 'few' END;
SELECT coalesce((SELECT name FROM emp WHERE pay > 1000), 'nobody');
SELECT name FROM emp ORDER BY (SELECT d.name FROM dept d WHERE d.id = dept) NULLS FIRST, name;
SELECT dept, count(*) FROM emp GROUP BY dept HAVING count(*) > (SELECT count(*) FROM emp e2 WHERE e2.dept IS NULL) ORDER BY 1;
SELECT dept, (SELECT name FROM dept d WHERE d.id = e.dept), max(pay) FROM emp e GROUP BY dept ORDER BY dept;
-- differs: aggregate of the outer query
SELECT dept, max(pay), (SELECT x.name FROM emp x WHERE x.pay = max(e.pay) ORDER BY x.id LIMIT 1) FROM emp e GROUP BY dept ORDER BY dept;
-- differs: aggregate of the outer query
SELECT (SELECT sum(e.pay)) FROM emp e;
-- differs: aggregate of the outer query
SELECT (SELECT max(e.pay) FROM dept d WHERE d.id = e.dept) FROM emp e;
SELECT sum((SELECT budget FROM dept d WHERE d.id = e.dept)) FROM emp e;
SELECT avg((SELECT count(*) FROM emp x WHERE x.boss = e.id)) FROM emp e;
SELECT s.* FROM (SELECT dept, avg(pay) AS a FROM emp GROUP BY dept) s WHERE a > 80 ORDER BY 1;
SELECT s.x FROM (SELECT 1) s (x);
SELECT s.x, s.y FROM (VALUES (1, 'a'), (2, 'b')) s (x, y) WHERE x > 1;
SELECT * FROM (SELECT 1 AS a, 2 AS a) s;
SELECT a FROM (SELECT 1 AS a, 2 AS a) s;
SELECT * FROM (SELECT 1);
SELECT * FROM (SELECT 1) s (a, b);
SELECT name FROM emp WHERE pay = (SELECT pay FROM emp WHERE dept = 1);
-- differs: syntax errors
SELECT name FROM emp WHERE pay IN (SELECT id, pay FROM emp);
SELECT name FROM emp WHERE (id, pay) IN (SELECT id FROM emp);
SELECT name FROM emp WHERE pay > (SELECT name FROM dept WHERE id = 1);
SELECT name FROM emp WHERE (SELECT pay);
-- differs: column hints
SELECT name FROM emp WHERE EXISTS (SELECT 1 FROM dept WHERE dept.id = emp.nope);
SELECT name FROM emp WHERE id IN (SELECT dept.id FROM dept WHERE emp.dept = dept.id) ORDER BY 1;
SELECT e.name FROM emp e WHERE (SELECT count(*) FROM emp x WHERE x.pay > e.pay) < 2 AND pay IS NOT NULL ORDER BY 1;
SELECT (SELECT string_agg(x.name, ',' ORDER BY x.name) FROM emp x WHERE x.boss = e.id) FROM emp e ORDER BY e.id;
SELECT (SELECT (SELECT (SELECT d.name))) FROM dept d ORDER BY 1;
SELECT x, (SELECT y FROM (VALUES (1, 'i'), (2, 'j')) v (k, y) WHERE k = x) FROM generate_series(1, 3) x ORDER BY x;
SELECT name, (SELECT count(*) FILTER (WHERE x.pay > emp.pay) FROM emp x) FROM emp ORDER BY id;
SELECT e.name, (SELECT count(*) FROM (SELECT DISTINCT pay FROM emp x WHERE x.pay < e.pay) q) FROM emp e ORDER BY e.id;
SELECT d.id, (SELECT min(id) FROM (SELECT id FROM emp WHERE dept = d.id EXCEPT SELECT 1) q) FROM dept d ORDER BY 1;
UPDATE emp SET pay = (SELECT max(pay) FROM emp x WHERE x.dept = emp.dept) WHERE pay IS NULL RETURNING name, pay;
UPDATE emp SET (pay, hired) = (SELECT 1, date '2000-01-01') WHERE id = 5 RETURNING *;
UPDATE emp SET pay = (SELECT pay FROM emp WHERE id > 3) WHERE id = 1;
DELETE FROM emp WHERE dept IN (SELECT id FROM dept WHERE name = 'legal') RETURNING id;
DELETE FROM dept d WHERE NOT EXISTS (SELECT 1 FROM emp WHERE emp.dept = d.id) RETURNING d.name;
INSERT INTO dept SELECT id + 10, name || '2', (SELECT max(budget) FROM dept) FROM dept RETURNING *;
