-- jsonb compares by its own order.

select '{"a":1}'::jsonb = '{"a":1.0}', '1.0'::jsonb = '1', '[1,2]'::jsonb < '[3]', '{}'::jsonb > '[]', 'null'::jsonb < '"a"', '[]'::jsonb < 'null';

select jsonb_agg(x order by x desc) from (values ('1'::jsonb), ('"a"'), ('[1]'), ('{}'), ('null'), ('true'), ('10'), ('2'), ('[]'), ('[1,2]'), ('[3]'), ('false'), ('{"a":1}'), ('{"b":0}')) t(x);

select x from (values ('1'::jsonb), ('"a"'), ('[1]'), ('{}'), ('null'), ('true'), ('[]'), ('{"a":2}'), ('{"a":1}')) t(x) order by x;

select x from (values ('1'::jsonb), ('2'), ('1.0')) t(x) where x = '1' order by x::text;

select a.x, b.y from (values ('1'::jsonb), ('"1"')) a(x) join (values ('1.00'::jsonb, 'n'), ('"1"', 's')) b(x, y) on a.x = b.x order by 2;

-- Records.

select * from json_to_record('{"a":1,"b":[1,2],"c":"x","d":{"e":null}}') as x(a int, b text, c text, d json, f date);

select * from jsonb_to_recordset('[{"a":1,"b":{"c":2},"d":[1,2]},{"a":"7"}]') x(a int, b jsonb, d int[]);

select x.a, x.b from json_to_recordset('[{"a":1,"b":"2020-01-02"},{"a":null}]') as x(a int, b date) order by 1;

select * from json_to_recordset('[{"a":1}]');

select * from json_to_recordset('{"a":1}') as x(a int);

-- differs: errors of json functions
select * from json_to_record('[1]') as x(a int);

select * from json_to_record('{"a":"x"}') as x(a int);

create table recorded (id int, name text, tags text[], at timestamptz, doc jsonb);

select * from json_populate_record(null::recorded, '{"id":1,"name":"n","tags":["a","b"],"at":"2020-01-02 03:04:05+00","doc":{"k":1}}');

insert into recorded select * from jsonb_populate_recordset(null::recorded, '[{"id":1,"name":"n"},{"id":2,"tags":["x"]}]') returning *;

select a.id, r.v from recorded a, lateral json_to_record(json_build_object('v', a.id * 2)) r(v int) order by 1;

select * from json_populate_record(null::nosuch, '{}');

drop table recorded;

-- Paths.

select jsonb_path_query_array('{"a":[1,2,3]}', '$.a[*] ? (@ > 1)'), jsonb_path_exists('{"a":1}', '$.a'), jsonb_path_exists('{"a":1}', '$.b'), jsonb_path_query_first('{"a":[5,6]}', '$.a[last]'), jsonb_path_match('{"a":1}', '$.a == 1');

select x from jsonb_path_query('{"a":[{"b":1},{"b":"x"},{"c":2}]}', '$.a[*].b') x;

select x from jsonb_path_query('[1,[2,[3]]]', 'lax $[*]') x;

select x from jsonb_path_query('{"a":{"b":1},"c":[2]}', '$.**') x;

select x from jsonb_path_query('{"a":{"b":1}}', '$.**{1 to 2}') x;

select x from jsonb_path_query('[1,2,3,4,5]', '$[1 to 3, 0]') x;

select x from jsonb_path_query('{"a":1.7,"b":-3}', '$.a.ceiling()') x;

select jsonb_path_query_array('["1.5", 2, -3]', '$[*].double()'), jsonb_path_query_array('[1, "a", null, true, [], {}]', 'strict $[*].type()'), jsonb_path_query_array('[1,[2,3]]', '$.size()'), jsonb_path_query_array('{"x":[-1,2.5]}', '$.x[*].abs()');

select jsonb_path_query_array('{"a":2,"b":3}', '$.a + $.b * 2'), jsonb_path_query_array('{"a":7}', '-$.a % 4'), jsonb_path_query_array('[1,2,3]', '-$[*]');

select jsonb_path_query_array('["abc","aXc","xyz"]', '$[*] ? (@ starts with "a")'), jsonb_path_query_array('["abc","aXc","xyz"]', '$[*] ? (@ like_regex "^a.c$" flag "i")');

select jsonb_path_query_array('[{"a":1,"b":2},{"a":3}]', '$[*] ? (exists(@.b) && @.a < 5)'), jsonb_path_query_array('[{"a":1},{"a":"x"}]', '$[*] ? ((@.a > 0) is unknown)'), jsonb_path_query_array('[1,2,3]', '$[*] ? (!(@ == 2))');

select jsonb_path_query_array('[1,2,3,4]', '$[*] ? (@ > $min && @ < $max)', '{"min":1,"max":4}');

select jsonb_path_query('{"a":1}', 'strict $.b');

select jsonb_path_query('{"a":1}', 'strict $.b', '{}', true);

select jsonb_path_query('[1]', 'strict $.a');

select jsonb_path_query('1', 'strict $[*]');

select jsonb_path_query('[1]', 'strict $[3]');

select jsonb_path_query('{"a":"x"}', '$.a + 1');

select jsonb_path_query('{"a":1}', '$.a ? (@ > $x)');

select jsonb_path_query('{}', '$.a[');

select jsonb_path_match('{"a":1}', '$.a');

select '{"a":[1,2]}'::jsonb @? '$.a[*] ? (@ > 1)', '{"a":[1,2]}'::jsonb @@ '$.a[*] > 1', '{"a":1}'::jsonb @@ '$.a';

-- Changing documents.

select jsonb_set_lax('{"a":1}', '{a}', null), jsonb_set_lax('{"a":1}', '{a}', null, true, 'delete_key'), jsonb_set_lax('{"a":1}', '{a}', null, true, 'return_target'), jsonb_set_lax('{"a":1}', '{a}', '2');

select jsonb_set_lax('{"a":1}', '{a}', null, true, 'raise_exception');

select jsonb_set('{"a":{"b":1}}', '{a,c}', '5'), jsonb_insert('{"a":[1,2]}', '{a,1}', '9'), jsonb_strip_nulls('{"a":null,"b":1}'), json_build_object(), json_build_array(), jsonb_build_object('a', 1);
-- differs: elements of jsonb scalars
SELECT '5'::jsonb -> 0, '5'::jsonb ->> -1;
SELECT '5'::json -> 0, '[5]'::jsonb ->> -1;
