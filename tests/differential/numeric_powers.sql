-- Logarithms, exponentials, powers and roots of numerics: every digit, and how many there are.
CREATE TABLE n (v numeric);
INSERT INTO n VALUES (0.000123), (0.5), (0.9), (0.95), (0.99999), (1), (1.0000001), (1.05), (1.1), (1.2), (2), (2.5), (3.14159), (9.99), (10), (12.345678901234567890), (99.5), (100), (1234.5678), (65536), (1e10), (1.5e20), (123456789012345678901234567890), (1e-10), (3e-30);
SELECT v, ln(v) FROM n ORDER BY v;
SELECT v, log(v) FROM n ORDER BY v;
SELECT v, log(2, v) FROM n ORDER BY v;
SELECT v, log(v, 7) FROM n WHERE v <> 1 ORDER BY v;
SELECT v, sqrt(v) FROM n ORDER BY v;
SELECT v, exp(v) FROM n WHERE v < 80 ORDER BY v;
SELECT v, exp(-v) FROM n WHERE v < 50 ORDER BY v;
SELECT v, power(v, 2), power(v, 3), power(v, -1), power(v, -3), power(v, 0) FROM n WHERE v BETWEEN 1e-9 AND 1e10 ORDER BY v;
SELECT v, power(v, 10), power(v, 2.000000000000000000000000) FROM n WHERE v BETWEEN 1e-3 AND 1e3 ORDER BY v;
SELECT v, power(v, 0.5), power(v, -0.5), power(v, 1.5), power(v, 0.001) FROM n WHERE v BETWEEN 1e-9 AND 1e10 ORDER BY v;
SELECT v, power(v, 7.25), power(v, -3.3) FROM n WHERE v BETWEEN 0.1 AND 1e3 ORDER BY v;
SELECT v, v ^ 2, v ^ 0.1, 2 ^ (v / 10) FROM n WHERE v BETWEEN 1e-20 AND 130 ORDER BY v;
SELECT power(1.0001, 100000), power(0.9999, 100000), power(1.5, 200), power(0.5, 400), power(2::numeric, 110), power(0.5, -100);
SELECT power(0::numeric, 2), power(0::numeric, 0), power(0::numeric, 0.5), power(-2::numeric, 3), power(-2::numeric, -3), power(-0.5, 2);
SELECT power(0::numeric, -1);
SELECT power(-1::numeric, 0.5);
SELECT power('NaN'::numeric, 0), power('NaN'::numeric, 1), power(1, 'NaN'::numeric), power('Infinity'::numeric, 2), power(2, 'Infinity'::numeric), power(2, '-Infinity'::numeric), power('-Infinity'::numeric, 3), power('Infinity'::numeric, 0);
SELECT ln('NaN'::numeric), ln('Infinity'::numeric), log('Infinity'::numeric), exp('Infinity'::numeric), exp('-Infinity'::numeric), exp('NaN'::numeric), sqrt('Infinity'::numeric), sqrt('NaN'::numeric);
SELECT ln('NaN'::numeric), exp('NaN'::numeric), sqrt('NaN'::numeric), log('NaN'::numeric), power('NaN'::numeric, 2);
SELECT ln(0::numeric);
SELECT ln(-1::numeric);
SELECT log(1::numeric, 5);
SELECT log(0::numeric, 5);
-- differs: numeric range
SELECT ln(1e-400), log(1e-400), ln(1e400), log(1e400);
-- differs: numeric range
SELECT exp(1000::numeric);
-- differs: numeric range
SELECT exp(-1000::numeric);
SELECT exp(6001::numeric);
-- differs: numeric range
SELECT exp(-6001::numeric);
SELECT power(10::numeric, 200000);
SELECT power(10::numeric, -200000), power(1e15, -2000000000), power(1e-15, 2000000000), power(0.999999999, 2000000000);
SELECT exp(1::numeric), exp(0::numeric), exp(1.00000000000000000000), exp(2.302585092994045684), ln(2.71828182845904523536028747), exp(0.1), exp(-0.1);
SELECT ln(1.000000000000000000001), log(1.000000000000000000001), ln(0.999999999999999999999);
SELECT sqrt(2::numeric), sqrt(0.0001), sqrt(0.00001), sqrt(1e-20), sqrt(1e20), sqrt(0.5), sqrt(10000::numeric), sqrt(99999999::numeric), sqrt(15241578750190521::numeric), sqrt(0::numeric), sqrt(0.000);
SELECT to_timestamp(t) AT TIME ZONE 'UTC' FROM (SELECT (1.7e9 + i * 0.123457)::float8 AS t FROM generate_series(1, 40) i) q;
SELECT to_timestamp(t) AT TIME ZONE 'UTC' FROM (SELECT (-1e9 - i * 12345.654321)::float8 AS t FROM generate_series(1, 20) i) q;
SELECT to_timestamp(0), to_timestamp('infinity'::float8), to_timestamp('-infinity'::float8);
SELECT to_timestamp(1e20);
SELECT to_timestamp('NaN'::float8);
