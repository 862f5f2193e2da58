// PostgreSQL's JDBC driver: metadata, batches, fetch size, generated keys, COPY.
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.*;
import java.time.*;
import java.util.*;
import org.postgresql.PGConnection;
import org.postgresql.util.PSQLException;

public class Jdbc {
    interface Body { void run() throws Exception; }

    static Connection db;
    static String url;
    static int checks, failed;

    static void check(String name, Body body) {
        checks++;
        try {
            body.run();
            System.out.println("ok " + name);
        } catch (Throwable error) {
            failed++;
            String why = String.valueOf(error).replaceAll("\\s+", " ");
            System.out.println("not ok " + name + ": " + why.substring(0, Math.min(600, why.length())));
            if (System.getenv("CHECKS_TRACE") != null) error.printStackTrace();
            try {
                if (db.isClosed()) db = DriverManager.getConnection(url);
                if (!db.getAutoCommit()) { db.rollback(); db.setAutoCommit(true); }
            } catch (SQLException again) {
                System.err.println("recovery: " + again);
            }
        }
    }

    static void equal(Object found, Object expected) {
        if (!Objects.equals(found, expected)) throw new AssertionError(found + " instead of " + expected);
    }

    static void yes(boolean condition, String what) {
        if (!condition) throw new AssertionError("not so: " + what);
    }

    static PSQLException refused(String state, Body body) throws Exception {
        try {
            body.run();
        } catch (PSQLException error) {
            equal(error.getSQLState(), state);
            return error;
        }
        throw new AssertionError("no error");
    }

    static void run(String sql) throws SQLException {
        try (Statement s = db.createStatement()) { s.execute(sql); }
    }

    static Object one(String sql) throws SQLException {
        try (Statement s = db.createStatement(); ResultSet r = s.executeQuery(sql)) {
            r.next();
            return r.getObject(1);
        }
    }

