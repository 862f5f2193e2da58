-- set_config() among other things of a query: what takes effect when its rows are there.
SELECT set_config('my.who', '5', false), 1;
SHOW my.who;
SELECT set_config(name, 'escape', false) FROM pg_show_all_settings() WHERE name = 'bytea_output';
SHOW bytea_output;
SELECT set_config('bytea_output', 'hex', false) FROM pg_show_all_settings() WHERE name = 'bytea_output';
SELECT '\x61'::bytea;
SELECT set_config('my.a', 'x', false), set_config('my.b', 'y', false), set_config('my.a', 'z', false);
SELECT current_setting('my.a'), current_setting('my.b'), current_setting('my.none', true);
-- For the transaction alone.
BEGIN;
SELECT set_config('my.a', 'local', true), set_config('search_path', 'pg_catalog', true);
SHOW my.a;
SHOW search_path;
COMMIT;
SHOW my.a;
SHOW search_path;
BEGIN;
SELECT set_config('my.a', 'undone', false), 1;
ROLLBACK;
SHOW my.a;
SELECT set_config('my.a', 'gone', true), 1;
SHOW my.a;
-- What can't be set.
SELECT set_config('no_such_setting', 'x', false), 1;
SELECT set_config('bytea_output', 'octal', false), 1;
SET server_version = 'x';
SELECT set_config(NULL, 'x', false), 1;
SELECT set_config('server_version', 'x', false), 1;
SELECT set_config('my.a', 'kept', false), 1 / (g - 2) FROM generate_series(1, 2) g;
SHOW my.a;
SELECT set_config('work_mem', '1024', false), current_setting('bytea_output');
SHOW work_mem;
SELECT set_config('my.n', g::text, false) FROM generate_series(1, 3) g ORDER BY g;
SHOW my.n;
-- As who.
CREATE ROLE app6_reader;
BEGIN;
SELECT set_config('role', 'app6_reader', true), set_config('request.jwt.claims', '{"sub":1}', true);
SELECT current_user, current_setting('request.jwt.claims', true);
COMMIT;
SELECT current_user;
DROP ROLE app6_reader;
