-- Regular expressions with a start, a place and flags.

select regexp_replace('abcabc', 'b', 'X', 4), regexp_replace('abcabc', 'b', 'X', 1, 2), regexp_replace('A PostgreSQL function', 'a|e|i|o|u', 'X', 1, 3, 'i'), regexp_replace('aaa', 'a', 'b', 2);

select regexp_replace('abc', 'b', '[\&]'), regexp_replace('foobarbaz', 'b(..)', '[\1]', 'g'), regexp_replace('abc', 'b', 'x', 'q'), regexp_replace('abc', 'b*', 'X', 'g');

select regexp_replace('abc', 'b', 'x', '1');

select regexp_replace('abc', 'b', 'x', 0);

select regexp_count('ababab', 'ab'), regexp_count('ababab', 'ab', 2), regexp_count('ABab', 'ab', 1, 'i'), regexp_count('abc', '');

select regexp_count('a', 'a', 0);

select regexp_instr('banana', 'n', 1, 2), regexp_instr('banana', 'an', 1, 1, 1), regexp_instr('banana', '(a)(n)', 1, 2, 0, 'i', 2), regexp_instr('x', 'y');

select regexp_instr('a', 'a', 1, 0);

select regexp_instr('a', 'a', 1, 1, 2);

select regexp_substr('banana', '[^a]a', 1, 2), regexp_substr('foobar', 'o(.)', 1, 1, '', 1), regexp_substr('a', 'b');

select regexp_like('abc', 'B', 'i'), regexp_like('abc', 'B'), regexp_match('abc', '(a)(x)?');

select regexp_match('abc', 'b', 'g');

select regexp_like('abc', 'b', 'g');

select x from regexp_matches('a1b2c3', '([a-z])(\d)', 'g') x;

select x from regexp_split_to_table('a, b,c', ',\s*') x;

select x from regexp_split_to_table('aXbxc', 'x', 'i') x;

select 'x' ~ '(';

select 'x' ~ '[';

select 'x' ~ '*';

select 'a.b' ~ 'a\.b', 'foobar' ~ '\mfoo', 'foo bar' ~ 'foo\M', 'ab' ~* 'AB';

select substring('foobar', '%#"o_b#"%', '#'), substring('foobar' from 'o(.)b');

-- Strings.

select string_to_table('a,b,,c', ',', '');

select x from string_to_table('a b', null) x;

select parse_ident('"Some".tab'), parse_ident('a.b.c'), parse_ident('a b', false);

select parse_ident('a b');

select unistr('\0041\+000042\u0043\U00000044\\');

select unistr('\xyz');

select like_escape('a$%', '$'), 'abc' like 'a_c', "like"('abc', 'a%'), notlike('abc', 'a%');

select format('x'), format('%s is %L and %I, %%', 'x', 'it''s', 'Tab le'), format('%2$s %1$s', 'a', 'b');

select concat();

select concat_ws(',');

select chr(-1);

select overlay('abcdef' placing 'XX' from 3), overlay('abcdef' placing 'XX' from 3 for 1), translate('12345', '143', 'ax'), split_part('a,b,c', ',', -1), initcap('hello WORLD'), lpad('hi', 5, 'xy'), quote_ident('A b'), quote_literal('it''s'), quote_nullable(null);

-- Bytes.

select '\x01'::bytea || '\x02'::bytea, substring('\x010203'::bytea from 2 for 1), position('\x02'::bytea in '\x0102'::bytea), overlay('\x010203'::bytea placing '\xff'::bytea from 2);

select get_byte('\x0102'::bytea, 1), set_byte('\x0102'::bytea, 0, 255), get_bit('\x01'::bytea, 0), set_bit('\x00'::bytea, 3, 1), bit_count('\xff01'::bytea), bit_length('\xff01'::bytea), md5('\x61'::bytea);

select get_byte('\x01'::bytea, 5);

select btrim('\x000100'::bytea, '\x00'::bytea), ltrim('\x0001'::bytea, '\x00'::bytea), rtrim('\x0100'::bytea, '\x00'::bytea);

select convert_from('\xc3a9'::bytea, 'UTF8'), convert_to('é', 'UTF8'), length('\xc3a9'::bytea, 'UTF8');

select convert_from('\xff'::bytea, 'UTF8');

-- Numbers.

select sind(30), cosd(60), tand(45), cotd(45), asind(0.5), acosd(0.5), atand(1), atan2d(1, 1), sind(-150), cosd(270), tand(135);

select round(asinh(1)::numeric, 10), round(acosh(2)::numeric, 10), round(atanh(0.5)::numeric, 10);

