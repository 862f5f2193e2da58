-- json and jsonb: input, operators, functions, building, paths.
SELECT '{"a": 1, "b": [1, 2, {"c": null}], "a": 2}'::json, '{"a": 1, "b": [1, 2, {"c": null}], "a": 2}'::jsonb;
SELECT '1'::json, '"x"'::jsonb, 'null'::jsonb, 'true'::json, ' [1 , 2] '::json, ' [1 , 2] '::jsonb, '1.50'::jsonb, '1e3'::jsonb, '"\u00e9\n"'::jsonb, '""'::json;
SELECT '{a: 1}'::json;
SELECT '{"a": }'::jsonb;
SELECT '[1, 2'::json;
SELECT ''::json;
SELECT '{"a": 1} x'::jsonb;
SELECT '"\u0000"'::jsonb;
SELECT '01'::json;
SELECT '{"a": {"b": [10, 20]}}'::json -> 'a', '{"a": {"b": [10, 20]}}'::json ->> 'a', '{"a": {"b": [10, 20]}}'::jsonb #> '{a,b,1}', '{"a": {"b": [10, 20]}}'::jsonb #>> '{a,b,-1}', '[1, 2, 3]'::jsonb -> 1, '[1, 2, 3]'::json ->> -1, '{"a": 1}'::json -> 'z', '[1]'::jsonb -> 5;
SELECT '{"a": null}'::jsonb -> 'a', '{"a": null}'::jsonb ->> 'a', ('{"a": null}'::jsonb -> 'a') IS NULL, ('{"a": null}'::jsonb ->> 'a') IS NULL, '"str"'::jsonb #>> '{}', '"str"'::json ->> 0, '{"1": "x"}'::jsonb -> '1', '[1, 2]'::jsonb -> '1';
SELECT '{"a": 1, "b": 2}'::jsonb @> '{"a": 1}', '{"a": 1}'::jsonb <@ '{"a": 1, "b": 2}', '[1, 2, 3]'::jsonb @> '[3, 1]', '[1]'::jsonb @> '1', '{"a": [1, {"b": 2}]}'::jsonb @> '{"a": [{"b": 2}]}', '{"a": 1}'::jsonb @> '{}';
SELECT '{"a": 1}'::jsonb ? 'a', '["a", "b"]'::jsonb ? 'b', '"a"'::jsonb ? 'a', '{"a": 1}'::jsonb ?| ARRAY['x', 'a'], '{"a": 1, "b": 2}'::jsonb ?& ARRAY['a', 'b'], '[1]'::jsonb ? '1';
SELECT '{"a": 1}'::jsonb || '{"b": 2, "a": 3}', '[1]'::jsonb || '[2]', '[1]'::jsonb || '2', '1'::jsonb || '2', '{"a": 1}'::jsonb || '[1]', '{"a": 1, "b": 2}'::jsonb - 'a', '["a", "b", "a"]'::jsonb - 'a', '[1, 2, 3]'::jsonb - 1, '{"a": 1, "b": 2, "c": 3}'::jsonb - '{a,c}'::text[], '{"a": {"b": 1, "c": 2}}'::jsonb #- '{a,b}';
SELECT '{"a": 1}'::jsonb - 0;
SELECT '5'::jsonb - 'a';
SELECT '{"a": 1}'::jsonb = '{"a": 1.0}';
SELECT '{"a": 1, "b": 2}'::jsonb = '{"b": 2, "a": 1}';
SELECT '[1, 2]'::jsonb < '[1, 3]';
SELECT '1'::jsonb < '"a"';
SELECT 'null'::jsonb < 'true';
SELECT '{}'::jsonb > '[]';
SELECT '"a"'::jsonb < '"b"';
SELECT '{"a": 1}'::json = '{"a": 1}'::json;
SELECT x FROM (VALUES ('{"a": 1}'::jsonb), ('[1]'), ('1'), ('"a"'), ('null'), ('true'), ('[]'), ('{}'), ('2'), ('"B"'), ('[1, 2]')) v (x) ORDER BY x;
-- differs: jsonb comparison
SELECT x, count(*) FROM (VALUES ('1'::jsonb), ('1.0'), ('2')) v (x) GROUP BY x ORDER BY x;
SELECT to_json(1), to_json('a"b'::text), to_json(true), to_json(NULL::int), to_json(ARRAY[1, NULL]), to_json(1.50), to_json(date '2024-01-01'), to_json(timestamp '2024-01-01 10:00'), to_json(timestamptz '2024-01-01 10:00Z'), to_jsonb(ARRAY[['a'], ['b']]), to_jsonb(1.50), to_json('{"a": 1}'::json), to_json(interval '1 day'), to_json('NaN'::float8);
SELECT json_build_object('a', 1, 'b', NULL, 'c', ARRAY[1, 2], 'd', json_build_array(1, 'x', NULL)), jsonb_build_object('b', 1, 'a', 2), json_build_array(), json_build_object(), jsonb_build_array(1, 'a', true, NULL, 1.5);
SELECT json_build_object('a');
-- differs: errors of json functions
SELECT json_build_object(NULL, 1);
SELECT json_object('{a,1,b,2}');
SELECT json_object('{a,b}', '{1,NULL}');
-- differs: arrays of several dimensions
SELECT jsonb_object('{{a,1},{b,2}}');
SELECT json_object('{a,1,b}');
-- differs: missing functions
SELECT row_to_json(v), row_to_json(v, true), to_jsonb(v) FROM (VALUES (1, 'x', NULL)) v (a, b, c);
SELECT row_to_json(ROW (1, 'a')), json_agg(v), jsonb_agg(v.a) FROM (VALUES (1, 'x'), (2, NULL)) v (a, b);
SELECT json_object_agg(k, v), jsonb_object_agg(k, v) FROM (VALUES ('a', 1), ('b', NULL)) t (k, v);
SELECT json_object_agg(NULL, 1);
SELECT json_array_length('[1, [2, 3]]'), jsonb_array_length('[]'), json_typeof('[]'), jsonb_typeof('1'), jsonb_typeof('null'), json_typeof('"a"'), jsonb_typeof('{}'), jsonb_typeof('true');
SELECT jsonb_array_length('{}');
SELECT json_array_length('1');
SELECT json_array_elements('[1, "a", null]'), json_array_elements_text('[1, "a", null]');
SELECT * FROM jsonb_array_elements('[3, 1, 2]') WITH ORDINALITY t (v, n) ORDER BY n DESC;
SELECT * FROM json_each('{"a": 1, "b": "x", "c": null}');
SELECT * FROM jsonb_each_text('{"b": [1], "a": null}') ORDER BY key;
SELECT json_object_keys('{"b": 1, "a": 2}');
SELECT jsonb_array_elements('{"a": 1}');
-- differs: errors of json functions
SELECT jsonb_each('[1]');
SELECT jsonb_set('{"a": {"b": 1}}', '{a,b}', '2'), jsonb_set('{"a": 1}', '{b}', '2'), jsonb_set('{"a": 1}', '{b}', '2', false), jsonb_set('[1, 2]', '{5}', '3'), jsonb_set('[1, 2]', '{-1}', '3'), jsonb_insert('[1, 2]', '{1}', '9'), jsonb_insert('[1, 2]', '{1}', '9', true), jsonb_insert('{"a": 1}', '{b}', '2');
SELECT jsonb_insert('{"a": 1}', '{a}', '2');
SELECT jsonb_strip_nulls('{"a": null, "b": [null, {"c": null}]}');
SELECT json_strip_nulls('{"a": null, "b": 1}');
SELECT jsonb_pretty('{"a": [1, 2], "b": {}}');
SELECT jsonb_set_lax('{"a": 1}', '{a}', NULL, true, 'delete_key');
SELECT json_extract_path('{"a": {"b": 1}}', 'a', 'b');
SELECT jsonb_extract_path_text('{"a": {"b": "x"}}', 'a', 'b');
SELECT jsonb_extract_path('{"a": 1}');
SELECT '{"a": 5}'::jsonb ->> 'a' = '5';
SELECT ('{"a": 5}'::jsonb ->> 'a')::int + 1;
SELECT ('{"a": 5}'::jsonb -> 'a')::int;
SELECT '"x"'::jsonb::text;
SELECT 'true'::jsonb::bool;
-- differs: jsonb as values
SELECT '1.7'::jsonb::int;
SELECT '1.5'::jsonb::numeric;
SELECT '5'::jsonb::float8;
-- differs: jsonb as values
SELECT '"a"'::jsonb::int;
-- differs: jsonb as values
SELECT '{}'::jsonb::bool;
SELECT * FROM jsonb_to_record('{"a": 1, "b": "x", "c": [1, 2]}') AS t (a int, b text, c int[], d text);
SELECT * FROM json_to_recordset('[{"a": 1, "b": "x"}, {"a": 2}]') AS t (a int, b text);
SELECT * FROM jsonb_to_record('{"a": "z"}') AS t (a int);
SELECT jsonb_path_query('{"a": [1, 2, 3]}', '$.a[*]');
SELECT jsonb_path_exists('{"a": 1}', '$.a');
SELECT jsonb_path_query_array('[1, 2, 3]', '$[*] ? (@ > 1)');
SELECT jsonb_path_query_first('[1, 2]', '$[1]');
SELECT jsonb_path_match('{"a": 1}', '$.a == 1');
SELECT '{"a": [1, 2]}'::jsonb @? '$.a[*] ? (@ > 1)', '{"a": 1}'::jsonb @@ '$.a > 0';
SELECT jsonb_path_query('{"a": 1}', '$.');
CREATE TABLE docs (id int PRIMARY KEY, j jsonb, t json);
INSERT INTO docs VALUES (1, '{"name": "ann", "age": 30, "tags": ["x", "y"], "addr": {"city": "Rome"}}', '{"k": 1}'), (2, '{"name": "bob", "age": null, "tags": []}', '[1,2]'), (3, NULL, NULL), (4, '[1, 2]', '"s"');
INSERT INTO docs VALUES (5, '{bad}', NULL);
SELECT id, j ->> 'name', (j ->> 'age')::int, j -> 'tags' ->> 0, j #>> '{addr,city}' FROM docs ORDER BY id;
SELECT id FROM docs WHERE j @> '{"tags": ["x"]}' ORDER BY id;
SELECT id FROM docs WHERE j ->> 'age' IS NULL ORDER BY id;
SELECT id FROM docs WHERE j ? 'age' ORDER BY id;
SELECT id, tag FROM docs, jsonb_array_elements_text(j -> 'tags') tag WHERE jsonb_typeof(j) = 'object' ORDER BY 1, 2;
SELECT id, e.key, e.value FROM docs, LATERAL jsonb_each(j) e WHERE id < 3 ORDER BY 1, 2;
UPDATE docs SET j = jsonb_set(j, '{age}', '31') WHERE id = 1 RETURNING j;
SELECT j['name'], j['addr']['city'] FROM docs WHERE id = 1;
SELECT j FROM docs ORDER BY j;
-- differs: order of json
SELECT t FROM docs ORDER BY t;
SELECT DISTINCT t FROM docs;
SELECT count(DISTINCT j), count(t) FROM docs;
SELECT json_agg(docs ORDER BY id) FROM docs WHERE id > 2;
SELECT jsonb_agg(j ORDER BY id) FILTER (WHERE j IS NOT NULL), jsonb_object_agg(id, j ->> 'name') FROM docs;
SELECT array_to_json(ARRAY[1, 2]);
SELECT array_to_json(ARRAY[[1, 2], [3, 4]]);
-- differs: jsonb as values
SELECT json_build_object('x', ROW (1, 2));
SELECT to_json(ROW (1, 'a'));
SELECT '{"a": 1}'::json -> 1, '{"a": 1}'::text::json ->> 'a';
SELECT '{"a": 1}' -> 'a';
SELECT '{"a": 1}'::text -> 'a';
SELECT 1::json;
SELECT '{"b": 1, "aa": 2, "a": 3}'::jsonb, '{"x": 1.0, "y": 1e2, "z": -0.0}'::jsonb, '[1.10, 100000000000000000000000000]'::jsonb;
-- differs: operators and numbers PostgreSQL does not read
UPDATE docs SET j = j || '{"new": true}' - 'tags' WHERE id = 2 RETURNING j;
UPDATE docs SET j['age'] = '32' WHERE id = 1 RETURNING j -> 'age';
-- A part of a document or an array is set.
CREATE TABLE parts (id int PRIMARY KEY, j jsonb, a int[], t text[]);
INSERT INTO parts VALUES (1, '{"a": [1, 2], "b": {"c": 1}}', '{1,2}', NULL), (2, NULL, NULL, '{x}'), (3, '[1]', '{}', NULL);
UPDATE parts SET j['a'][0] = '10', a[1] = 7 WHERE id = 1 RETURNING *;
UPDATE parts SET j['b']['d']['e'] = '"new"', a[4] = 9, t[1] = 'y' WHERE id = 1 RETURNING *;
UPDATE parts SET j['k'] = '{"x": null}', t[2] = upper('z') WHERE id = 2 RETURNING *;
UPDATE parts SET j[3] = '4' WHERE id = 3 RETURNING j;
UPDATE parts SET j[-1] = 'true', id = id WHERE id = 3 RETURNING j;
UPDATE parts SET j['a'] = to_jsonb(id), a[id] = 5 WHERE id = 1 RETURNING j, a;
UPDATE parts SET j['b']['c']['x'] = '1' WHERE id = 1;
UPDATE parts SET j['a'] = 1;
UPDATE parts SET a[1] = 'x';
UPDATE parts SET a[1] = born;
UPDATE parts SET id['a'] = 1;
UPDATE parts SET j[9.5] = '1';
INSERT INTO parts VALUES (1) ON CONFLICT (id) DO UPDATE SET a[2] = 8, j['n'] = '[]' WHERE parts.id = 1 RETURNING a, j;
UPDATE parts SET j['q'] = '1' FROM (VALUES (2)) AS v(x) WHERE id = v.x RETURNING j;
SELECT * FROM parts ORDER BY id;
DROP TABLE parts;
