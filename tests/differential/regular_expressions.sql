-- The longest match from the earliest place, whatever alternative it is.
SELECT regexp_match('interval', 'in|int|inter'), substring('aXbXXc' FROM 'X|XX|b'), regexp_replace('oozing', 'o|oo|ooz', '-');
SELECT regexp_replace('sun sunday', 'sun|sunday', '*', 'g'), regexp_split_to_array('1::2:3', ':|::'), regexp_count('aab', 'a|aa');
SELECT regexp_matches('docdoctor', 'doc|doctor', 'g');
SELECT regexp_match('xyz', '(x|xy)(y?)(.*)'), regexp_match('foobarbaz', '(foo|foobar)(bar|baz)?(.*)'), regexp_match('aaa', '(a|aa)(a|aa)');
SELECT regexp_substr('abcbd', '(a|ab)(c|bcd)(d*)'), regexp_instr('zzabab', 'a|abab', 1, 1, 1), regexp_match('ab', '(a?)(ab)?');
-- The first quantifier decides for the whole, groups for themselves.
SELECT regexp_match('key=val=x', '(.*?)=(.*)'), regexp_match('key=val=x', '(.*)=(.*)'), regexp_match('aaab', 'a+?(a*)'), regexp_match('aaab', '(?:a+?)(a*)b');
SELECT substring('xx123yy' FROM 'x*?(\d+)'), substring('xx123yy' FROM 'x*(\d+?)'), substring('xx123yy' FROM '(?:x*?(\d+)y+){1,1}');
SELECT regexp_match('<b>x</b><b>y</b>', '<b>(.*?)</b>'), regexp_match('<b>x</b><b>y</b>', '<b>(.*)</b>'), regexp_matches('<i>1</i><i>2</i>', '<i>.*?</i>', 'g');
SELECT regexp_replace('aaa', 'a{2}?', 'X'), regexp_replace('aaaa', 'a{1,3}?', 'X'), regexp_replace('aaaa', 'a{2,}', 'X'), regexp_replace('aaa', '(?:a|b)*?', 'X');
SELECT regexp_match('aab', '(a|ab)*'), regexp_match('abcd', '(a|b|cd)+'), regexp_match('abab', '((a)|(b))*'), regexp_match('aaaa', '(a|aa){2}'), regexp_match('aaaa', '(aa|a){0,3}');
SELECT regexp_match('2024-05-06T07:08', '(\d+)-(\d+)-(\d+)(?:T(\d+):(\d+))?'), regexp_match('john@example.org', '^([^@]+)@(.+)$');
SELECT regexp_replace('John Smith', '(\w+)\s+(\w+)', '\2, \1 [\&]'), regexp_replace('aXbX', '(x)', '<\1>', 'gi'), regexp_replace('abc', '', '-', 'g'), regexp_replace('baac', 'a*', '-', 'g');
-- Letters, digits and space.
SELECT c, c ~ '\d', c ~ '\w', c ~ '\s', c ~ '[[:alpha:]]', c ~ '[[:punct:]]', c ~ '[[:upper:]]', c ~ '[[:lower:]]', c ~ '[[:print:]]', c ~ '[[:graph:]]', c ~ '[[:cntrl:]]', c ~ '[[:blank:]]', c ~ '[[:space:]]'
  FROM unnest(ARRAY['7', '٣', 'é', 'É', '²', 'ª', '€', '_', '-', ' ', E'\t', E'\u00a0', E'\u2003', '中', 'Z']) c ORDER BY c;
SELECT 'x٤' ~ '^x\D$', 'a1_' ~ '^\w+$', regexp_replace('tel: 555-12', '[^\d]', '', 'g'), 'a-b' ~ '^[\w-]+$', 'x]' ~ '^[]x]+$', 'a&&b' ~ '^[a&&b]+$', 'é' ~* 'É';
SELECT 'foobar' ~ '[[:<:]]foo', 'foobar' ~ 'foo[[:>:]]', 'a foo b' ~ '\mfoo\M', 'éfoo' ~ '\mfoo', regexp_replace('a bc d', '\y', '|', 'g'), 'foobar' ~ '\Yb';
SELECT '{' ~ '{', 'a{b' ~ '^a{b$', 'x{2}' ~ 'x\{2\}', 'a.c' ~ '***=a.c', 'abc' ~ '***=a.c', 'abc' ~ '***:a.c', E'a\nb' ~ '(?n)a.b', 'ABC' ~ '(?i)abc', 'a b' ~ '(?x) a \s b # all', 'ab' ~ 'a(?#no)b';
SELECT E'\b' ~ '\b', E'\\' ~ '\B', 'A' ~ '\x41', 'é' ~ '\u00e9', E'\t' ~ '\t', 'a' ~ '[[.a.]]', 'a' ~ '[[=a=]]', regexp_match(E'one\ntwo', '^t.*$', 'n'), E'a\nb' ~ 'a[^x]b', regexp_like(E'a\nb', 'a[^x]b', 'n');
SELECT regexp_match('a.b', 'a.b', 'q'), regexp_match('AxB', 'a.b', 'i'), regexp_match(E'ab\ncd', 'b.c', 's'), regexp_match('a b', 'a b', 'x');
-- SIMILAR TO, and what it cuts out.
SELECT 'abc' SIMILAR TO 'a|abc', 'abc' SIMILAR TO '%(b|d)%', 'a.c' SIMILAR TO 'a.c', 'aab' SIMILAR TO 'a{2}b', 'a%' SIMILAR TO 'a#%' ESCAPE '#', 'x1' SIMILAR TO '[a-z]\d';
SELECT substring('foobar', '%#"o_b#"%', '#'), substring('abcdefg', 'a#"%#"g', '#'), substring('abcdefg', '%#"(b|bcd)%#"%', '#'), substring('abc', 'x#"b#"c', '#');
SELECT substring('abc', '#"a#"b#"c#"', '#');
-- What is refused.
SELECT 'a' ~ 'a(';
SELECT 'a' ~ 'a)';
SELECT 'a' ~ '*a';
SELECT 'a' ~ 'a**';
SELECT 'a' ~ '[a';
SELECT 'a' ~ '[[:nosuch:]]';
SELECT 'a' ~ '[b-a]';
SELECT 'a' ~ 'a{1';
SELECT 'a' ~ 'a{2,1}';
SELECT 'a' ~ 'a{256}';
SELECT 'a' ~ 'a\';
SELECT 'a' ~ '\q';
SELECT 'a' ~ '(?z)a';
SELECT regexp_split_to_array('a', 'a', 'g');
SELECT * FROM regexp_split_to_table('a', 'a', 'g');
SELECT regexp_match('a', 'a', 'z');
-- differs: regular expressions
SELECT 'aa' ~ '(a)\1';
-- differs: regular expressions
SELECT 'ab' ~ 'a(?=b)';