select acosh(0.5);

select gcd(12.5, 5), lcm(1.5, 2.25), gcd(0.0, 5), lcm(0, 5.00), gcd(12, -18), lcm(4, 6), min_scale(8.4100), min_scale(8), scale(1.500), trim_scale(1.500);

select width_bucket(1, 1, 1, 5);

select width_bucket(5.35, 0.024, 10.06, 5), width_bucket(3, array[1, 2, 5]), div(7.5, 2), mod(-7, 3), factorial(20), log(2, 64), log(100), ln(1);

-- Arrays.

select array_dims(array[1, 2]), array_dims(array[[1, 2], [3, 4]]), array_ndims(array[[1]]), cardinality(array[[1, 2], [3, 4]]), array_length(array[[1, 2, 3], [3, 4, 5]], 2), array_upper(array[[1, 2], [3, 4]], 1), array_lower(array[1], 1);

select array_ndims('{}'::int[]), cardinality('{}'::int[]), array_dims('{}'::int[]);

select array_fill(7, array[3]), array_fill(null::text, array[2]), array_fill(1, array[0]);

select array_fill(7, null);

select array_position(array['a', 'b', 'a'], 'a', 2), array_position(array[1, 2], 3), array_positions(array[1, 2, 1], 1), array_remove(array[1, 2, 1], 1), array_replace(array[1, 2, 1], 1, 9), trim_array(array[1, 2, 3], 2), array_to_string(array['a', null, 'b'], ',', '*');

select x from generate_subscripts(array['a', 'b', 'c'], 1, true) x;

-- differs: numbers of rows of arrays of different lengths
select * from unnest(array[1, 2], array['a', 'b', 'c']) with ordinality t(x, y, o);

select array_to_json(array[1, 2]), array_to_json(array[[1, 2], [3, 4]]), array_to_json(array['a', null]);

select array_to_json(array_agg(t order by t.x)) from (values (1, 'a'), (2, 'b')) t(x, y);

-- Rows as values are text here.

select row(1, 'a', null)::text, row('a b', '', 'q"x')::text, (1, 2)::text;

select t::text from (values (1, 'p q'), (null, null)) t(x, y);

select count(*) from (values (1, 'p'), (null, null)) t(x, y) where t is null;

select count(*) from (values (1, 'p'), (null, null), (1, null)) t(x, y) where t is not null;

select (t).y from (values (1, 'p')) t(x, y);

select count(distinct (x, y)) from (values (1, 2), (1, 2), (2, 1)) t(x, y);

select row(1, 5) between row(1, 2) and row(2, 1), (1, 1) not between (1, 2) and (2, 1);

select u::text, u is null from (values (1), (2)) t(x) left join (values (1, 'a')) u(x, y) on t.x = u.x order by t.x;

-- Names that aren't there.

select carier from (values (1)) t(carrier);

select t.carier from (values (1)) t(carrier);

select u.x from (values (1)) t(x);

select * from (values (1)) t(x), (select t.x) u;

select * from (values (1)) t(x), (select x) u;

select nam, alti from (values (1, 2)) t(name, alt);

select nope(1, 'a', null);

select 1 + 'a'::text;

select * from nosuch;

select lower('a') from (values (1)) t(x) where y = 1;

-- Grammar around aggregates and windows.

select sum(row_number() over ()) from (values (1)) t(x);

select x, count(*) over () from (values (1)) t(x) group by x, row_number() over ();

select grouping(x) from (values (1, 2)) t(x, y) group by y;

select sum(x) over (order by x rows between -1 preceding and current row) from (values (1)) t(x);

select sum(x) over (order by x rows x preceding) from (values (1)) t(x);

select sum(x) over (order by x rows between 1.5 preceding and current row) from generate_series(1, 4) x order by 1;

select percentile_cont(0.5) within group (order by x) from (values ('a')) t(x);

select distinct j from (select '{"a":1}'::json j) t;

select * from lower('a') as t(x text);

select 1 = any (5);

-- Rows sort and compare part by part.

select x, y from (values (10, 'a'), (9, 'b'), (9, 'a')) t(x, y) order by (x, y);

select x, y from (values (10, 'a'), (9, 'b'), (9, 'a')) t(x, y) order by t desc;

select string_agg(x::text, ',' order by (x, y)) from (values (10, 'a'), (9, 'b')) t(x, y);

select t = u, t < u from (values (10, 1.0)) t(x, y), (values (9, 1.00)) u(x, y);

select max((x, y)) from (values (10, 'a')) t(x, y);
