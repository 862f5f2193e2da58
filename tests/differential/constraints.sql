-- NOT NULL, CHECK, UNIQUE, PRIMARY KEY: names, states, fields of messages.
CREATE TABLE c1 (id int PRIMARY KEY, a int NOT NULL, b text CHECK (b <> 'bad'), c int UNIQUE, d numeric(4,2), e varchar(3), CONSTRAINT pos CHECK (a > 0), CHECK (a < c OR c IS NULL));
INSERT INTO c1 VALUES (1, 1, 'x', 10, 1.5, 'abc');
INSERT INTO c1 VALUES (1, 1, 'x', 11, 1.5, 'abc');
INSERT INTO c1 VALUES (NULL, 1, 'x', 11, 1.5, 'abc');
INSERT INTO c1 VALUES (2, NULL, 'x', 11, 1.5, 'abc');
INSERT INTO c1 (id) VALUES (2);
INSERT INTO c1 VALUES (2, 0, 'x', 11, 1.5, 'abc');
INSERT INTO c1 VALUES (2, 1, 'bad', 11, 1.5, 'abc');
INSERT INTO c1 VALUES (2, 12, 'x', 11, 1.5, 'abc');
INSERT INTO c1 VALUES (2, 1, 'x', 10, 1.5, 'abc');
INSERT INTO c1 VALUES (2, 1, 'x', 11, 100, 'abc');
INSERT INTO c1 VALUES (2, 1, 'x', 11, 99.999, 'abc');
INSERT INTO c1 VALUES (2, 1, 'x', 11, 1.5, 'abcd');
INSERT INTO c1 VALUES (2, 1, 'x', 11, 1.5, 'abc   ');
INSERT INTO c1 VALUES (3, 1, NULL, NULL, NULL, NULL), (4, 1, NULL, NULL, NULL, NULL);
INSERT INTO c1 VALUES (5, 1, 'x', 50, 1, 'a'), (5, 1, 'x', 51, 1, 'a');
INSERT INTO c1 VALUES (6, 1, 'x', 60, 1, 'a', 7);
INSERT INTO c1 (id, a, nope) VALUES (6, 1, 1);
INSERT INTO c1 (id, id) VALUES (6, 1);
INSERT INTO c1 (id, a) VALUES (6);
INSERT INTO c1 VALUES ('x', 1);
INSERT INTO c1 VALUES (6, 1.6, 'r', 7.4) RETURNING a, c;
UPDATE c1 SET a = NULL WHERE id = 1;
UPDATE c1 SET a = -1 WHERE id = 1;
UPDATE c1 SET id = 2 WHERE id IN (1, 3);
UPDATE c1 SET c = 10 WHERE id = 3;
UPDATE c1 SET e = 'wxyz' WHERE id = 1;
UPDATE c1 SET id = id + 100;
UPDATE c1 SET id = id - 1;
SELECT * FROM c1 ORDER BY id;
CREATE TABLE c2 (a int, b int, CONSTRAINT c2_key PRIMARY KEY (a, b), CONSTRAINT c2_u UNIQUE (b));
INSERT INTO c2 VALUES (1, 1), (1, 2);
INSERT INTO c2 VALUES (1, 1);
INSERT INTO c2 VALUES (2, 2);
INSERT INTO c2 VALUES (NULL, 3);
CREATE TABLE c3 (a text, b timestamptz, c bytea, UNIQUE (a, b));
INSERT INTO c3 VALUES ('x', '2024-01-01 00:00Z', '\x01'), ('x', NULL, NULL), ('x', NULL, NULL);
INSERT INTO c3 VALUES ('x', '2024-01-01 01:00+01', '\x02');
INSERT INTO c3 VALUES (repeat('long', 100), '2024-01-01', NULL), (repeat('long', 100), '2024-01-01', NULL);
CREATE UNIQUE INDEX c3_c ON c3 (c);
INSERT INTO c3 VALUES ('y', NULL, '\x01');
CREATE UNIQUE INDEX c3_dup ON c3 (a);
-- differs: syntax not read
CREATE TABLE c4 (a int UNIQUE NULLS NOT DISTINCT);
CREATE TABLE c5_1 (a int PRIMARY KEY, a int);
CREATE TABLE c5_2 (a int PRIMARY KEY, b int PRIMARY KEY);
CREATE TABLE c5_3 (a int PRIMARY KEY, PRIMARY KEY (a));
CREATE TABLE c5_4 (a int, PRIMARY KEY (b));
-- differs: wording of errors
CREATE TABLE c5_5 (a int, UNIQUE (a, a));
CREATE TABLE c5_6 (a int CHECK (b > 1));
-- differs: checks left out
CREATE TABLE c5_7 (a int CHECK (a));
CREATE TABLE c5_8 (a int CHECK (a > (SELECT 1)));
-- differs: wording of errors
CREATE TABLE c5_9 (a int CHECK (count(*) > 1));
-- differs: syntax errors
CREATE TABLE c5_10 (a int NULL NOT NULL);
CREATE TABLE c5_11 (a int DEFAULT 'x');
-- differs: syntax accepted
CREATE TABLE c5_12 (a int DEFAULT 1 DEFAULT 2);
CREATE TABLE c5_13 (a int DEFAULT b, b int);
-- differs: wording of errors
CREATE TABLE c5_14 (a int CONSTRAINT n CHECK (a > 1) CONSTRAINT n CHECK (a < 5));
CREATE TABLE c5_15 (a nope);
CREATE TABLE c5_16 (a varchar(0));
CREATE TABLE c5_17 (a numeric(0));
CREATE TABLE c5_18 (a numeric(1001));
CREATE TABLE c5_19 (a numeric(5, 2000));
CREATE TABLE c1 (a int);
CREATE TABLE IF NOT EXISTS c1 (a int);
CREATE TABLE c6 (a int DEFAULT 1 + 1, b text DEFAULT 'x' || 'y', c timestamptz DEFAULT now(), d int DEFAULT NULL, e bool DEFAULT true, f numeric DEFAULT 1.50);
INSERT INTO c6 DEFAULT VALUES RETURNING a, b, c = now(), d, e, f;
INSERT INTO c6 (a) VALUES (DEFAULT), (NULL), (7) RETURNING a, b;
UPDATE c6 SET a = DEFAULT, b = 'z' WHERE a = 7 RETURNING a, b;
CREATE TABLE c7 (t text CHECK (length(t) BETWEEN 2 AND 4), n int CHECK (n IN (1, 2, 3)), d date CHECK (d >= '2000-01-01'), CHECK (t IS NOT NULL OR n IS NOT NULL));
INSERT INTO c7 VALUES ('a', 1, NULL);
INSERT INTO c7 VALUES ('abc', 4, NULL);
INSERT INTO c7 VALUES ('abc', 1, '1999-12-31');
INSERT INTO c7 VALUES (NULL, NULL, NULL);
INSERT INTO c7 VALUES ('abc', NULL, '2000-01-01') RETURNING *;
CREATE TABLE c8 (a int CHECK (a > 0) CHECK (a < 10), b int CONSTRAINT b_ok CHECK (b > a));
INSERT INTO c8 VALUES (0, 5);
INSERT INTO c8 VALUES (10, 50);
INSERT INTO c8 VALUES (5, 5);
SELECT conname, contype FROM pg_constraint WHERE conrelid = 'c8'::regclass ORDER BY 1;
-- differs: catalog texts
SELECT conname, contype, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'c1'::regclass ORDER BY 1;
-- differs: SQLSTATE of errors
CREATE TABLE c9 (r int, EXCLUDE USING gist (r WITH =));
DROP TABLE c2, c3;
DROP TABLE nope;
DROP TABLE IF EXISTS nope, c8;
