-- The types inet and cidr: texts, order, operators, functions, keys, and what catalogs say of them.

-- Texts.
SELECT inet '10.0.0.1' AS a, '10.0.0.1/24'::inet AS b, cidr '10.1' AS c, '10.1.0.0/16'::cidr AS d, inet '10.1/16' AS e;
SELECT '1.2.3.4.'::inet, '1.2.3./24'::inet, '0x0a01'::cidr, '0xa'::cidr, '224'::cidr, '192.168'::cidr, '0/0'::cidr;
SELECT '::'::inet, '::1'::cidr, '2001:DB8:0:0:1:0:0:1'::inet, '2001:db8::/32'::cidr, '::ffff:1.2.3.4'::inet, '::1.2.3.4/96'::inet;
SELECT '::1.2/96'::inet, '1:2:3:4:5:6:7::'::inet, '1:0:0:4:5:0:0:8'::inet, '::5:0:0'::inet, '0:0:0:0:0:0:0:1'::cidr;
SELECT inet '10.1';
SELECT inet '256.0.0.1';
SELECT inet '1.2.3.4/33';
SELECT inet '1.2.3.4.5';
SELECT inet '';
SELECT inet ' 1.2.3.4';
SELECT cidr '10.0.0.1/24';
SELECT cidr '::1/64';
SELECT cidr 'somewhere';
SELECT inet '::1/129';
SELECT inet '1::2::3';
SELECT inet '12345::';

-- Casts.
SELECT '10.0.0.1'::inet::text AS whole, '10.0.0.1/8'::inet::text AS part, '10.0.0.0/8'::cidr::text AS net;
SELECT '10.0.0.1/8'::inet::cidr AS net, '10.0.0.0/8'::cidr::inet AS address, '::1/64'::inet::cidr;
SELECT '10.0.0.1'::inet || ' is it' AS said, 'net: ' || cidr '10/8' AS net, concat(inet '10.0.0.1', ' ', cidr '10.1') AS both;
SELECT '10.0.0.1'::inet::varchar(5), '10.0.0.1'::inet::varchar;
SELECT format('%s and %L', inet '10.0.0.1', cidr '10.1');
SELECT ('10.0.0.' || 7)::inet AS made, ('10.' || 7)::cidr AS net;
SELECT 1::inet;
SELECT inet '1.2.3.4'::int;
SELECT CAST(true AS cidr);
SELECT inet '1.2.3.4'::bytea;

-- Order: the family, the bits both prefixes have, the length, the rest.
CREATE TABLE hosts (id int PRIMARY KEY, a inet, n cidr);
INSERT INTO hosts VALUES (1, '10.0.0.1', '10.0.0.0/8'), (2, '10.0.0.1/8', '10.0.0.0/16'), (3, '10.0.0.0/8', '10.1'),
  (4, '::1', '::/0'), (5, '9.255.255.255', '192.168'), (6, NULL, NULL), (7, '10.128.0.0/9', '2001:db8::/32'),
  (8, '2001:db8::1/64', '2001:db8::/33'), (9, '0.0.0.0/0', '0/0'), (10, '255.255.255.255', '10/8'), (11, '10.0.0.2', '10.0.0.2');
