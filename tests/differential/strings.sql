-- text, varchar, char, bytea, uuid, patterns and string functions.
-- differs: literals that touch
SELECT 'a' 'b';
SELECT 'a'
 'b', E'tab\there', E'\x41\u0042', U&'d\0061t\+000061', $$dollar 'quoted'$$, $tag$a $$ b$tag$, 'it''s';
SELECT length('héllo'), char_length('日本'), octet_length('日本'), bit_length('a'), length('a  '::char(5)), length('');
-- differs: letters outside ASCII
SELECT upper('straße é');
SELECT lower('ÀÉ');
SELECT initcap('hello wORLD-foo_bar 2nd');
SELECT reverse('abc日');
SELECT repeat('ab', 3);
SELECT repeat('a', -1);
SELECT repeat('', 5);
SELECT substring('abcdef' FROM 2 FOR 3);
SELECT substring('abcdef' FROM 0 FOR 3);
SELECT substring('abcdef' FROM -1 FOR 3);
SELECT substring('abcdef', 4);
SELECT substring('abcdef' FOR 2);
SELECT substr('abcdef', 2, 2);
SELECT substring('日本語', 2, 1);
SELECT substring('abc' FROM 1 FOR -1);
SELECT left('abcdef', 2), left('abcdef', -2), right('abcdef', 2), right('abcdef', -2), left('a', 10), left('abc', 0);
SELECT trim('  a  '), trim(BOTH 'x' FROM 'xxaxx'), trim(LEADING FROM '  a '), trim(TRAILING 'ab' FROM 'cab'), ltrim('xxyax', 'xy'), rtrim('abcc', 'c'), btrim('..a..', '.'), trim('xy' FROM 'yxay');
SELECT lpad('5', 3, '0'), rpad('5', 3), lpad('abc', 2), rpad('ab', 5, 'xy'), lpad('x', 0), lpad('x', 5, '');
SELECT position('b' IN 'abc'), position('' IN 'abc'), position('z' IN 'abc'), strpos('abc', 'c'), position('語' IN '日本語');
SELECT replace('aXbX', 'X', 'yy'), replace('abc', '', 'x'), translate('12345', '143', 'ax'), overlay('abcdef' PLACING 'XX' FROM 3 FOR 2), overlay('abcdef' PLACING 'X' FROM 2);
SELECT split_part('a,b,c', ',', 2), split_part('a,b,c', ',', -1), split_part('a,b,c', ',', 9), split_part('abc', '', 1);
SELECT split_part('a,b', ',', 0);
SELECT concat('a', 1, NULL, true, 1.5);
SELECT concat_ws('-', 'a', NULL, 'b', 2);
SELECT concat();
SELECT 'a' || 'b' || 'c';
SELECT concat_ws(NULL, 'a', 'b'), concat_ws(',');
SELECT format('%s is %L and %I, %%', 'x', 'it''s', 'Tab le');
SELECT format('%2$s %1$s', 'a', 'b');
SELECT format('%5s|%-5s|', 'a', 'b');
SELECT format('%s', NULL);
SELECT format('%L', NULL);
SELECT format('%*s', 4, 'x');
SELECT format('%I', NULL);
SELECT format('%s');
SELECT format('%y', 1);
SELECT quote_ident('Table');
SELECT quote_ident('ok');
SELECT quote_ident('select');
SELECT quote_literal('it''s');
SELECT quote_literal(E'a\\b');
SELECT quote_nullable(NULL);
SELECT quote_literal(5);
SELECT ascii('A'), ascii(''), ascii('é'), chr(65), chr(233), chr(26085);
SELECT chr(0);
SELECT md5('abc');
SELECT md5('');
SELECT sha256('abc'::bytea);
SELECT encode(sha512('abc'), 'hex');
SELECT encode(sha224('a'), 'base64');
SELECT encode('\x0102ff'::bytea, 'hex'), encode('abc'::bytea, 'base64'), encode('\x00ff41'::bytea, 'escape'), decode('AQL/', 'base64'), decode('0102', 'hex'), decode('a\000b', 'escape');
SELECT decode('zz', 'hex');
SELECT decode('abc', 'nope');
SELECT convert_from('\xc3a9'::bytea, 'UTF8');
SELECT convert_to('é', 'UTF8');
-- differs: encodings
SELECT convert_to('é', 'LATIN1');
SELECT convert_from('\xff'::bytea, 'UTF8');
SELECT starts_with('abc', 'ab'), 'abc' ^@ 'ab', starts_with('abc', '');
SELECT string_to_array('a,b,,c', ','), string_to_array('a,b,,c', ',', ''), string_to_array('abc', NULL), string_to_array('', ','), string_to_array('abc', ''), array_to_string(ARRAY[1, NULL, 3], ',', '*'), array_to_string(ARRAY['a', NULL], ',');
SELECT string_to_table('a,b,c', ',') ORDER BY 1;
SELECT 'abc' LIKE 'a%', 'abc' LIKE '_b_', 'abc' LIKE 'ABC', 'abc' ILIKE 'A%', 'a%c' LIKE 'a\%c', 'a%c' LIKE 'a!%c' ESCAPE '!', 'abc' NOT LIKE 'b%', 'abc' LIKE '', '' LIKE '%', E'a\nb' LIKE 'a%b', 'abc' LIKE '%%c', 'ab' LIKE 'a_b';
-- differs: patterns that end in their escape
SELECT 'abc' LIKE 'abc\';
SELECT 'abc' LIKE 'a' ESCAPE 'xy';
SELECT 'a_c' LIKE 'a\_c' ESCAPE '', 'É' ILIKE 'é', 'abc' ~~ 'a%', 'abc' !~~ 'a%', 'abc' ~~* 'A%', 'abc' !~~* 'B%';
SELECT 'abc' SIMILAR TO 'a(b|x)c', 'abc' SIMILAR TO 'ab', 'abc' SIMILAR TO '%(b|d)%', 'abc' NOT SIMILAR TO 'x%', 'aaa' SIMILAR TO 'a{2,3}', 'a.c' SIMILAR TO 'a.c', 'abc' SIMILAR TO 'a.c';
-- differs: regular expressions
SELECT substring('foobar' SIMILAR '%#"o_b#"%' ESCAPE '#'), substring('foobar' FROM '%#"o_b#"%' FOR '#');
SELECT 'abc' ~ 'b';
SELECT 'abc' ~ '^b';
SELECT 'abc' ~* 'B';
SELECT 'abc' !~ 'z';
SELECT 'abc' !~* 'A';
SELECT 'a1b2' ~ '\d';
SELECT 'a b' ~ '\s';
SELECT 'foo.bar' ~ 'o\.b';
SELECT 'abc' ~ '(?i)B';
SELECT 'aaa' ~ '^a{3}$';
SELECT 'a' ~ '[[:alpha:]]';
SELECT 'é' ~ '\w';
SELECT 'abc' ~ '';
SELECT E'a\nb' ~ 'a.b';
SELECT E'a\nb' ~ '^b';
SELECT 'x' ~ '(';
SELECT 'x' ~ '[';
SELECT 'x' ~ '*';
SELECT 'x' ~ 'a{2,1}';
-- differs: regular expressions
SELECT 'abab' ~ '(ab)\1';
-- differs: regular expressions
SELECT 'foobar' ~ 'foo(?=bar)';
-- differs: regular expressions
SELECT 'foobaz' ~ 'foo(?!bar)';
SELECT 'foobar' ~ '\mfoo';
SELECT 'foo bar' ~ 'foo\M';
SELECT 'foo bar' ~ '\yb';
SELECT substring('foobar' FROM 'o(.)b'), substring('foobar' FROM 'o.b'), substring('foobar' FROM 'z'), substring('abc123' FROM '[0-9]+'), substring('foobar', 'o(.)b');
SELECT regexp_replace('foobarbaz', 'b..', 'X');
SELECT regexp_replace('foobarbaz', 'b..', 'X', 'g');
SELECT regexp_replace('foobarbaz', 'b(..)', '[\1]', 'g');
-- differs: regular expressions
SELECT regexp_replace('abc', '(?<x>b)', '\\&');
SELECT regexp_replace('Hello', 'L', 'x', 'gi');
SELECT regexp_replace('abc', '', '-', 'g');
SELECT regexp_replace('abc', 'b', '\&\&');
SELECT regexp_replace('A PostgreSQL function', 'a|e|i|o|u', 'X', 1, 3, 'i'), regexp_replace('aaa', 'a', 'b', 2);
SELECT regexp_match('foobarbequebaz', '(bar)(beque)'), regexp_match('foobar', 'bar'), regexp_match('foo', 'z'), regexp_match('abc', '(z)?b'), regexp_match('ABC', 'b', 'i');
SELECT regexp_matches('foobarbequebazilbarfbonk', '(b[^b]+)(b[^b]+)', 'g');
SELECT regexp_matches('abc', 'z');
SELECT regexp_split_to_array('hello  world foo', '\s+'), regexp_split_to_array('abc', ''), regexp_split_to_array('a1b2c', '\d');
SELECT regexp_split_to_table('the quick fox', ' ') ORDER BY 1;
SELECT regexp_count('ababa', 'ab');
SELECT regexp_instr('foobarbaz', 'ba.');
SELECT regexp_instr('foobarbaz', 'ba.', 1, 2);
SELECT regexp_substr('foobarbaz', 'ba.', 1, 2);
SELECT regexp_like('abc', 'B', 'i');
SELECT regexp_replace('abc', 'b', 'x', 'q');
SELECT regexp_match('abc', 'b', 'g');
SELECT 'a'::char(3) || 'b', 'a'::char(3) = 'a  ', 'a '::char(3)::text = 'a', 'a'::char(3)::varchar || '|', char(3) 'abcd', 'abcd'::char(3), 'abcd'::varchar(2), ''::char(2) = '  ';
SELECT 'a' < 'B', 'a' < 'b', 'Z' < 'a', 'é' > 'z', '' < 'a', 'abc' < 'abcd', '10' < '9', 'a' COLLATE "C" < 'B';
SELECT x FROM (VALUES ('b'), ('A'), ('a'), ('B'), ('ä'), ('_'), ('1'), ('')) v (x) ORDER BY x;
SELECT x FROM (VALUES ('b'), ('A'), ('a')) v (x) ORDER BY x COLLATE "C" DESC;
SELECT max(x), min(x) FROM (VALUES ('b'), ('A'), ('z'), ('Ö')) v (x);
SELECT '\x41'::bytea;
SELECT 'abc'::bytea;
SELECT '\\'::bytea;
SELECT E'\\001'::bytea;
SELECT '\x'::bytea;
SELECT length('\x0102'::bytea);
SELECT '\x01'::bytea || '\x02'::bytea;
SELECT substring('\x010203'::bytea FROM 2 FOR 1);
SELECT position('\x02'::bytea IN '\x0102'::bytea);
SELECT '\xzz'::bytea;
SELECT '\x123'::bytea;
SELECT get_byte('\x0102'::bytea, 1), set_byte('\x0102'::bytea, 0, 255), get_bit('\x01'::bytea, 0), set_bit('\x00'::bytea, 3, 1), bit_count('\xff01'::bytea), '\x01'::bytea < '\x0100'::bytea, trim('\x00'::bytea FROM '\x000100'::bytea), overlay('\x010203'::bytea PLACING '\xff'::bytea FROM 2);
SELECT get_byte('\x01'::bytea, 5);
SET bytea_output = 'escape';
SELECT '\x0041ff5c'::bytea;
RESET bytea_output;
SELECT uuid 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', uuid '{a0eebc99-9c0b4ef8-bb6d6bb9bd380a11}', 'a0eebc999c0b4ef8bb6d6bb9bd380a11'::uuid = 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', length(gen_random_uuid()::text);
SELECT uuid 'nope';
SELECT 'true'::bool, 'T'::bool, 'yes'::bool, 'on'::bool, '1'::bool, 'f'::bool, 'off'::bool, ' no '::bool, 'tr'::bool;
SELECT 'maybe'::bool;
SELECT ''::bool;
SELECT true::text, false::varchar, true || 'x', true > false, bool 't' = 'true';
-- differs: encodings
SELECT to_ascii('x');
SELECT unistr('\0041b');
-- differs: Unicode normalization
SELECT normalize('é', NFD) = 'é';
-- differs: Unicode normalization
SELECT 'é' IS NORMALIZED;
SELECT parse_ident('"Some".tab'), string_agg(x, '' ORDER BY x) FROM regexp_split_to_table('hello', '') x;
-- differs: name as text
SELECT pg_client_encoding();
SELECT btrim(E'\t a \n', E' \t\n');
SELECT strpos('', '');
SELECT left('日本語', 2);
SELECT lpad('日', 3, '本');
SELECT 'abc' = 'abc '::text;
SELECT 'abc'::char(5) = 'abc'::text;
SELECT overlay('abc' PLACING 'x' FROM 0);
SELECT nullif('a', 'a'), coalesce(NULL, 'b'), greatest('a', 'B', 'c'), least('b', 'a'), nullif('', ''), 'a' IS DISTINCT FROM 'a';
SELECT cast('abc' AS varchar(2));
SELECT cast(12345 AS varchar(3));
SELECT cast(12345 AS char(3));
SELECT varchar 'x';
SELECT cast(true AS char(1));
SELECT 5::text || 'x';
-- differs: name as text
SELECT 'x'::name;
-- differs: name as text
SELECT repeat('n', 70)::name;
SELECT substring('a' FROM NULL FOR 1), repeat(NULL, 2), lpad(NULL, 2), split_part('a', NULL, 1), replace('a', NULL, 'b');
SELECT length(1);
SELECT upper(1);
SELECT nofunc('a');
SELECT lower('a', 'b');
SELECT left('a');
SELECT 'a' + 'b';
SELECT 'a' - 1;
SELECT 'a' || ARRAY[1];
SELECT text 'a' = 1;
SELECT 'over
lines', E'a\nb';
CREATE TABLE str (id int PRIMARY KEY, v varchar(5), c char(4), t text, b bytea, u uuid);
INSERT INTO str VALUES (1, 'abc', 'ab', 'text', '\x01ff', '00000000-0000-0000-0000-000000000001'), (2, 'ABC', 'abcd', '', '\x', NULL), (3, '', '', 'üñí', NULL, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
INSERT INTO str (id, v) VALUES (4, 'toolong');
-- differs: character of fixed length
INSERT INTO str (id, v, c) VALUES (4, 'abc      ', 'ab      ') RETURNING v || '|', c || '|', length(v), length(c), octet_length(c);
-- differs: character of fixed length
SELECT id, c, c = 'ab', c LIKE 'ab', c LIKE 'ab%', length(c), c || '.' FROM str ORDER BY id;
SELECT id FROM str WHERE c = 'ab   ' ORDER BY id;
SELECT id FROM str WHERE v LIKE 'A%' OR t ~ 'ñ' ORDER BY id;
SELECT id FROM str WHERE u > '00000000-0000-0000-0000-000000000001' ORDER BY id;
SELECT id, b, length(b), b || '\x00'::bytea FROM str ORDER BY b NULLS FIRST;
SELECT lower(v), count(*) FROM str GROUP BY lower(v) ORDER BY 1;
