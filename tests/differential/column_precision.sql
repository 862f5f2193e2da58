-- Columns that keep fewer digits of a second than there are.
CREATE TABLE visit (
    id int PRIMARY KEY,
    seen timestamp(2),
    told timestamptz(0) NOT NULL DEFAULT '2024-03-01 10:00:00.7+00',
    opens time(1),
    lasted interval(3),
    several timestamp(1)[],
    whole timestamp(6)
);

INSERT INTO visit (id, seen, opens, lasted, several, whole) VALUES
    (1, '2024-05-06 07:08:09.126', '08:00:00.25', '1 day 00:00:01.23456', '{2024-01-01 00:00:00.16,NULL}', '2024-01-01 00:00:00.1234567'),
    (2, timestamp '1999-12-31 23:59:59.995', '23:59:59.96', '-00:00:00.0005', '{}', 'infinity');

SELECT * FROM visit ORDER BY id;
INSERT INTO visit (id, seen) SELECT 3, timestamp '2024-05-06 07:08:09.555' RETURNING seen, told;
INSERT INTO visit (id, seen) VALUES (4, 'infinity') RETURNING *;
UPDATE visit SET seen = seen + interval '0.004' WHERE id = 1 RETURNING seen;
UPDATE visit SET seen = seen + interval '0.007', lasted = lasted * 1.001 WHERE id < 3 RETURNING id, seen, lasted;
INSERT INTO visit (id, seen) VALUES (3, '2024-05-06 07:08:09.129') ON CONFLICT (id) DO UPDATE SET seen = excluded.seen + interval '0.004', told = '2020-01-01 00:00:00.5+00' RETURNING seen, told;
SELECT id FROM visit WHERE seen = '2024-05-06 07:08:09.13' ORDER BY id;
COPY visit (id, seen, opens) FROM STDIN;
7	2024-05-06 07:08:09.999	10:10:10.05
\.
SELECT id, seen, opens FROM visit WHERE id = 7;

SELECT attname, atttypmod, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'visit'::regclass AND attnum > 0 ORDER BY attnum;
SELECT column_name, data_type, datetime_precision FROM information_schema.columns WHERE table_name = 'visit' ORDER BY ordinal_position;
SELECT format_type(1114, 3), format_type(1184, 0), format_type(1083, 6), format_type(1186, 2147418114), format_type(1186, -1), format_type(1115, 2);

ALTER TABLE visit ADD COLUMN made timestamp(1) DEFAULT '2024-01-01 00:00:00.25';
SELECT id, made FROM visit ORDER BY id;
ALTER TABLE visit ALTER seen TYPE timestamp(0);
SELECT id, seen FROM visit ORDER BY id;
ALTER TABLE visit ALTER seen TYPE timestamptz(4) USING seen AT TIME ZONE 'UTC' + interval '0.00005';
SELECT id, seen FROM visit ORDER BY id;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'visit'::regclass AND attname IN ('made', 'seen') ORDER BY attnum;

CREATE TABLE copied AS SELECT seen, told, opens FROM visit WHERE id < 3;
CREATE VIEW shown AS SELECT told, lasted, seen + interval '1 hour' AS later FROM visit;
CREATE TABLE likewise (LIKE visit INCLUDING ALL);
SELECT attrelid::regclass::text AS relation, attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid IN ('copied'::regclass, 'shown'::regclass, 'likewise'::regclass) AND attnum > 0 ORDER BY relation, attnum;
INSERT INTO copied (opens) VALUES ('01:02:03.46') RETURNING opens;

CREATE TABLE entry (at timestamptz(3) PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY);
INSERT INTO entry VALUES ('2024-01-01 00:00:00.0004+00');
INSERT INTO entry VALUES ('2024-01-01 00:00:00.0003+00');
SELECT at FROM entry WHERE at = '2024-01-01 00:00:00+00';
-- PostgreSQL warns as often as it looks at the type.
-- compare: state
CREATE TABLE wide (a timestamp(7), b time(9), c timestamptz(8));
SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'wide'::regclass AND attnum > 0 ORDER BY attnum;
CREATE TABLE parts (at timestamp(3), cut timestamp(0) GENERATED ALWAYS AS (at + interval '0.3') STORED);
INSERT INTO parts VALUES ('2024-01-01 00:00:00.2004'), ('2024-01-01 00:00:00.1999') RETURNING *;
CREATE TABLE refers (at timestamptz(0) REFERENCES entry ON UPDATE CASCADE);
INSERT INTO refers VALUES ('2024-01-01 00:00:00.4+00');
UPDATE entry SET at = '2024-01-02 00:00:00+00';
SELECT * FROM refers;