SELECT * FROM hosts ORDER BY a, id;
SELECT id, a FROM hosts ORDER BY a DESC, id;
SELECT id, n FROM hosts ORDER BY n, id;
SELECT id, n FROM hosts ORDER BY n DESC NULLS LAST, id;
SELECT id FROM hosts WHERE a = '10.0.0.1';
SELECT id FROM hosts WHERE a <> '10.0.0.1' ORDER BY id;
SELECT id FROM hosts WHERE a > inet '10.0.0.1' ORDER BY id;
SELECT id FROM hosts WHERE a BETWEEN '10.0.0.0' AND '10.255.255.255' ORDER BY id;
SELECT id FROM hosts WHERE n = '10.0.0.0/8' ORDER BY id;
SELECT id FROM hosts WHERE n = '10.1';
SELECT id FROM hosts WHERE n = cidr '10.1' ORDER BY id;
SELECT id FROM hosts WHERE n IN ('10.1', '192.168') ORDER BY id;
SELECT id FROM hosts WHERE n IN ('10.1');
SELECT id FROM hosts WHERE a IN ('10.0.0.1', '::1') ORDER BY id;
SELECT id FROM hosts WHERE a NOT IN ('10.0.0.1', '::1') ORDER BY id;
SELECT id FROM hosts WHERE a = ANY ('{10.0.0.1,::1}') ORDER BY id;
SELECT id FROM hosts WHERE a = ANY (ARRAY['10.0.0.1', '::1']::inet[]) ORDER BY id;
SELECT id FROM hosts WHERE a = n ORDER BY id;
SELECT id FROM hosts WHERE a < n ORDER BY id;
SELECT x.id, y.id FROM hosts x JOIN hosts y ON x.a = y.n ORDER BY 1, 2;
SELECT x.id, y.id FROM hosts x JOIN hosts y ON x.a <<= y.n ORDER BY 1, 2;
SELECT a, count(*) FROM hosts GROUP BY a ORDER BY a;
SELECT n, count(*), min(a), max(a) FROM hosts GROUP BY n ORDER BY n;
SELECT min(a), max(a), min(n), max(n), count(a), count(DISTINCT n) FROM hosts;
SELECT DISTINCT n FROM hosts ORDER BY n;
SELECT array_agg(a ORDER BY a) FROM hosts;
SELECT string_agg(a::text, ', ' ORDER BY id) FROM hosts;
SELECT sum(a) FROM hosts;
SELECT id, rank() OVER (ORDER BY a) FROM hosts ORDER BY id;
SELECT a FROM hosts UNION SELECT n FROM hosts ORDER BY 1;
SELECT coalesce(a, '0.0.0.0') FROM hosts ORDER BY id;
SELECT coalesce(a, n) FROM hosts ORDER BY id;
SELECT CASE WHEN id < 3 THEN a ELSE n END FROM hosts ORDER BY id;
SELECT greatest(a, '10.0.0.1'), least(n, '10/8') FROM hosts ORDER BY id;
SELECT nullif(a, '10.0.0.1') FROM hosts ORDER BY id;
SELECT inet '10.0.0.1' = text '10.0.0.1';
SELECT a LIKE '10.%' FROM hosts;

-- Operators.
SELECT inet '192.168.1.5' << '192.168.1/24' AS a, inet '192.168.1/24' << '192.168.1/24' AS b, inet '192.168.1/24' <<= '192.168.1/24' AS c;
SELECT inet '192.168.1/24' >> '192.168.1.5' AS a, inet '192.168.1/24' >>= '192.168.1/24' AS b, inet '192.168.1/24' && '192.168.1.80/28' AS c;
SELECT inet '10/8' << inet '::/0' AS a, cidr '10/8' && cidr '11/8' AS b, cidr '::/0' >> inet '::1' AS c;
SELECT ~ inet '192.168.1.6' AS a, inet '192.168.1.6' & '0.0.0.255' AS b, inet '192.168.1.6/8' | '0.0.0.255' AS c, ~ cidr '10/8' AS d;
SELECT inet '192.168.1.6' + 25 AS a, 25 + inet '192.168.1.6' AS b, inet '192.168.1.43' - 36 AS c, inet '192.168.1.43' - '192.168.1.19' AS d;
SELECT inet '::1' + 4294967296 AS a, inet '2001:db8::/32' - 1 AS b, inet '::1' - inet '::ffff' AS c, cidr '10/8' + 1 AS d;
SELECT inet '255.255.255.255' + 1;
SELECT inet '0.0.0.0' - 1;
SELECT inet '::' - inet 'ffff::';
SELECT inet '::1' - inet '1.2.3.4';
SELECT inet '::1' & inet '1.2.3.4';
SELECT inet '::1' | inet '1.2.3.4';
SELECT inet '1.2.3.4' + inet '1.2.3.4';
SELECT inet '1.2.3.4' * 2;
SELECT - inet '1.2.3.4';
SELECT id FROM hosts WHERE a << '10/8' ORDER BY id;
SELECT id FROM hosts WHERE n >>= '10.0.0.1' ORDER BY id;
SELECT id, a + id FROM hosts WHERE a IS NOT NULL AND id <> 10 ORDER BY id;

