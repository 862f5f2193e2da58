-- Refusals in PostgreSQL's words.
SELECT date_trunc('week', interval '1 day');
SELECT date_trunc('timezone', timestamp '2024-01-01');
SELECT date_trunc('dow', timestamptz '2024-01-01 00:00+00');
SELECT date_trunc('fortnight', interval '1 day');
SELECT date_trunc('fortnight', timestamp '2024-01-01');
SELECT date_trunc('epoch', interval '1 day');
SELECT count(generate_series(1, 2));
SET my.note = 'x';
RESET my.note;
SHOW my.note;
SELECT current_setting('my.note') = '';
RESET my.other;
SELECT substr(a::text, 1, 2), substring(a::text, 1, 2), substring(a::text FROM 1) FROM generate_series(1, 1) a;
