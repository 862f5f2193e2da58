-- Defaults as information_schema shows them: tools compare them with what they asked for.
CREATE TABLE shown (
  a varchar[] DEFAULT ARRAY[]::varchar[], b varchar(20)[] DEFAULT ARRAY[]::varchar(20)[], c int[] DEFAULT ARRAY[]::int[],
  d timestamptz DEFAULT current_timestamp(3), e timestamptz(3) DEFAULT CURRENT_TIMESTAMP(3), f timestamp DEFAULT localtimestamp(0), g time DEFAULT localtime, h date DEFAULT current_date,
  i timestamptz DEFAULT ('now'::text)::timestamp(0) with time zone, j timestamptz(6) DEFAULT now(), k timestamp(3) DEFAULT now()::timestamp(3),
  l boolean DEFAULT '0', m boolean DEFAULT '1', n boolean DEFAULT 'yes', o boolean DEFAULT 'off', p boolean DEFAULT 'T', q boolean DEFAULT false::boolean,
  r timestamp(0) DEFAULT '2020-01-02 03:04:05.678', s timestamp DEFAULT '2020-01-02 03:04:05.678'::timestamp(0), t interval DEFAULT '1 day 2 hours'::interval, u time(3) DEFAULT '10:00', v time DEFAULT '10:00:00.1234'::time(2), w text[] DEFAULT ARRAY['a','b']::text[], x jsonb DEFAULT '{}', y jsonb DEFAULT '[]'::jsonb, z uuid DEFAULT gen_random_uuid(), aa text DEFAULT ''::character varying, ab numeric(10,2) DEFAULT 0.00, ac int DEFAULT -1, ad float DEFAULT '0', ae smallint DEFAULT '1'::smallint, af varchar(10) DEFAULT 'abc', ag char(3) DEFAULT 'a', ah bigint DEFAULT 0, ai text DEFAULT NULL, aj text DEFAULT 'it''s', ak text DEFAULT E'a\nb', al text DEFAULT 'a\b', am int DEFAULT (1 + 2) * 3, an bytea DEFAULT '\x01', ao date DEFAULT (now() + interval '1 month'), ap timestamptz DEFAULT (now() at time zone 'utc'), aq timestamp DEFAULT timezone('utc', now()), ar text DEFAULT current_user, at int DEFAULT extract(epoch from now())::int, au bigint DEFAULT (extract(epoch from now()) * 1000), av text DEFAULT to_char(now(), 'YYYY'), aw text DEFAULT md5(random()::text), ax text DEFAULT upper('x') || 'y', ay boolean DEFAULT (1 = 1));
SELECT column_name, column_default FROM information_schema.columns WHERE table_name = 'shown' ORDER BY ordinal_position;
create table nulls(a varchar(10) default null, b char(3) default null, c numeric(10,2) default null, d timestamp(3) default null, e int default null, f varchar default null, g int default null::int, h text default null::text, i varchar(5) default null::varchar, j int[] default null, k boolean default null, l interval(2) default null, m time(0) default (null));
SELECT column_name, column_default FROM information_schema.columns WHERE table_name = 'nulls' ORDER BY ordinal_position;
alter table nulls alter e set default null, alter a set default null;
alter table nulls add n int default null, add o varchar(3) default null;
SELECT column_name, column_default FROM information_schema.columns WHERE table_name = 'nulls' ORDER BY ordinal_position;
select atthasdef, attname from pg_attribute where attrelid='nulls'::regclass and attnum>0;
INSERT INTO nulls (e) VALUES (1) RETURNING *;
CREATE TABLE empties (a varchar[] DEFAULT ARRAY[]::varchar[], b timestamptz(3) DEFAULT current_timestamp(3), c boolean DEFAULT 'off');
INSERT INTO empties DEFAULT VALUES RETURNING a, b > now() - interval '1 minute', c;
-- Setting a default takes no number.
CREATE SEQUENCE of_default;
CREATE TABLE numbered (id int, a int);
ALTER TABLE numbered ALTER a SET DEFAULT nextval('of_default') * 2;
INSERT INTO numbered (id) VALUES (1) RETURNING *;
