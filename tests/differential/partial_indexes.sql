-- Unique indexes with a condition or on an expression.
CREATE TABLE u (id int PRIMARY KEY, email text UNIQUE, n int DEFAULT 0, note text, CHECK (n < 100));
CREATE TABLE u3 (k text, active bool, v int);
CREATE UNIQUE INDEX u3_active ON u3 (k) WHERE active;
CREATE UNIQUE INDEX u_lower ON u (lower(note));
INSERT INTO u VALUES (55, 'r1', 1, 'TWO') ON CONFLICT (lower(note)) DO UPDATE SET n = 77 RETURNING id, n, note;
INSERT INTO u3 VALUES ('k', true, 1), ('k', false, 2), ('k', false, 3);
INSERT INTO u3 VALUES ('k', true, 4) ON CONFLICT (k) WHERE active DO UPDATE SET v = excluded.v RETURNING *;
INSERT INTO u3 VALUES ('k', false, 5) ON CONFLICT (k) WHERE active DO UPDATE SET v = excluded.v RETURNING *;
INSERT INTO u3 VALUES ('k', true, 6) ON CONFLICT (k) DO NOTHING;
INSERT INTO u3 VALUES ('k', true, 7) ON CONFLICT DO NOTHING;
INSERT INTO u3 VALUES ('k', true, 7);
SELECT * FROM u3 ORDER BY v;
