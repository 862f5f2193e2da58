-- What a constant makes of a statement shows before any DEFAULT takes a number.
CREATE TABLE counted (id serial PRIMARY KEY, v varchar(4), small smallint, price numeric(4,1), at date);
INSERT INTO counted (v) VALUES ('abcdef');
INSERT INTO counted (small) VALUES (70000);
INSERT INTO counted (price) VALUES (12345.6);
INSERT INTO counted (price) VALUES (5 / 0);
INSERT INTO counted (at) VALUES ('2024-02-30');
INSERT INTO counted (v) VALUES ('ok'), ('abcdef');
INSERT INTO counted (v, small) VALUES ('a', 1), ('b', 2), ('c', 99999);
INSERT INTO counted (v) SELECT 'abcdef';
INSERT INTO counted (v) VALUES ('done') RETURNING id;
-- Rows of a query are looked at one by one.
INSERT INTO counted (v) SELECT repeat('x', g + 2) FROM generate_series(1, 4) g;
INSERT INTO counted (v) VALUES ('more') RETURNING id;
CREATE TABLE owned (id int GENERATED ALWAYS AS IDENTITY, c char(2) CHECK (c <> 'no'), k int NOT NULL);
INSERT INTO owned (c, k) VALUES ('abc', 1);
INSERT INTO owned (c, k) VALUES ('no', 1);
INSERT INTO owned (c, k) VALUES ('ab', NULL);
INSERT INTO owned (c, k) VALUES ('ok', 3000000000);
INSERT INTO owned (c, k) VALUES ('ok', 3) RETURNING id;