-- Functions.
SELECT id, host(a), text(a), masklen(a), netmask(a), hostmask(a), broadcast(a), network(a), abbrev(a), family(a) FROM hosts ORDER BY id;
SELECT id, host(n), text(n), masklen(n), netmask(n), hostmask(n), broadcast(n), network(n), abbrev(n), family(n) FROM hosts ORDER BY id;
SELECT abbrev(cidr '10.1.0.0/16'), abbrev(inet '10.1.0.0/16'), abbrev('10.1.0.0/16'), abbrev(cidr '::ffff:1.2.3.0/120'), abbrev(cidr '2001:db8::/32');
SELECT set_masklen(inet '192.168.1.5/24', 16), set_masklen(cidr '192.168.1.0/24', 16), set_masklen('10.0.0.1', 8), set_masklen(inet '::1', -1);
SELECT set_masklen(inet '1.2.3.4', 33);
SELECT set_masklen(cidr '10/8', -2);
SELECT inet_same_family('192.168.1.5/24', '::1'), inet_same_family(inet '1.2.3.4', cidr '10/8');
SELECT inet_merge('192.168.1.5/24', '192.168.2.5/24'), inet_merge('::1', '::2'), inet_merge('10/8', '10/9'), inet_merge('1.2.3.4', '1.2.3.4');
SELECT inet_merge('::1', '1.2.3.4');
SELECT host(5);
SELECT network('10.0.0.1/8') AS a, broadcast('10.0.0.1/8') AS b, min(n) AS c, max(a) AS d, array_agg(DISTINCT network(a)) AS e FROM hosts;
SELECT inet_client_addr() IS NULL OR inet_client_addr() <<= '127.0.0.0/8' AS here, pg_typeof(inet_client_addr())::text AS client, pg_typeof(inet_server_addr())::text AS server;
SELECT count(*) > 0 FROM pg_stat_activity WHERE client_addr IS NULL OR family(client_addr) IN (4, 6);

-- Writing.
INSERT INTO hosts VALUES (20, '10.0.0.1/33', NULL);
INSERT INTO hosts VALUES (20, NULL, '10.0.0.1/8');
INSERT INTO hosts VALUES (20, cidr '10/8', inet '10.0.0.1/8') RETURNING *;
INSERT INTO hosts VALUES (21, '10.0.0.1'::text, NULL);
INSERT INTO hosts VALUES (21, 5, NULL);
INSERT INTO hosts SELECT 30 + id, n, a FROM hosts WHERE id < 4 RETURNING *;
UPDATE hosts SET a = a + 1, n = network(a) WHERE id > 29 RETURNING *;
UPDATE hosts SET a = '::2' WHERE a = '::1' RETURNING *;
UPDATE hosts SET n = a WHERE id = 4 RETURNING *;
DELETE FROM hosts WHERE a <<= '10/8' AND id > 29 RETURNING id;
SELECT * FROM hosts ORDER BY id;

-- Keys and indexes.
CREATE TABLE leases (ip inet PRIMARY KEY, net cidr NOT NULL, seen inet[], UNIQUE (net, ip));
INSERT INTO leases VALUES ('10.0.0.1', '10/8', '{10.0.0.2,::1}'), ('10.0.0.1/8', '10/8', NULL), ('::1', '::/0', '{}'), ('10.0.0.9', '10/8', '{NULL,10.0.0.3/24}');
INSERT INTO leases VALUES ('10.0.0.1/32', '10/8');
INSERT INTO leases VALUES ('::0001', '::/0') ON CONFLICT (ip) DO UPDATE SET seen = ARRAY[excluded.ip] RETURNING *;
SELECT * FROM leases WHERE ip = '10.0.0.1';
SELECT * FROM leases WHERE ip = '10.0.0.1/8';
SELECT * FROM leases WHERE ip = cidr '10.0.0.1';
SELECT * FROM leases WHERE ip IN ('10.0.0.1', '::1') ORDER BY ip;
SELECT * FROM leases WHERE ip >= '10.0.0.1' ORDER BY ip;
SELECT * FROM leases WHERE ip < '10.0.0.1' ORDER BY ip DESC;
SELECT * FROM leases WHERE net = '10.0.0.0/8' AND ip > '10.0.0.1' ORDER BY ip;
SELECT * FROM leases WHERE net = cidr '10/8' ORDER BY ip;
SELECT * FROM leases WHERE net = inet '10.0.0.1/8' ORDER BY ip;
SELECT * FROM leases ORDER BY ip LIMIT 2;
SELECT * FROM leases WHERE ip = 'nowhere';
UPDATE leases SET ip = '10.0.0.7' WHERE ip = '10.0.0.9' RETURNING *;
DELETE FROM leases WHERE ip = '::1' RETURNING ip;
SELECT ip, seen[1], '10.0.0.2' = ANY (seen) AS second, array_length(seen, 1), seen || inet '1.1.1.1' FROM leases ORDER BY ip;
SELECT unnest(seen) AS one FROM leases ORDER BY 1;
CREATE INDEX leases_seen ON leases (net DESC, seen);
CREATE UNIQUE INDEX leases_host ON leases (host(ip));
CREATE TABLE logins (id serial PRIMARY KEY, ip inet REFERENCES leases, via cidr DEFAULT '10.1.0.0/16' CHECK (via <<= '10/8'));
INSERT INTO logins (ip) VALUES ('10.0.0.1'), ('10.0.0.7') RETURNING *;
INSERT INTO logins (ip) VALUES ('10.0.0.8');
INSERT INTO logins (ip, via) VALUES ('10.0.0.7', '11/8');
SELECT l.id, s.net FROM logins l JOIN leases s USING (ip) ORDER BY 1;
ALTER TABLE logins ALTER COLUMN ip TYPE text;
CREATE TABLE texts (t text);
INSERT INTO texts VALUES ('10.0.0.1'), ('::1');
ALTER TABLE texts ALTER COLUMN t TYPE inet;
ALTER TABLE texts ALTER COLUMN t TYPE inet USING t::inet;
SELECT t FROM texts ORDER BY t;
ALTER TABLE texts ALTER COLUMN t TYPE cidr;
SELECT t FROM texts ORDER BY t;
ALTER TABLE texts ALTER COLUMN t TYPE inet;
SELECT t, t + 1 AS next FROM texts ORDER BY t;
ALTER TABLE texts ALTER COLUMN t TYPE int;

