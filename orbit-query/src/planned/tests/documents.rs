//! JSON documents: PostgreSQL's answers.

use super::answers::answers;

#[tokio::test(flavor = "multi_thread")]
async fn parts_come_out_as_they_were_written() {
    answers(&[
        ("SELECT '[1,2,3]'::jsonb -> -1, '[1,2,3]'::jsonb->-1, '[1,2,3]'::json->>-1, '[1 ,  2]'::json -> 1", "3|3|3|2"),
        ("SELECT '{\"a\": 1.50}'::jsonb -> 'a', '{\"a\": 1e5}'::json -> 'a', '{\"a\":1,\"a\":2}'::json -> 'a', '{\"b\": {\"x\" :1}}'::json -> 'b', '\"x\"'::json ->> 0", "1.50|1e5|2|{\"x\" :1}|"),
        ("SELECT '{\"a\":null}'::jsonb -> 'a', '{\"a\":null}'::jsonb ->> 'a', '{\"a\":\"x\\ny\"}'::json ->> 'a', '{\"a\":[1,2]}'::jsonb #>> '{a,-1}', '[1,2]'::jsonb #> '{}'", "null||x\ny|2|[1, 2]"),
        ("SELECT jsonb_extract_path('{\"a\":{\"b\":1}}', 'a', 'b'), json_extract_path_text('{\"a\":[1,{\"b\":\"x\"}]}', 'a', '1', 'b')", "1|x"),
        ("SELECT json_array_elements('[1.50,  {\"b\":1, \"a\": 2}]')", "1.50\n{\"b\":1, \"a\": 2}"),
        ("SELECT jsonb_build_object('a', 1.50, 'b', '[1.50]'::json), to_jsonb(1.50), jsonb_strip_nulls('{\"a\":null,\"b\":[null,{\"c\":null}]}'), json_strip_nulls('{\"a\": null, \"b\" : [1.50 , null]}')", "{\"a\": 1.50, \"b\": [1.50]}|1.50|{\"b\": [null, {}]}|{\"b\":[1.50,null]}"),
        ("SELECT jsonb_typeof('{}'), json_typeof('[1]'), jsonb_typeof('\"x\"'), jsonb_typeof('true'), jsonb_typeof('-1.5'), json_typeof('null')", "object|array|string|boolean|number|null"),
        ("SELECT jsonb_pretty('{\"a\":[1.50,{\"b\":2}],\"c\":{},\"d\":[]}')", "{\n    \"a\": [\n        1.50,\n        {\n            \"b\": 2\n        }\n    ],\n    \"c\": {\n    },\n    \"d\": [\n    ]\n}"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_and_elements_are_rows() {
    answers(&[
        ("SELECT * FROM jsonb_each('{\"a\":1,\"b\":\"x\",\"c\":null}')", "a|1\nb|\"x\"\nc|null"),
        ("SELECT * FROM jsonb_each_text('{\"a\":1,\"b\":\"x\",\"c\":null}')", "a|1\nb|x\nc|"),
        ("SELECT * FROM json_each('{\"b\":1,\"a\":\"x\",\"c\":null, \"a\":[1, 2]}')", "b|1\na|\"x\"\nc|null\na|[1, 2]"),
        ("SELECT key, value FROM json_each_text('{\"b\":1,\"a\":\"x\",\"c\":null}')", "b|1\na|x\nc|"),
        ("SELECT k, v FROM jsonb_each('{\"a\":1}') AS e(k, v)", "a|1"),
        ("SELECT e.key, e.value, t.id FROM t, jsonb_each(jsonb_build_object('x', t.id)) e ORDER BY 3", "x|1|1\nx|2|2\nx|3|3"),
        ("SELECT * FROM jsonb_each('[1]')", "ERROR:  cannot call jsonb_each on a non-object"),
        ("SELECT * FROM json_each('[1]')", "ERROR:  cannot deconstruct an array as an object"),
        ("SELECT * FROM json_each_text('1')", "ERROR:  cannot deconstruct a scalar"),
        ("SELECT value FROM jsonb_array_elements('[1,2]')", "1\n2"),
        ("SELECT e.value, e FROM jsonb_array_elements_text('[\"x\",2]') e", "x|x\n2|2"),
        ("SELECT y FROM jsonb_array_elements('[1]') AS x(y)", "1"),
        ("SELECT value, ordinality FROM jsonb_array_elements('[1,2]') WITH ORDINALITY", "1|1\n2|2"),
        ("SELECT a, b FROM json_array_elements('[1,2]') WITH ORDINALITY AS x(a, b)", "1|1\n2|2"),
        ("SELECT json_object_keys('{\"b\":1,\"a\":2,\"b\":3}')", "b\na\nb"),
        ("SELECT jsonb_object_keys('[1]')", "ERROR:  cannot call jsonb_object_keys on an array"),
        ("SELECT json_array_elements('{\"a\":1}')", "ERROR:  cannot call json_array_elements on a non-array"),
        ("SELECT jsonb_array_elements('1')", "ERROR:  cannot extract elements from a scalar"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jsonb_is_changed() {
    answers(&[
        ("SELECT '{\"a\":1}'::jsonb || '{\"b\":2}'::jsonb, '[1]'::jsonb || '2'::jsonb, '1'::jsonb || '2'::jsonb, '{\"a\":1}'::jsonb || '[1]'::jsonb, '{\"a\":1}'::jsonb || '1'", "{\"a\": 1, \"b\": 2}|[1, 2]|[1, 2]|[{\"a\": 1}, 1]|[{\"a\": 1}, 1]"),
        ("SELECT '{\"a\":1}'::jsonb || '{\"a\":1.50}', '{\"a\":1}'::jsonb || 'x'::text", "{\"a\": 1.50}|{\"a\": 1}x"),
        ("SELECT '{\"a\":1,\"b\":2}'::jsonb - 'a', '[\"a\",\"b\"]'::jsonb - 'a', '[1,2,3]'::jsonb - 1, '[1,2,3]'::jsonb - -1, '{\"a\":1,\"b\":2}'::jsonb - ARRAY['a','b'], '[1]'::jsonb - 5", "{\"b\": 2}|[\"b\"]|[1, 3]|[1, 2]|{}|[1]"),
        ("SELECT '{\"a\":1}'::jsonb - 1", "ERROR:  cannot delete from object using integer index"),
        ("SELECT '1'::jsonb - 'a'", "ERROR:  cannot delete from scalar"),
        ("SELECT '{\"a\":{\"b\":1}}'::jsonb #- '{a,b}', '[1,2]'::jsonb #- '{0}', '{\"a\":{\"b\":[1,2]}}'::jsonb #- '{a,b,-1}'", "{\"a\": {}}|[2]|{\"a\": {\"b\": [1]}}"),
        ("SELECT '1'::jsonb #- '{a}'", "ERROR:  cannot delete path in scalar"),
        ("SELECT jsonb_set('{\"a\":{\"b\":1}}', '{a,b}', '2'), jsonb_set('{\"a\":1}', '{b}', '2'), jsonb_set('{\"a\":1}', '{b}', '2', false), jsonb_set('[1,2]', '{-1}', '9'), jsonb_set('[1,2]', '{5}', '9'), jsonb_set('[1,2]', '{-5}', '9')", "{\"a\": {\"b\": 2}}|{\"a\": 1, \"b\": 2}|{\"a\": 1}|[1, 9]|[1, 2, 9]|[9, 1, 2]"),
        ("SELECT jsonb_set('{\"a\":{\"b\":1}}', '{a,c,d}', '2'), jsonb_set('{\"a\":1}', '{}', '2'), jsonb_set('[]', '{0}', '1'), jsonb_set('[]', '{0}', '1', false), jsonb_set('{\"a\":1}', '{a,b}', '2')", "{\"a\": {\"b\": 1}}|{\"a\": 1}|[1]|[]|{\"a\": 1}"),
        ("SELECT jsonb_set('1', '{a}', '2')", "ERROR:  cannot set path in scalar"),
        ("SELECT jsonb_set('[1]', '{a}', '2')", "ERROR:  path element at position 1 is not an integer: \"a\""),
        ("SELECT jsonb_set('{\"a\":1}', '{null}', '2')", "ERROR:  path element at position 1 is null"),
        ("SELECT jsonb_insert('{\"a\":[0,1]}', '{a,1}', '\"n\"'), jsonb_insert('{\"a\":[0,1]}', '{a,1}', '\"n\"', true), jsonb_insert('{\"a\":1}', '{b}', '2')", "{\"a\": [0, \"n\", 1]}|{\"a\": [0, 1, \"n\"]}|{\"a\": 1, \"b\": 2}"),
        ("SELECT jsonb_insert('{\"a\":1}', '{a}', '2')", "ERROR:  cannot replace existing key"),
        ("SELECT json_object('{a,1,b,2}'), jsonb_object('{a,b}', '{1,null}'), jsonb_object('{}')", "{\"a\" : \"1\", \"b\" : \"2\"}|{\"a\": \"1\", \"b\": null}|{}"),
        ("SELECT json_object('{a}')", "ERROR:  array must have even number of elements"),
        ("SELECT jsonb_object('{a,b}', '{1}')", "ERROR:  mismatched array dimensions"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_jsonb_holds_another() {
    answers(&[
        ("SELECT '{\"a\":1,\"b\":2}'::jsonb @> '{\"a\":1}', '{\"a\":1}'::jsonb <@ '{\"a\":1,\"b\":2}', '[1,2,[3]]'::jsonb @> '[1]', '[1,2]'::jsonb @> '1', '\"a\"'::jsonb @> '[\"a\"]', '[[1,2]]'::jsonb @> '[1]', '{\"a\":{\"b\":1,\"c\":2}}'::jsonb @> '{\"a\":{\"c\":2}}'", "t|t|t|t|f|f|t"),
        ("SELECT '{\"a\":1}'::jsonb @> '{\"a\":1.0}', '[1]'::jsonb @> '[1,1,1]', '{\"a\":[1,2]}'::jsonb @> '{\"a\":[2]}', '{\"a\":[1]}'::jsonb @> '{\"a\":1}', '{}'::jsonb @> '{}', '[]'::jsonb @> '{}', '1'::jsonb @> '1', '1'::jsonb @> '[1]'", "t|t|t|f|t|f|t|f"),
        ("SELECT '{\"a\":1,\"b\":2}'::jsonb ? 'a', '[\"a\"]'::jsonb ? 'a', '\"a\"'::jsonb ? 'a', '[[\"a\"]]'::jsonb ? 'a', '{\"a\":1}'::jsonb ?| ARRAY['x','a'], '{\"a\":1}'::jsonb ?& ARRAY['x','a'], '{\"a\":1}'::jsonb ?& '{}'", "t|t|t|f|t|f|t"),
    ])
    .await;
}
