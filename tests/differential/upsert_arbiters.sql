-- ON CONFLICT watches every unique index that fits what it names.
CREATE TABLE slots (id int PRIMARY KEY, name text, room int, live bool, held bool, note text);
CREATE UNIQUE INDEX slots_live ON slots (name) WHERE live;
CREATE UNIQUE INDEX slots_held ON slots (name) WHERE held;
INSERT INTO slots VALUES (1, 'a', 1, true, false, 'live'), (2, 'b', 1, false, true, 'held'), (3, 'c', 1, false, false, 'neither');
INSERT INTO slots VALUES (10, 'a', 2, true, false) ON CONFLICT (name) WHERE live DO NOTHING;
INSERT INTO slots VALUES (10, 'b', 2, false, true) ON CONFLICT (name) WHERE live DO NOTHING;
INSERT INTO slots VALUES (10, 'b', 2, false, true) ON CONFLICT (name) WHERE held DO NOTHING;
INSERT INTO slots VALUES (10, 'a', 2, true, false) ON CONFLICT (name) WHERE live AND held DO NOTHING;
INSERT INTO slots VALUES (10, 'b', 2, false, true) ON CONFLICT (name) WHERE live AND held DO NOTHING;
INSERT INTO slots VALUES (10, 'a', 3, true, false) ON CONFLICT (name) WHERE live AND held DO UPDATE SET room = excluded.room RETURNING id, room, note;
INSERT INTO slots VALUES (10, 'b', 3, false, true) ON CONFLICT (name) WHERE held AND live DO UPDATE SET room = excluded.room RETURNING id, room, note;
INSERT INTO slots VALUES (10, 'c', 3, false, true) ON CONFLICT (name) WHERE held AND live DO UPDATE SET room = excluded.room RETURNING id, room, note;
INSERT INTO slots SELECT 11, 'b', 4, true, true ON CONFLICT (name) WHERE live AND held DO NOTHING;
INSERT INTO slots SELECT 11, 'b', 4, true, true ON CONFLICT (name) WHERE live AND held DO UPDATE SET note = 'met' RETURNING *;
-- Two rows in the way: the index that was made first says which.
INSERT INTO slots VALUES (20, 'd', 1, true, false, 'live'), (21, 'd', 1, false, true, 'held');
INSERT INTO slots VALUES (22, 'd', 5, true, true) ON CONFLICT (name) WHERE live AND held DO UPDATE SET room = 99 RETURNING id, note;
INSERT INTO slots VALUES (22, 'd', 5, true, true) ON CONFLICT (name) WHERE live AND held DO NOTHING;
INSERT INTO slots VALUES (22, 'd', 5, true, true) ON CONFLICT (name) WHERE held DO NOTHING;
INSERT INTO slots VALUES (22, 'd', 5, true, true) ON CONFLICT (name) WHERE live DO NOTHING;
INSERT INTO slots VALUES (23, 'd', 5, false, true) ON CONFLICT (name) WHERE live DO NOTHING;
-- One over all rows beside partial ones.
CREATE UNIQUE INDEX slots_room ON slots (name, room);
CREATE UNIQUE INDEX slots_room_live ON slots (name, room) WHERE live;
INSERT INTO slots VALUES (30, 'a', 3, false, false) ON CONFLICT (name, room) DO NOTHING;
INSERT INTO slots VALUES (30, 'a', 3, false, false) ON CONFLICT (room, name) WHERE live DO UPDATE SET note = 'again' RETURNING id, note;
INSERT INTO slots VALUES (30, 'a', 3, true, false) ON CONFLICT (room, name) WHERE live DO NOTHING;
INSERT INTO slots VALUES (30, 'zz', 3, true, false) ON CONFLICT (room, name) WHERE live DO NOTHING RETURNING id;
-- A key beside other indexes over its columns.
CREATE UNIQUE INDEX slots_id ON slots (id) WHERE room > 1;
INSERT INTO slots VALUES (1, 'new', 7) ON CONFLICT (id) DO UPDATE SET note = 'by key' RETURNING note;
INSERT INTO slots VALUES (1, 'new', 7) ON CONFLICT (id) WHERE room > 1 DO UPDATE SET note = 'by either' RETURNING note;
-- Expressions, several times.
CREATE TABLE mails (id int PRIMARY KEY, mail text, gone bool, n int DEFAULT 0);
CREATE UNIQUE INDEX ON mails (lower(mail)) WHERE NOT gone;
CREATE UNIQUE INDEX ON mails (lower(mail)) WHERE gone;
CREATE UNIQUE INDEX ON mails (lower(mail), n);
INSERT INTO mails VALUES (1, 'A', false), (2, 'A', true, 1);
INSERT INTO mails VALUES (3, 'a', false, 5) ON CONFLICT (lower(mail)) WHERE gone AND NOT gone DO UPDATE SET n = mails.n + 10 RETURNING id, n;
INSERT INTO mails VALUES (3, 'a', true, 5) ON CONFLICT (lower(mail)) WHERE gone AND NOT gone DO UPDATE SET n = mails.n + 10 RETURNING id, n;
INSERT INTO mails VALUES (3, 'a', NULL, 10) ON CONFLICT (lower(mail)) WHERE gone AND NOT gone DO NOTHING;
INSERT INTO mails VALUES (3, 'a', NULL, 10) ON CONFLICT (lower(mail), n) DO NOTHING;
INSERT INTO mails VALUES (3, 'a', true, 10) ON CONFLICT (n, lower(mail)) DO NOTHING;
INSERT INTO mails VALUES (3, 'b', true, 1), (4, 'B', true, 2) ON CONFLICT (lower(mail)) WHERE gone DO NOTHING RETURNING id;
INSERT INTO mails VALUES (5, 'e', true, 1), (6, 'E', true, 2) ON CONFLICT (lower(mail)) WHERE gone DO UPDATE SET n = 3;
SELECT * FROM mails ORDER BY id;
-- Constraints by name, and what only looks like one.
CREATE TABLE named (id int PRIMARY KEY, a int, b int, CONSTRAINT named_a UNIQUE (a), CONSTRAINT named_b UNIQUE (b) DEFERRABLE);
CREATE UNIQUE INDEX named_ab ON named (a, b);
INSERT INTO named VALUES (1, 1, 1);
INSERT INTO named VALUES (2, 1, 2) ON CONFLICT ON CONSTRAINT named_a DO NOTHING;
INSERT INTO named SELECT 2, 1, 2 ON CONFLICT ON CONSTRAINT named_a DO NOTHING;
INSERT INTO named VALUES (2, 1, 1) ON CONFLICT ON CONSTRAINT named_ab DO NOTHING;
INSERT INTO named SELECT 2, 1, 1 ON CONFLICT ON CONSTRAINT named_ab DO NOTHING;
INSERT INTO named SELECT 1, 2, 2 ON CONFLICT ON CONSTRAINT named_pkey DO UPDATE SET a = 5 RETURNING *;
INSERT INTO named SELECT 2, 2, 1 ON CONFLICT ON CONSTRAINT named_b DO NOTHING;
INSERT INTO named SELECT 2, 2, 1 ON CONFLICT ON CONSTRAINT nothing DO NOTHING;
INSERT INTO named VALUES (2, 2, 1) ON CONFLICT (b) DO NOTHING;
CREATE UNIQUE INDEX named_b_too ON named (b);
INSERT INTO named VALUES (2, 2, 1) ON CONFLICT (b) DO NOTHING;
-- All unique indexes are watched, and one that is looked at later can't be.
CREATE TABLE later (a int PRIMARY KEY, b int UNIQUE DEFERRABLE);
INSERT INTO later VALUES (1, 1) ON CONFLICT DO NOTHING;
INSERT INTO later VALUES (1, 1);
INSERT INTO later VALUES (1, 1) ON CONFLICT (a) DO NOTHING;
INSERT INTO later SELECT 1, 1 ON CONFLICT DO NOTHING;
INSERT INTO later VALUES (1, 1) ON CONFLICT DO UPDATE SET b = 2;
-- One command doesn't touch a row twice, whatever key it has by then; one that it left alone
-- it may meet again.
CREATE TABLE keyless (a int, b text);
CREATE UNIQUE INDEX ON keyless (lower(b));
INSERT INTO keyless VALUES (3, 'n'), (4, 'N') ON CONFLICT (lower(b)) DO UPDATE SET a = 1;
INSERT INTO keyless SELECT g, 'N' FROM generate_series(1, 2) g ON CONFLICT (lower(b)) DO UPDATE SET a = 1;
INSERT INTO keyless VALUES (3, 'n'), (4, 'N') ON CONFLICT (lower(b)) DO NOTHING;
INSERT INTO keyless VALUES (5, 'N'), (6, 'N') ON CONFLICT (lower(b)) DO UPDATE SET a = excluded.a;
INSERT INTO keyless VALUES (5, 'N'), (6, 'N') ON CONFLICT (lower(b)) DO UPDATE SET a = excluded.a WHERE excluded.a > 5;
INSERT INTO keyless SELECT g, 'N' FROM generate_series(7, 8) g ON CONFLICT (lower(b)) DO UPDATE SET a = excluded.a WHERE excluded.a > 7;
SELECT * FROM keyless;
CREATE TABLE moving (id int PRIMARY KEY, n int);
INSERT INTO moving VALUES (1, 1), (2, 2);
INSERT INTO moving VALUES (1, 1), (101, 5) ON CONFLICT (id) DO UPDATE SET id = excluded.id + 100;
INSERT INTO moving SELECT g, 1 FROM unnest(ARRAY[1, 101]) g ON CONFLICT (id) DO UPDATE SET id = excluded.id + 100;
INSERT INTO moving VALUES (1, 1), (1, 5) ON CONFLICT (id) DO UPDATE SET id = excluded.id + 100;
INSERT INTO moving SELECT 1, g FROM generate_series(1, 2) g ON CONFLICT (id) DO UPDATE SET id = moving.id + 100 + excluded.n;
INSERT INTO moving VALUES (2, 7), (2, 8) ON CONFLICT (id) DO UPDATE SET n = excluded.n WHERE excluded.n > 7;
INSERT INTO moving SELECT 2, g FROM generate_series(8, 9) g ON CONFLICT (id) DO UPDATE SET n = excluded.n WHERE excluded.n > 8;
SELECT * FROM moving ORDER BY id;
-- What may stand between the brackets.
CREATE UNIQUE INDEX ON moving ((id % 1000));
INSERT INTO moving VALUES (2, 1) ON CONFLICT ((id % 1000)) DO NOTHING;
INSERT INTO moving VALUES (2, 1) ON CONFLICT (id % 1000) DO NOTHING;
-- compare: state
INSERT INTO moving VALUES (2, 1) ON CONFLICT ((id % 1000) nonsense more) DO NOTHING;
-- compare: state
INSERT INTO moving VALUES (2, 1) ON CONFLICT (moving.id) DO NOTHING;
INSERT INTO moving VALUES (2, 1) ON CONFLICT (id int4_ops) DO NOTHING;
INSERT INTO moving VALUES (2, 1) ON CONFLICT (((id)) int4_ops) DO NOTHING;
-- compare: state
INSERT INTO moving VALUES (2, 1) ON CONFLICT ((count(*))) DO NOTHING;
INSERT INTO moving VALUES (2, 1) ON CONFLICT ((count(id) % 1000)) DO NOTHING;
INSERT INTO moving VALUES (2, 1) ON CONFLICT (((SELECT 1))) DO NOTHING;
INSERT INTO moving SELECT 2, 1 ON CONFLICT ((id % 1000)) WHERE id IN (SELECT 1) DO NOTHING;
INSERT INTO moving VALUES (2, 1) ON CONFLICT ((id % 1000)) WHERE max(id) > 1 DO NOTHING;
INSERT INTO moving VALUES (2, 1) ON CONFLICT ((id % 1000)) WHERE row_number() OVER () > 1 DO NOTHING;
INSERT INTO moving VALUES (2, 1) ON CONFLICT ((excluded.id % 1000)) DO NOTHING;
INSERT INTO moving VALUES (2, 1) ON CONFLICT ((id % 1000)) WHERE excluded.id > 0 DO NOTHING;
INSERT INTO moving AS m VALUES (2, 1) ON CONFLICT ((m.id % 1000)) WHERE m.id > 0 DO NOTHING;
