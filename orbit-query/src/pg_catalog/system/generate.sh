#!/bin/sh
# Writes relations.txt and the .tsv files beside this script from a running
# PostgreSQL 15 (PGHOST, PGPORT, PGUSER name it). Run it again only to move to a
# newer reference version; the output is committed.
set -eu
cd "$(dirname "$0")"
query() { psql -X -q -A -t -v ON_ERROR_STOP=1 -c "$1"; }
copy() { psql -X -q -v ON_ERROR_STOP=1 -c "COPY ($2) TO STDOUT" >"$1.tsv"; }

# Types a column of Orbit can have, and what catalogs and function signatures need besides.
types="'bool','int2','int4','int8','float4','float8','numeric','text','varchar','bpchar','bytea','date','time','timestamp','timestamptz','interval','uuid','inet','cidr','json','jsonb','oid','name','char','void','unknown'"
system="'record','cstring','any','anyarray','anyelement','anynonarray','trigger','regclass','regproc','regprocedure','regoper','regoperator','regtype','regrole','regnamespace','int2vector','oidvector','tid','xid','cid','pg_node_tree','aclitem','internal','pg_lsn','xid8'"
all="SELECT t.oid FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = 'pg_catalog' AND (t.typname IN ($types, $system) OR t.oid IN (SELECT typarray FROM pg_type WHERE typname IN ($types, $system) AND typarray <> 0))"
own="SELECT t.oid FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = 'pg_catalog' AND t.typname IN ($types)"

# One line a relation: schema, name, oid, kind, then its columns as name:type, ! for NOT NULL.
query "SELECT concat_ws(' ', n.nspname, c.relname, c.oid, c.relkind,
    string_agg(a.attname || ':' || coalesce(b.typname, t.typname) || CASE WHEN a.attnotnull THEN '!' ELSE '' END, ' ' ORDER BY a.attnum))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
  JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = t.typbasetype
  WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v')
    AND c.relname NOT LIKE 'sql\_%' AND c.relname NOT LIKE '\_pg\_%'
  GROUP BY n.nspname, c.relname, c.oid, c.relkind ORDER BY 1" >relations.txt

copy pg_type "SELECT * FROM pg_type WHERE oid IN ($all) ORDER BY oid"
query "COPY (SELECT * FROM pg_get_keywords()) TO STDOUT" >pg_get_keywords.tsv
copy pg_am "SELECT * FROM pg_am WHERE amname IN ('heap', 'btree') ORDER BY oid"
copy pg_collation "SELECT * FROM pg_collation WHERE collname IN ('default', 'C', 'POSIX') ORDER BY oid"
copy pg_language "SELECT * FROM pg_language WHERE lanname IN ('internal', 'sql') ORDER BY oid"
copy pg_tablespace "SELECT * FROM pg_tablespace ORDER BY oid"
copy pg_cast "SELECT oid, castsource, casttarget, castfunc, castcontext, castmethod FROM pg_cast WHERE castsource IN ($own) AND casttarget IN ($own) ORDER BY oid"
copy pg_operator "SELECT * FROM pg_operator WHERE (oprleft = 0 OR oprleft IN ($own)) AND oprright IN ($own) AND oprname IN ('=','<>','<','>','<=','>=','+','-','*','/','%','||','~','~*','!~','!~*','~~','!~~','~~*','!~~*','->','->>','#>','#>>','@>','<@','?','<<','<<=','>>','>>=','&&','&','|') ORDER BY oid"
copy pg_opfamily "SELECT * FROM pg_opfamily f WHERE opfmethod = 403 AND EXISTS (SELECT 1 FROM pg_opclass c WHERE c.opcfamily = f.oid AND opcintype IN ($own)) ORDER BY oid"
copy pg_opclass "SELECT * FROM pg_opclass WHERE opcmethod = 403 AND opcintype IN ($own) ORDER BY oid"
copy pg_amop "SELECT * FROM pg_amop WHERE amopmethod = 403 AND amoplefttype IN ($own) AND amoprighttype IN ($own) ORDER BY oid"

# Functions: those named in functions.txt, one name a line, over types that Orbit knows.
names="$(sed "s/.*/'&'/" functions.txt | paste -sd, -)"
copy pg_proc "SELECT * FROM pg_proc p WHERE pronamespace = 11 AND (proname IN ($names) OR oid IN (SELECT castfunc FROM pg_cast WHERE castsource IN ($own) AND casttarget IN ($own))
    OR oid IN (SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend]::oid[]) FROM pg_type WHERE oid IN ($all)))
  AND prorettype IN ($all) AND NOT EXISTS (SELECT 1 FROM unnest(proargtypes) a WHERE a NOT IN ($all)) ORDER BY oid"
oids="$(cut -f1 pg_proc.tsv | paste -sd, -)"
copy pg_description "SELECT objoid, classoid, objsubid, description FROM pg_description WHERE classoid = 'pg_proc'::regclass AND objoid IN ($oids) ORDER BY 1, 3"