-- COPY.
COPY hosts FROM STDIN;
40	10.9.8.7	10.9
41	\N	::/0
\.
COPY hosts FROM STDIN (FORMAT csv);
42,10.9.8.7/24,10.9.0.0/16
\.
COPY hosts FROM STDIN;
43	10.9	10.9
\.
COPY (SELECT * FROM hosts ORDER BY id) TO STDOUT;
COPY (SELECT a, n FROM hosts ORDER BY id) TO STDOUT (FORMAT csv, HEADER);

-- JSON, records, lists.
SELECT to_json(inet '10.0.0.1'), jsonb_build_object('ip', cidr '10/8'), row_to_json(h) FROM hosts h WHERE id = 2;
SELECT row(inet '10.0.0.1', cidr '10/8'), (inet '10.0.0.1', 1) < (inet '10.0.0.2', 0) AS less;
SELECT ARRAY[inet '10.0.0.1', '::1'] AS a, '{10.1,::/0}'::cidr[] AS n, ARRAY['10.0.0.1', '::1/64']::inet[]::text[] AS t;
SELECT '{10.0.0.1}'::inet[] = ARRAY[inet '10.0.0.1'] AS same;
SELECT * FROM (VALUES (inet '10.0.0.1'), ('::1'), (NULL)) v (ip) ORDER BY ip;
WITH RECURSIVE up (ip, n) AS (SELECT inet '10.0.0.1', 1 UNION ALL SELECT ip + 1, n + 1 FROM up WHERE n < 4) SELECT ip FROM up ORDER BY ip;
PREPARE one (inet) AS SELECT id FROM hosts WHERE a = $1 ORDER BY id;
EXECUTE one ('10.0.0.1');
PREPARE other AS SELECT id, $2::cidr FROM hosts WHERE a <<= $1 ORDER BY id;
EXECUTE other ('10/8', '10.1');
CREATE VIEW near AS SELECT id, a, host(a) AS h FROM hosts WHERE a << inet '10.0.0.0/8' AND n IS NOT NULL;
SELECT * FROM near ORDER BY id;

-- Catalogs.
SELECT oid, typname, typlen, typbyval, typtype, typcategory, typispreferred, typelem, typarray, typinput::text, typoutput::text, typreceive::text, typsend::text, typalign, typstorage FROM pg_type WHERE typname IN ('inet', 'cidr', '_inet', '_cidr') ORDER BY oid;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'leases'::regclass AND attnum > 0 ORDER BY attnum;
SELECT column_name, data_type, udt_name FROM information_schema.columns WHERE table_name = 'leases' ORDER BY ordinal_position;
SELECT column_name, column_default FROM information_schema.columns WHERE table_name = 'logins' ORDER BY ordinal_position;
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'logins'::regclass ORDER BY conname;
SELECT pg_get_indexdef('leases_host'::regclass), pg_get_indexdef('leases_seen'::regclass);
SELECT opcname, opcintype, opcdefault FROM pg_opclass WHERE opcname IN ('inet_ops', 'cidr_ops') AND opcmethod = 403 ORDER BY 1;
SELECT oprname, oprcode::text FROM pg_operator WHERE oprleft = 'inet'::regtype ORDER BY oprname, oprright;
SELECT castsource, casttarget, castcontext FROM pg_cast WHERE castsource IN (650, 869) AND casttarget IN (25, 650, 869, 1042, 1043) ORDER BY 1, 2;
SELECT 'inet'::regtype::oid AS a, 869::regtype::text AS b, to_regtype('pg_catalog.inet')::text AS c, format_type(651, -1) AS d;
CREATE TABLE wrong (a inet(4));
CREATE TABLE quoted (a pg_catalog.inet, b "cidr", c inet[2]);
SELECT a, b, c FROM (SELECT NULL::inet AS a, NULL::"cidr" AS b, NULL::inet[] AS c) x;