    /** The named columns of every row, each row joined by commas. */
    static List<String> rows(ResultSet r, String... columns) throws SQLException {
        List<String> found = new ArrayList<>();
        try (r) {
            while (r.next()) {
                StringJoiner row = new StringJoiner(",");
                for (String column : columns) row.add(String.valueOf(r.getObject(column)));
                found.add(row.toString());
            }
        }
        return found;
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> env = System.getenv();
        url = "jdbc:postgresql://" + env.getOrDefault("PGHOST", "127.0.0.1") + ":" + env.getOrDefault("PGPORT", "5432") + "/"
            + env.getOrDefault("PGDATABASE", "orbit") + "?user=" + env.getOrDefault("PGUSER", "orbit") + "&ApplicationName=matrix";
        db = DriverManager.getConnection(url);
        basics();
        metadata();
        statements();
        transactions();
        copyAndNotify();
        db.close();
        System.out.println(checks + " checks, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    static void basics() {
        check("connection, product and version", () -> {
            DatabaseMetaData m = db.getMetaData();
            equal(m.getDatabaseProductName(), "PostgreSQL");
            equal(m.getDatabaseMajorVersion(), 15);
            yes(db.isValid(5), "valid");
            equal(db.getSchema(), "public");
            equal(one("SHOW application_name"), "matrix");
        });
        check("every type is read", () -> {
            String sql = "SELECT 1::int2 a, 2::int4 b, 3::int8 c, 1.5::float4 d, 0.1::float8 e, 1.50::numeric(5,2) f, 'x'::text g, true h, "
                + "DATE '2024-02-29' i, TIMESTAMP '2024-02-29 12:00:00.123456' j, TIMESTAMPTZ '2024-02-29 12:00:00+00' k, TIME '01:02:03' l, "
                + "'12345678-1234-5678-1234-567812345678'::uuid m, '\\x00ff'::bytea n, ARRAY[1,2,3] o, '{\"a\": 1}'::jsonb p, NULL::int q, "
                + "INTERVAL '1 day 02:00' r";
            try (Statement s = db.createStatement(); ResultSet r = s.executeQuery(sql)) {
                yes(r.next(), "a row");
                equal(r.getShort("a"), (short) 1);
                equal(r.getInt("b"), 2);
                equal(r.getLong("c"), 3L);
                equal(r.getFloat("d"), 1.5f);
                equal(r.getDouble("e"), 0.1);
                equal(r.getBigDecimal("f"), new BigDecimal("1.50"));
                equal(r.getString("g"), "x");
                equal(r.getBoolean("h"), true);
                equal(r.getObject("i", LocalDate.class), LocalDate.of(2024, 2, 29));
                equal(r.getObject("j", LocalDateTime.class), LocalDateTime.of(2024, 2, 29, 12, 0, 0, 123456000));
                equal(r.getObject("k", OffsetDateTime.class).toInstant(), Instant.parse("2024-02-29T12:00:00Z"));
                equal(r.getObject("l", LocalTime.class), LocalTime.of(1, 2, 3));
                equal(r.getObject("m"), UUID.fromString("12345678-1234-5678-1234-567812345678"));
                yes(Arrays.equals(r.getBytes("n"), new byte[] {0, -1}), "bytes");
                yes(Arrays.equals((Integer[]) r.getArray("o").getArray(), new Integer[] {1, 2, 3}), "array");
                equal(r.getObject("p").toString(), "{\"a\": 1}");
                r.getInt("q");
                yes(r.wasNull(), "NULL");
                equal(((org.postgresql.util.PGInterval) r.getObject("r")).getHours(), 2);
            }
        });
        check("every type is sent, in text and then in binary", () -> {
            String sql = "SELECT ?::int2, ?::int4, ?::int8, ?::float4, ?::float8, ?::numeric, ?::text, ?::bool, ?::date, ?::timestamp, "
                + "?::timestamptz, ?::uuid, ?::bytea, ?::int4[], ?::text[]";
            try (PreparedStatement s = db.prepareStatement(sql)) {
                for (int round = 0; round < 8; round++) {
                    Object[] values = {(short) 1, 2, 3L, 1.5f, 0.1, new BigDecimal("12.340"), "o'x", true, LocalDate.of(2024, 2, 29),
                        LocalDateTime.of(2024, 2, 29, 1, 2, 3), OffsetDateTime.of(2024, 2, 29, 1, 2, 3, 0, ZoneOffset.UTC),
                        new UUID(1, 2), new byte[] {0, 1}};
                    for (int n = 0; n < values.length; n++) s.setObject(n + 1, values[n]);
                    s.setArray(14, db.createArrayOf("int4", new Integer[] {1, null, 3}));
                    s.setArray(15, db.createArrayOf("text", new String[] {"a", "b\"c", null}));
                    try (ResultSet r = s.executeQuery()) {
                        yes(r.next(), "a row");
                        equal(r.getInt(2), 2);
                        equal(r.getLong(3), 3L);
                        equal(r.getDouble(5), 0.1);
                        equal(r.getBigDecimal(6), new BigDecimal("12.340"));
                        equal(r.getObject(9, LocalDate.class), values[8]);
                        equal(r.getObject(10, LocalDateTime.class), values[9]);
                        equal(r.getObject(11, OffsetDateTime.class), values[10]);
                        equal(r.getObject(12), values[11]);
                        equal(Arrays.asList((Object[]) r.getArray(14).getArray()), Arrays.asList(1, null, 3));
                        equal(Arrays.asList((Object[]) r.getArray(15).getArray()), Arrays.asList("a", "b\"c", null));
                    }
                }
            }
        });
        check("tables for the rest", () -> run(
            "CREATE TABLE author (id serial PRIMARY KEY, name varchar(40) NOT NULL, email text UNIQUE, made timestamptz DEFAULT now());"
            + "CREATE TABLE book (shelf int, place int, author int NOT NULL CONSTRAINT book_author REFERENCES author (id) ON DELETE CASCADE ON UPDATE RESTRICT,"
            + " title text NOT NULL, price numeric(10,2) DEFAULT 1.5 CHECK (price >= 0), PRIMARY KEY (shelf, place));"
            + "CREATE TABLE review (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, shelf int, place int, stars int,"
            + " CONSTRAINT review_book FOREIGN KEY (shelf, place) REFERENCES book (shelf, place));"
            + "CREATE INDEX book_title ON book (title, price DESC); CREATE UNIQUE INDEX book_unique ON book (author, title);"
            + "CREATE VIEW titles AS SELECT title, price FROM book; COMMENT ON TABLE author IS 'who writes'; COMMENT ON COLUMN author.name IS 'in full'"));
    }

    static void metadata() {
        check("getTables", () -> {
            DatabaseMetaData m = db.getMetaData();
            equal(rows(m.getTables(null, "public", "%", new String[] {"TABLE", "VIEW"}), "TABLE_NAME", "TABLE_TYPE", "REMARKS"),
                List.of("author,TABLE,who writes", "book,TABLE,null", "review,TABLE,null", "titles,VIEW,null"));
            yes(rows(m.getTables(null, "pg_catalog", "pg_cl%", null), "TABLE_NAME").contains("pg_class"), "system tables");
        });
        check("getColumns", () -> {
            ResultSet r = db.getMetaData().getColumns(null, "public", "author", "%");
            equal(rows(r, "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE", "NULLABLE", "ORDINAL_POSITION", "IS_AUTOINCREMENT", "REMARKS"),
                List.of("id,4,serial,10,0,1,YES,null", "name,12,varchar,40,0,2,NO,in full",
                    "email,12,text,2147483647,1,3,NO,null", "made,93,timestamptz,35,1,4,NO,null"));
            r = db.getMetaData().getColumns(null, null, "book", "price");
            equal(rows(r, "COLUMN_NAME", "COLUMN_SIZE", "DECIMAL_DIGITS", "COLUMN_DEF"), List.of("price,10,2,1.5"));
            r = db.getMetaData().getColumns(null, null, "review", "id");
            equal(rows(r, "TYPE_NAME", "IS_AUTOINCREMENT"), List.of("int8,YES"));
        });
        check("getPrimaryKeys", () -> {
            ResultSet r = db.getMetaData().getPrimaryKeys(null, "public", "book");
            equal(rows(r, "TABLE_NAME", "COLUMN_NAME", "KEY_SEQ", "PK_NAME"), List.of("book,shelf,1,book_pkey", "book,place,2,book_pkey"));
        });
        check("getImportedKeys", () -> {
            ResultSet r = db.getMetaData().getImportedKeys(null, "public", "book");
            equal(rows(r, "PKTABLE_NAME", "PKCOLUMN_NAME", "FKTABLE_NAME", "FKCOLUMN_NAME", "KEY_SEQ", "UPDATE_RULE", "DELETE_RULE", "FK_NAME", "PK_NAME", "DEFERRABILITY"),
                List.of("author,id,book,author,1,1,0,book_author,author_pkey,7"));
            r = db.getMetaData().getImportedKeys(null, null, "review");
            equal(rows(r, "PKCOLUMN_NAME", "FKCOLUMN_NAME", "KEY_SEQ"), List.of("shelf,shelf,1", "place,place,2"));
        });
        check("getExportedKeys", () -> {
            ResultSet r = db.getMetaData().getExportedKeys(null, "public", "author");
            equal(rows(r, "PKTABLE_NAME", "FKTABLE_NAME", "FKCOLUMN_NAME", "FK_NAME"), List.of("author,book,author,book_author"));
        });
        check("getCrossReference", () -> {
            ResultSet r = db.getMetaData().getCrossReference(null, null, "book", null, null, "review");
            equal(rows(r, "FKTABLE_NAME", "FKCOLUMN_NAME"), List.of("review,shelf", "review,place"));
        });
        check("getIndexInfo", () -> {
            ResultSet r = db.getMetaData().getIndexInfo(null, "public", "book", false, true);
            equal(rows(r, "NON_UNIQUE", "INDEX_NAME", "TYPE", "ORDINAL_POSITION", "COLUMN_NAME", "ASC_OR_DESC"),
                List.of("false,book_pkey,3,1,shelf,A", "false,book_pkey,3,2,place,A", "false,book_unique,3,1,author,A",
                    "false,book_unique,3,2,title,A", "true,book_title,3,1,title,A", "true,book_title,3,2,price,D"));
            r = db.getMetaData().getIndexInfo(null, "public", "book", true, true);
            equal(new TreeSet<>(rows(r, "INDEX_NAME")), new TreeSet<>(List.of("book_pkey", "book_unique")));
        });
        check("getBestRowIdentifier", () -> {
            ResultSet r = db.getMetaData().getBestRowIdentifier(null, "public", "author", DatabaseMetaData.bestRowSession, false);
            equal(rows(r, "COLUMN_NAME", "TYPE_NAME"), List.of("id,int4"));
        });
        check("getSchemas and getCatalogs", () -> {
            List<String> schemas = rows(db.getMetaData().getSchemas(), "TABLE_SCHEM");
            yes(schemas.containsAll(List.of("information_schema", "pg_catalog", "public")), schemas.toString());
            yes(rows(db.getMetaData().getCatalogs(), "TABLE_CAT").contains(db.getCatalog()), "catalog");
        });
        check("getTypeInfo and getTableTypes", () -> {
            List<String> types = rows(db.getMetaData().getTypeInfo(), "TYPE_NAME");
            yes(types.containsAll(List.of("int4", "text", "numeric", "timestamptz", "serial", "uuid", "_int4")), types.toString());
            yes(rows(db.getMetaData().getTableTypes(), "TABLE_TYPE").contains("TABLE"), "TABLE");
        });
        check("getFunctions and getProcedures", () -> {
            yes(rows(db.getMetaData().getFunctions(null, "pg_catalog", "lower"), "FUNCTION_NAME").contains("lower"), "lower");
            equal(rows(db.getMetaData().getProcedures(null, "public", "%"), "PROCEDURE_NAME"), List.of());
        });
        check("getTablePrivileges and getColumnPrivileges", () -> {
            ResultSet r = db.getMetaData().getTablePrivileges(null, "public", "author");
            yes(rows(r, "PRIVILEGE").containsAll(List.of("DELETE", "INSERT", "SELECT", "UPDATE")), "table");
            r = db.getMetaData().getColumnPrivileges(null, "public", "author", "name");
            yes(rows(r, "PRIVILEGE").containsAll(List.of("INSERT", "SELECT", "UPDATE")), "column");
        });
        check("a result describes its columns", () -> {
            try (Statement s = db.createStatement(); ResultSet r = s.executeQuery("SELECT id, name AS n, 1 + 1 AS two FROM author")) {
                ResultSetMetaData m = r.getMetaData();
                equal(m.getColumnCount(), 3);
                equal(m.getColumnLabel(2), "n");
                equal(m.getColumnTypeName(1), "serial");
                equal(m.getTableName(1), "author");
                equal(((org.postgresql.PGResultSetMetaData) m).getBaseColumnName(2), "name");
                equal(m.isAutoIncrement(1), true);
                equal(m.isNullable(2), ResultSetMetaData.columnNoNulls);
                equal(m.getPrecision(2), 40);
            }
        });
        check("a statement describes its parameters", () -> {
            try (PreparedStatement s = db.prepareStatement("INSERT INTO book (shelf, title, price) VALUES (?, ?, ?)")) {
                ParameterMetaData m = s.getParameterMetaData();
                equal(List.of(m.getParameterTypeName(1), m.getParameterTypeName(2), m.getParameterTypeName(3)), List.of("int4", "text", "numeric"));
            }
        });
    }

    static void statements() {
        check("generated keys", () -> {
            String sql = "INSERT INTO author (name, email) VALUES (?, ?)";
            try (PreparedStatement s = db.prepareStatement(sql, Statement.RETURN_GENERATED_KEYS)) {
                s.setString(1, "Ada");
                s.setString(2, "ada@example.org");
                equal(s.executeUpdate(), 1);
                try (ResultSet keys = s.getGeneratedKeys()) {
                    yes(keys.next() && keys.getInt("id") > 0 && keys.getTimestamp("made") != null, "the whole row");
                }
            }
            try (PreparedStatement s = db.prepareStatement(sql, new String[] {"id"})) {
                s.setString(1, "Bob");
                s.setString(2, "bob@example.org");
                s.executeUpdate();
                try (ResultSet keys = s.getGeneratedKeys()) {
                    yes(keys.next() && keys.getMetaData().getColumnCount() == 1, "one column");
                }
            }
        });
        check("a batch of one statement", () -> {
            try (PreparedStatement s = db.prepareStatement("INSERT INTO book (shelf, place, author, title, price) SELECT ?, ?, id, ?, ? FROM author WHERE name = 'Ada'")) {
                for (int n = 0; n < 500; n++) {
                    s.setInt(1, n / 100);
                    s.setInt(2, n % 100);
                    s.setString(3, "title " + n);
                    s.setBigDecimal(4, BigDecimal.valueOf(n, 2));
                    s.addBatch();
                }
                int[] counts = s.executeBatch();
                equal(Arrays.stream(counts).sum(), 500);
            }
        });
        check("a batch of several statements", () -> {
            try (Statement s = db.createStatement()) {
                s.addBatch("UPDATE book SET price = 1 WHERE shelf = 0");
                s.addBatch("INSERT INTO author (name) VALUES ('Cyd')");
                s.addBatch("DELETE FROM book WHERE shelf = 4");
                yes(Arrays.equals(s.executeBatch(), new int[] {100, 1, 100}), "counts");
            }
        });
        check("a failed batch tells which, and leaves nothing", () -> {
            db.setAutoCommit(false);
            try (PreparedStatement s = db.prepareStatement("INSERT INTO author (name, email) VALUES ('x', ?)")) {
                for (String mail : List.of("n1", "ada@example.org", "n2")) {
                    s.setString(1, mail);
                    s.addBatch();
                }
                try {
                    s.executeBatch();
                    throw new AssertionError("no error");
                } catch (BatchUpdateException error) {
                    equal(error.getSQLState(), "23505");
                }
            }
            db.rollback();
            db.setAutoCommit(true);
            equal(one("SELECT count(*) FROM author WHERE name = 'x'"), 0L);
        });
        check("a batch returns generated keys", () -> {
            try (PreparedStatement s = db.prepareStatement("INSERT INTO author (name) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
                for (int n = 0; n < 50; n++) {
                    s.setString(1, "batch " + n);
                    s.addBatch();
                }
                s.executeBatch();
                equal(rows(s.getGeneratedKeys(), "name").size(), 50);
            }
        });
        check("reWriteBatchedInserts", () -> {
            try (Connection c = DriverManager.getConnection(url + "&reWriteBatchedInserts=true");
                 PreparedStatement s = c.prepareStatement("INSERT INTO author (name, email) VALUES (?, ?)")) {
                for (int n = 0; n < 300; n++) {
                    s.setString(1, "multi");
                    s.setString(2, "multi" + n);
                    s.addBatch();
                }
                s.executeBatch();
            }
            equal(one("SELECT count(*) FROM author WHERE name = 'multi'"), 300L);
        });
        check("fetch size reads by portals", () -> {
            db.setAutoCommit(false);
            try (PreparedStatement s = db.prepareStatement("SELECT shelf, place FROM book WHERE shelf < ? ORDER BY shelf, place")) {
                s.setFetchSize(50);
                s.setInt(1, 4);
                int seen = 0;
                try (ResultSet r = s.executeQuery()) {
                    while (r.next()) equal(r.getInt(1) * 100 + r.getInt(2), seen++);
                }
                equal(seen, 400);
                try (Statement other = db.createStatement()) {
                    other.setFetchSize(3);
                    try (ResultSet a = other.executeQuery("SELECT g FROM generate_series(1, 10) g"); ResultSet b = s.executeQuery()) {
                        int both = 0;
                        while (a.next() && b.next()) both++;
                        equal(both, 10);
                    }
                }
            }
            db.commit();
            db.setAutoCommit(true);
        });
        check("max rows", () -> {
            try (Statement s = db.createStatement()) {
                s.setMaxRows(7);
                equal(rows(s.executeQuery("SELECT * FROM book"), "title").size(), 7);
            }
        });
        check("a scrollable and updatable result", () -> {
            try (Statement s = db.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE);
                 ResultSet r = s.executeQuery("SELECT shelf, place, title FROM book WHERE shelf = 1 ORDER BY place")) {
                yes(r.last(), "last");
                equal(r.getRow(), 100);
                yes(r.absolute(3), "absolute");
                r.updateString("title", "by the driver");
                r.updateRow();
                equal(one("SELECT title FROM book WHERE shelf = 1 AND place = 2"), "by the driver");
            }
        });
        check("server-prepared statements live through a changed table", () -> {
            run("CREATE TABLE changing (a int); INSERT INTO changing VALUES (1)");
            try (PreparedStatement s = db.prepareStatement("SELECT * FROM changing")) {
                for (int n = 0; n < 8; n++) try (ResultSet r = s.executeQuery()) { yes(r.next(), "a row"); }
                run("ALTER TABLE changing ADD COLUMN b text DEFAULT 'x'");
                try (ResultSet r = s.executeQuery()) { yes(r.next() && r.getMetaData().getColumnCount() == 2, "two columns"); }
            }
        });
        check("several results of one statement", () -> {
            try (Statement s = db.createStatement()) {
                yes(s.execute("SELECT 1; UPDATE author SET name = 'Ada' WHERE name = 'Ada'; SELECT 2"), "a result first");
                yes(!s.getMoreResults() && s.getUpdateCount() == 1 && s.getMoreResults(), "a count, a result");
            }
        });
        check("escapes: {fn}, {d}, {ts}", () -> {
            equal(one("SELECT {fn ucase('abc')}"), "ABC");
            equal(one("SELECT {fn concat('a', 'b')}"), "ab");
            equal(one("SELECT {d '2024-02-29'}").toString(), "2024-02-29");
        });
        check("query timeout and cancel", () -> {
            try (Statement s = db.createStatement()) {
                s.setQueryTimeout(1);
                refused("57014", () -> s.execute("SELECT pg_sleep(20)"));
            }
            equal(one("SELECT 1"), 1);
        });
        check("errors carry SQLSTATE, constraint, table", () -> {
            var message = refused("23505", () -> run("INSERT INTO author (name, email) VALUES ('y', 'ada@example.org')")).getServerErrorMessage();
            equal(message.getConstraint(), "author_email_key");
            equal(message.getTable(), "author");
            equal(refused("23503", () -> run("INSERT INTO book VALUES (9, 9, 0, 't')")).getServerErrorMessage().getConstraint(), "book_author");
            equal(refused("23514", () -> run("UPDATE book SET price = -1")).getServerErrorMessage().getConstraint(), "book_price_check");
            equal(refused("23502", () -> run("INSERT INTO author (email) VALUES ('z')")).getServerErrorMessage().getColumn(), "name");
            equal(refused("42601", () -> run("SELEC 1")).getServerErrorMessage().getPosition(), 1);
        });
        check("warnings", () -> {
            try (Statement s = db.createStatement()) {
                s.execute("DROP TABLE IF EXISTS no_such_table");
                equal(s.getWarnings().getMessage(), "table \"no_such_table\" does not exist, skipping");
            }
        });
    }

    static void transactions() {
        check("commit, rollback, savepoints", () -> {
            db.setAutoCommit(false);
            run("INSERT INTO author (name) VALUES ('kept')");
            Savepoint here = db.setSavepoint("here");
            refused("22012", () -> run("SELECT 1/0"));
            refused("25P02", () -> run("SELECT 1"));
            db.rollback(here);
            db.commit();
            run("INSERT INTO author (name) VALUES ('lost')");
            db.rollback();
            db.setAutoCommit(true);
            equal(one("SELECT string_agg(name, ',') FROM author WHERE name IN ('kept', 'lost')"), "kept");
        });
        check("isolation levels and read-only", () -> {
            db.setAutoCommit(false);
            db.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            equal(db.getTransactionIsolation(), Connection.TRANSACTION_REPEATABLE_READ);
            db.setReadOnly(true);
            refused("25006", () -> run("DELETE FROM review"));
            db.rollback();
            db.setReadOnly(false);
            db.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
            db.setAutoCommit(true);
        });
    }

    static void copyAndNotify() {
        check("CopyManager in and out", () -> {
            var copy = db.unwrap(PGConnection.class).getCopyAPI();
            equal(copy.copyIn("COPY author (name, email) FROM STDIN (FORMAT csv)", new StringReader("\"a,b\",c1\nplain,c2\n")), 2L);
            StringWriter out = new StringWriter();
            copy.copyOut("COPY (SELECT name, email FROM author WHERE email IN ('c1', 'c2') ORDER BY email) TO STDOUT (FORMAT csv)", out);
            equal(out.toString(), "\"a,b\",c1\nplain,c2\n");
        });
        check("LISTEN and NOTIFY", () -> {
            run("LISTEN news");
            try (Connection other = DriverManager.getConnection(url); Statement s = other.createStatement()) {
                s.execute("NOTIFY news, 'hello'");
            }
            var heard = db.unwrap(PGConnection.class).getNotifications(5000);
            yes(heard != null && heard.length == 1 && heard[0].getParameter().equals("hello"), "heard");
        });
        check("an array and an UUID as setObject", () -> {
            try (PreparedStatement s = db.prepareStatement("SELECT name FROM author WHERE email = ANY (?) ORDER BY 1")) {
                s.setObject(1, new String[] {"c1", "c2"});
                equal(rows(s.executeQuery(), "name"), List.of("a,b", "plain"));
            }
        });
        check("client info and network timeout", () -> {
            db.setClientInfo("ApplicationName", "changed");
            equal(one("SHOW application_name"), "changed");
            db.setNetworkTimeout(Runnable::run, 10000);
            equal(one("SELECT 1"), 1);
        });
    }
}
