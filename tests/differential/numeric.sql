-- numeric, integers and floats: edges, rounding, overflow, formatting, functions.
SELECT 1 + 1;
SELECT 7 / 2;
SELECT -7 / 2;
SELECT 7 % 3;
SELECT -7 % 3;
SELECT 7 % -3;
SELECT 2 ^ 10;
SELECT 2 ^ 0.5;
SELECT |/ 2;
SELECT ||/ 27;
SELECT @ -5;
-- differs: operators and numbers PostgreSQL does not read
SELECT 5 ! IS NULL;
SELECT 91 & 15, 32 | 3, 17 # 5, ~1, 1 << 4, 8 >> 2, -8 >> 1;
SELECT 1 / 0;
SELECT 1 % 0;
SELECT 1.0 / 0;
SELECT 1::float8 / 0;
SELECT 0::numeric % 0;
SELECT 2147483647 + 1;
SELECT -2147483648 - 1;
SELECT 2147483647::int * 2;
-- differs: constants take the type of what they are
SELECT -(-2147483648);
SELECT abs(-2147483648);
SELECT 32767::smallint + 1::smallint;
SELECT 32768::smallint;
SELECT 9223372036854775807 + 1;
SELECT 9223372036854775808, -9223372036854775808, 9223372036854775808::bigint;
SELECT (-9223372036854775808) / -1;
SELECT (-2147483648)::int % -1;
SELECT 2147483648::int;
SELECT '2147483648'::int;
SELECT ' 42 '::int, '-7'::smallint, '+5'::bigint;
SELECT '4 2'::int;
SELECT ''::int;
SELECT '1.5'::int;
SELECT '0x1F'::int;
SELECT '1_000'::int;
SELECT 1.5::int, 2.5::int, -1.5::int, 0.5::int, 2.5::float8::int, 3.5::float8::int, -2.5::float8::int;
SELECT 1e10::int;
SELECT 'NaN'::float8::int;
SELECT 'NaN'::numeric::int;
SELECT 0.1 + 0.2, 0.1::float8 + 0.2::float8, 1.10, 1.100 = 1.1, 1e3, 1e-3, 1.5e2, .5, 5.;
SELECT 1.0 / 3, 2.0 / 3, 10.0 / 3.00, 1 / 3.0, 100000 / 3.0, 1e-10 / 3, 1e20 / 3;
SELECT 1.23 * 4.567, 1.5 + 1.25, 1.5 - 1.500, 5.5 % 2, -5.5 % 2, 1e100 * 1e100;
SELECT 12345678901234567890.123456789 * 98765432109876543210.987654321;
SELECT 12345678901234567890123456789012345678901234567890 + 1, 99999999999999999999999999999999999999.99 * 2;
SELECT numeric '123.456', numeric(5, 2) '123.456', 123.456::numeric(6, 1), 123.456::numeric(4), 0.005::numeric(3, 2), -0.005::numeric(3, 2), 0.0049::numeric(3, 2);
SELECT 1234::numeric(3, 0);
SELECT 12.5::numeric(2, -1), 1250::numeric(3, -2), 0.00012::numeric(3, 5);
SELECT numeric 'NaN', numeric 'Infinity', numeric '-inf', 'NaN'::numeric = 'NaN'::numeric, 'NaN'::numeric > 'Infinity'::numeric, 'Infinity'::numeric - 'Infinity'::numeric, 'Infinity'::numeric * 0;
SELECT numeric '1' / 'Infinity', 'Infinity'::numeric / 2, 'Infinity'::numeric > 1e100;
SELECT numeric 'abc';
SELECT numeric '';
SELECT numeric '1e400', numeric '1e-400' > 0;
SELECT '1e400'::float8;
SELECT '1e-400'::float8;
SELECT 1e308::float8 * 10;
SELECT 1e-308::float8 / 1e10;
SELECT float8 'NaN' = float8 'NaN', float8 'NaN' > float8 'Infinity', float8 '-0' = 0, float8 '-0', float8 'Infinity' - float8 'Infinity';
SELECT 1e15::float8, 1e16::float8, 1.5e-5::float8, 123456789.123456789::float8, 0.1::float4, 1e10::float4, 16777217::float4, 3.4e38::float4;
SELECT 1e39::float4;
SELECT 0.1::float4::float8, 0.1::float4::numeric, 1.23456789012345678::float8::numeric, 1e20::float8::bigint IS NULL;
SELECT float8 '1e22', float8 '123456789012345680', float4 '1.1754944e-38', float8 '4.9e-324', float8 '1.7976931348623157e308';
SELECT round(2.5), round(-2.5), round(2.567, 2), round(1234.5, -2), round(2.5::float8), round(3.5::float8), round(-0.4::float8), round(5, -1), round(1e20);
SELECT trunc(2.7), trunc(-2.7), trunc(2.567, 1), trunc(1234.5, -2), trunc(2.7::float8), ceil(2.1), ceil(-2.1), floor(-2.1), floor(2.9::float8), ceiling(0.5);
SELECT sign(-5), sign(0), sign(2.5), sign(-2.5::float8), abs(-2.5), abs(-2.5::float8), mod(7, 3), mod(-7.5, 2), div(7, 2), div(-7.5, 2);
SELECT sqrt(2), sqrt(2::numeric), sqrt(4::float8), cbrt(27), exp(1), exp(1::numeric), ln(10), ln(10::numeric), log(100), log(2, 8), log10(1000);
SELECT sqrt(-1);
SELECT sqrt(-1::numeric);
SELECT ln(0);
SELECT ln(-1::numeric);
SELECT log(1, 2);
SELECT log(0::numeric, 2);
SELECT power(2, 3), power(2::numeric, 0.5), power(0, 0), power(2, -1), power(-8, 3), 2::numeric ^ 100, power(10::numeric, -5);
SELECT power(-8::numeric, 0.5);
SELECT power(0::numeric, -1);
SELECT power(-1::float8, 0.5);
-- differs: numeric range
SELECT exp(1000::numeric) > 0, exp(-1000::numeric);
SELECT exp(1000::float8);
SELECT factorial(5);
SELECT factorial(20);
SELECT factorial(25);
SELECT gcd(12, 18);
SELECT lcm(4, 6);
SELECT gcd(0, 0);
SELECT gcd(1.5, 1);
SELECT lcm(1.5, 1);
SELECT factorial(-1);
SELECT pi(), sin(1), cos(1), tan(1), asin(1), acos(1), atan(1), atan2(1, 2), cot(1), sinh(1), cosh(1), tanh(1), degrees(pi()), radians(180);
SELECT sind(30);
SELECT cosd(60);
SELECT tand(45);
SELECT asind(0.5);
SELECT acosd(0.5);
SELECT atand(1);
SELECT atan2d(1, 1);
SELECT cotd(45);
SELECT asin(2);
SELECT width_bucket(5.35, 0.024, 10.06, 5), width_bucket(0, 1, 10, 5), width_bucket(11, 1, 10, 5), width_bucket(5, ARRAY[1, 3, 6]), width_bucket(5.0::float8, 10, 0, 5);
SELECT width_bucket(1, 1, 1, 5);
SELECT width_bucket(1, 1, 2, 0);
SELECT scale(1.230);
SELECT min_scale(1.230);
SELECT trim_scale(1.230);
SELECT scale(5);
-- differs: missing functions
SELECT numeric_inc(1.5);
SELECT greatest(1, 2.5, 2::float8), least(1, 2.5), greatest(1, NULL, 3);
SELECT 1 = 1.0, 1 = 1::float8, 0.1 = 0.1::float8, 0.1::float4 = 0.1, 1::smallint = 1::bigint, 16777217 = 16777217::float4;
SELECT pg_typeof(1)::text, pg_typeof(1.0)::text, pg_typeof(1e0)::text, pg_typeof(3000000000)::text, pg_typeof(1::smallint + 1)::text, pg_typeof(1 + 1.0)::text, pg_typeof(1.0 + 1::float8)::text, pg_typeof(1::float4 * 1)::text, pg_typeof(sum(1))::text, pg_typeof(avg(1))::text, pg_typeof(2 ^ 2)::text, pg_typeof(round(1.5))::text, pg_typeof(1::bigint / 2)::text;
SELECT to_char(1234.5, '9,999.99'), to_char(-1234.5, '9,999.99'), to_char(1234.5, 'FM9,999.990'), to_char(0.5, '0.99'), to_char(0.5, '9.99'), to_char(12, '0000'), to_char(12, '99999'), to_char(123456, '999');
SELECT to_char(-5, '9PR'), to_char(-5, 'S9'), to_char(5, 'S9'), to_char(5, '9MI'), to_char(-5, '9MI'), to_char(5, 'SG9'), to_char(485, 'RN'), to_char(485, 'FMRN'), to_char(4000, 'RN');
SELECT to_char(1e6, '9.99EEEE');
SELECT to_char(0.00012, '9.99EEEE');
SELECT to_char(12345.678, '99999D9G9');
SELECT to_char(12, '9th');
SELECT to_char(1, '9TH');
SELECT to_char(12.45, '99V9');
SELECT to_char(1234567, '9G999G999');
SELECT to_char(5, 'L9');
SELECT to_char(3.14::float8, '9.999'), to_char('NaN'::float8, '9.9'), to_char('Infinity'::float8, '9.9'), to_char(1234::bigint, '9999'), to_char(12::smallint, 'FM999');
SELECT to_number('1,234.56', '9,999.99');
SELECT to_number('-12', 'S99');
SELECT to_number('12-', '99S');
SELECT to_number('$5', 'L9');
-- differs: formatting of numbers
SELECT to_number('1234', '99');
-- differs: what an error about a date or number quotes
SELECT to_number('abc', '999');
SELECT to_hex(255), to_hex(-1), to_hex(4294967296::bigint);
-- differs: missing functions
SELECT random() >= 0 AND random() < 1, setseed(0.5) IS NOT NULL;
SELECT 1 <> 2, 1 != 2, 1 <= 2, NOT 1 > 2, 1 < 2 AND 2 < 3, 1 BETWEEN 0 AND 2, 1 BETWEEN SYMMETRIC 2 AND 0, 1 NOT BETWEEN 2 AND 3;
-- differs: operators and numbers PostgreSQL does not read
SELECT 1 < 2 < 3;
SELECT 1 + 'a';
SELECT 1 + '2', '1' + '2', 1 || 'a', 'a' || 1.5;
SELECT 1 + true;
SELECT 1 = '1', 1 = 'x';
SELECT 1 + NULL, -NULL::int, NULL % 5;
SELECT -2 ^ 2, (-2) ^ 2, 2 ^ 3 ^ 2, 2 * 3 + 4, 2 + 3 * 4, - - 5, +5, 5 - -5, 10 - 2 - 3;
SELECT 5 /-2, 5 %-3, 1 --comment
 + 1;
