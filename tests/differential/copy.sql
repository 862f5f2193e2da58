-- COPY in and out.
CREATE TABLE c (id int PRIMARY KEY, t text, n numeric(5,2), d date);
COPY c FROM STDIN;
1	one	1.5	2024-01-01
2	\N	\N	\N
3	tab\there\nline	-0.5	infinity
\.
COPY c TO STDOUT;
COPY (SELECT id, t FROM c ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER);
COPY c (id, t) FROM STDIN WITH (FORMAT csv);
4,"quoted, ""text"""
5,
6,""
\.
SELECT id, t, t IS NULL FROM c ORDER BY id;
COPY c FROM STDIN (FORMAT csv, HEADER, NULL 'NA', DELIMITER ';');
id;t;n;d
7;NA;NA;2024-02-29
\.
COPY (SELECT * FROM c WHERE id > 3 ORDER BY id) TO STDOUT (FORMAT csv, FORCE_QUOTE *, NULL 'nil');
COPY (SELECT * FROM c WHERE id < 4 ORDER BY id) TO STDOUT (DELIMITER '|', NULL '');
COPY c FROM STDIN;
8	dup	1	2024-01-01
1	dup	1	2024-01-01
\.
COPY c FROM STDIN;
9	missing
\.
COPY c FROM STDIN;
9	a	1	2024-01-01	extra
\.
COPY c FROM STDIN;
x	a	1	2024-01-01
\.
COPY c FROM STDIN;
9	a	99999	2024-01-01
\.
COPY c (id, nope) FROM STDIN;
1	1
\.
COPY nope FROM STDIN;
1
\.
COPY c (id) FROM STDIN;
10
11
\.
SELECT count(*) FROM c;
COPY c TO STDOUT (FORMAT nope);
COPY c TO STDOUT (DELIMITER 'ab');
COPY c TO STDOUT (NOPE true);
COPY (SELECT 1 AS a, NULL AS b, 'x,y' AS c, E'l1\nl2' AS d, true AS e, 1.50 AS f) TO STDOUT (FORMAT csv, HEADER true);
COPY (VALUES (E'back\\slash', E'\t', '')) TO STDOUT;
COPY (SELECT nope) TO STDOUT;
COPY (DELETE FROM c WHERE id = 11 RETURNING id) TO STDOUT;