-- differs: bit strings
SELECT 1::bit(4);
-- differs: bit strings
SELECT 5::bit(8);
-- differs: bit strings
SELECT b'1010'::int;
-- differs: bit strings
SELECT 44::bit(3);
-- differs: bit strings
SELECT b'101' & b'110';
-- differs: bit strings
SELECT b'101' || b'1';
-- differs: bit strings
SELECT length(b'101');
-- differs: bit strings
SELECT ~ b'101';
SELECT 1::bool, 0::bool, true::int, 5::bool, false::int::text;
SELECT 2::smallint::bool;
-- differs: money and xml
SELECT money '12.34';
SELECT sum(x), avg(x), stddev(x) FROM (VALUES (1e20), (1), (-1e20)) v (x);
SELECT sum(x), avg(x) FROM (VALUES (1e20::float8), (1), (-1e20)) v (x);
SELECT x, x::numeric(10, 2), x::int FROM (VALUES (1.005), (1.015), (-1.005), (2.675)) v (x) ORDER BY x;
SELECT x FROM (VALUES (1.0), (1.00), (1)) v (x) GROUP BY x;
SELECT count(DISTINCT x) FROM (VALUES (1.0), (1.00), (1), (1.01)) v (x);
SELECT x FROM (VALUES (numeric 'NaN'), ('Infinity'), ('-Infinity'), (0), (-1.5)) v (x) ORDER BY x;
SELECT x FROM (VALUES (float8 'NaN'), ('Infinity'), ('-Infinity'), (0), (-1.5)) v (x) ORDER BY x DESC;
CREATE TABLE edges (id int PRIMARY KEY, n numeric, f float8);
INSERT INTO edges VALUES (1, 'NaN', 'NaN'), (2, 1e50, 'Infinity'), (3, 1e-50, '-Infinity'), (4, 2, 2);
-- differs: numeric range
SELECT * FROM edges ORDER BY id;
SELECT * FROM edges WHERE id = 1;
-- differs: numeric range
SELECT n FROM edges ORDER BY n;
-- differs: numeric range
SELECT id FROM edges WHERE n > 1 ORDER BY id;
-- differs: numeric range
SELECT max(n), min(n), sum(n) FROM edges;
SELECT f FROM edges ORDER BY f;
SELECT max(f), min(f) FROM edges;
CREATE TABLE nums (id int PRIMARY KEY, n numeric, p numeric(12, 4), f4 real, f8 double precision, s smallint, b bigint);
INSERT INTO nums VALUES (1, 1.50, 1.5, 1.1, 1.1, 1, 1), (2, 7, 8, 'NaN', 'NaN', -32768, -9223372036854775808), (3, 1e20, 99999999.9999, 'Infinity', '-Infinity', 32767, 9223372036854775807), (4, -0.0, -0.00001, -0.0, -0.0, 0, 0), (5, 0.000000000000000000000000000001, NULL, 1e-40, 5e-324, NULL, NULL);
SELECT * FROM nums ORDER BY id;
SELECT id FROM nums ORDER BY n, id;
SELECT id FROM nums ORDER BY f8 DESC, id;
SELECT id FROM nums WHERE n > 1 ORDER BY id;
SELECT id, n + 1, n * 2, n / 3, -n FROM nums WHERE id IN (1, 4) ORDER BY id;
SELECT id, n = 7, p = 8, f8 = 'NaN' FROM nums ORDER BY id;
SELECT max(n), min(n), sum(p), avg(f4) FROM nums WHERE id IN (1, 4, 5);
SELECT max(n), min(n), sum(n) FROM nums;
UPDATE nums SET s = s + 1 WHERE id = 3;
UPDATE nums SET b = b - 1 WHERE id = 2;
UPDATE nums SET n = n + 1, f8 = f8 * 2, p = p / 3 WHERE id = 1 RETURNING *;
CREATE INDEX nums_n ON nums (n);
SELECT id FROM nums WHERE n = 2.5;
SELECT id FROM nums WHERE n = 2.500 OR n = 7 ORDER BY id;
SELECT id FROM nums WHERE f8 = 2.2 ORDER BY id;
SELECT id FROM nums WHERE b = 1.0 ORDER BY id;
SELECT id FROM nums WHERE id = 1.5;
SELECT id FROM nums WHERE id = 3000000000;
SELECT id FROM nums WHERE id < 2.5 ORDER BY id;
SELECT id FROM nums WHERE s = 40000;
-- NaN in columns with and without a precision.
CREATE TABLE not_numbers (id int PRIMARY KEY, a numeric, b numeric(8,2));
INSERT INTO not_numbers VALUES (1, 'NaN', 'NaN'), (2, 1.5, 2.25), (3, 'Infinity', NULL), (4, '-Infinity', -1), (5, NULL, 'NaN');
SELECT * FROM not_numbers ORDER BY id;
SELECT id, b FROM not_numbers ORDER BY b, id;
SELECT id, a FROM not_numbers ORDER BY a, id;
SELECT b, count(*) FROM not_numbers GROUP BY b ORDER BY b;
SELECT id FROM not_numbers WHERE b = 'NaN' ORDER BY id;
SELECT id FROM not_numbers WHERE b > 2 ORDER BY id;
SELECT id FROM not_numbers WHERE a >= b ORDER BY id;
SELECT max(b), min(b), count(DISTINCT b), avg(b), sum(a) FROM not_numbers;
SELECT id, b::float8, b::text, b::numeric, a + 1, a * 2 FROM not_numbers ORDER BY id;
SELECT n.id, m.id FROM not_numbers n JOIN not_numbers m USING (b) ORDER BY 1, 2;
SELECT sum(b) FROM not_numbers WHERE b <> 'NaN';
INSERT INTO not_numbers VALUES (6, 1, 'Infinity');
DROP TABLE not_numbers;
