"""SQLAlchemy 2 over psycopg and asyncpg: reflection, the ORM, Alembic's autogenerate."""

import asyncio
import datetime as dt
import decimal
import tempfile
import uuid
from pathlib import Path

import alembic
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from harness import DATABASE, HOST, PORT, USER, check, equal, finish, raises, true
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

PLACE = f"{USER}@{HOST}:{PORT}/{DATABASE}"
engine = sa.create_engine(f"postgresql+psycopg://{PLACE}")
UTC = dt.timezone.utc


class Base(orm.DeclarativeBase):
    metadata = sa.MetaData()


membership = sa.Table(
    "membership",
    Base.metadata,
    sa.Column("person_id", sa.ForeignKey("person.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("team_id", sa.ForeignKey("team.id", name="fk_membership_team"), primary_key=True),
)


class Team(Base):
    __tablename__ = "team"
    __table_args__ = (sa.UniqueConstraint("city", "name", name="uq_team_city_name"), {"comment": "who plays"})
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(40))
    city: orm.Mapped[str] = orm.mapped_column(sa.String(40), server_default="Bern", comment="where")
    people: orm.Mapped[list["Person"]] = orm.relationship(secondary=membership, back_populates="teams")


class Person(Base):
    __tablename__ = "person"
    __table_args__ = (
        sa.CheckConstraint("age >= 0", name="ck_person_age"),
        sa.Index("ix_person_name_age", "name", "age"),
    )
    id: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.Text)
    email: orm.Mapped[str | None] = orm.mapped_column(sa.String(100), unique=True)
    age: orm.Mapped[int | None] = orm.mapped_column(sa.SmallInteger)
    balance: orm.Mapped[decimal.Decimal] = orm.mapped_column(sa.Numeric(12, 2), server_default=sa.text("0"))
    active: orm.Mapped[bool] = orm.mapped_column(server_default=sa.true())
    made: orm.Mapped[dt.datetime] = orm.mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now())
    born: orm.Mapped[dt.date | None]
    key: orm.Mapped[uuid.UUID | None]
    tags: orm.Mapped[list[str] | None] = orm.mapped_column(pg.ARRAY(sa.Text))
    data: orm.Mapped[dict | None] = orm.mapped_column(pg.JSONB)
    blob: orm.Mapped[bytes | None]
    weight: orm.Mapped[float | None] = orm.mapped_column(sa.Double)
    version: orm.Mapped[int] = orm.mapped_column(server_default="1")
    teams: orm.Mapped[list[Team]] = orm.relationship(secondary=membership, back_populates="people")
    notes: orm.Mapped[list["Note"]] = orm.relationship(back_populates="person", cascade="all, delete-orphan")
    __mapper_args__ = {"version_id_col": version}


class Note(Base):
    __tablename__ = "note"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    person_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    text: orm.Mapped[str]
    person: orm.Mapped[Person] = orm.relationship(back_populates="notes")


@check("the dialect's first connection")
def _():
    with engine.connect() as conn:
        equal(engine.dialect.server_version_info[0], 15)
        equal(engine.dialect.default_schema_name, "public")
        equal(conn.get_isolation_level(), "READ COMMITTED")
        equal(conn.scalar(sa.text("SELECT 1")), 1)


@check("create_all makes the tables, and again makes nothing")
def _():
    Base.metadata.create_all(engine)
    Base.metadata.create_all(engine)


def inspector():
    return sa.inspect(engine)


@check("reflection: schemas and table names")
def _():
    names = inspector().get_table_names()
    equal(sorted(names), ["membership", "note", "person", "team"])
    true({"public", "information_schema"} <= set(inspector().get_schema_names()), "schemas")
    true(inspector().has_table("person") and not inspector().has_table("nobody"), "has_table")


@check("reflection: columns, types, nullability")
def _():
    columns = {c["name"]: c for c in inspector().get_columns("person")}
    kinds = {name: str(c["type"]) for name, c in columns.items()}
    equal(
        kinds,
        {
            "id": "BIGINT", "name": "TEXT", "email": "VARCHAR(100)", "age": "SMALLINT",
            "balance": "NUMERIC(12, 2)", "active": "BOOLEAN", "made": "TIMESTAMP", "born": "DATE",
            "key": "UUID", "tags": "ARRAY", "data": "JSONB", "blob": "BYTEA",
            "weight": "DOUBLE PRECISION", "version": "INTEGER",
        },
    )  # fmt: skip
    true(columns["made"]["type"].timezone, "with time zone")
    equal(str(columns["tags"]["type"].item_type), "TEXT")
    equal([n for n, c in columns.items() if c["nullable"]],
          ["email", "age", "born", "key", "tags", "data", "blob", "weight"])  # fmt: skip


@check("reflection: defaults")
def _():
    columns = {c["name"]: c["default"] for c in inspector().get_columns("person")}
    equal((columns["balance"], columns["active"], columns["made"]), ("0", "true", "now()"))
    equal({c["name"]: c["default"] for c in inspector().get_columns("team")}["city"], "'Bern'::character varying")


@check("reflection: identity and serial")
def _():
    column = inspector().get_columns("person")[0]
    equal(column["identity"]["always"], False)
    equal((column["identity"]["start"], column["identity"]["increment"]), (1, 1))
    column = inspector().get_columns("team")[0]
    equal((column["default"], column["autoincrement"]), ("nextval('team_id_seq'::regclass)", True))


@check("reflection: primary keys")
def _():
    key = inspector().get_pk_constraint("membership")
    equal((key["name"], key["constrained_columns"]), ("membership_pkey", ["person_id", "team_id"]))


@check("reflection: foreign keys")
def _():
    keys = sorted(inspector().get_foreign_keys("membership"), key=lambda k: k["name"])
    equal([k["name"] for k in keys], ["fk_membership_team", "membership_person_id_fkey"])
    equal((keys[1]["referred_table"], keys[1]["referred_columns"]), ("person", ["id"]))
    equal(keys[1]["options"], {"ondelete": "CASCADE"})
    equal(keys[0]["options"], {})


@check("reflection: indexes and unique constraints")
def _():
    indexes = {i["name"]: i for i in inspector().get_indexes("person")}
    equal(indexes["ix_person_name_age"]["column_names"], ["name", "age"])
    equal(indexes["ix_person_name_age"]["unique"], False)
    equal(indexes["person_email_key"]["duplicates_constraint"], "person_email_key")
    unique = inspector().get_unique_constraints("team")
    equal([(u["name"], u["column_names"]) for u in unique], [("uq_team_city_name", ["city", "name"])])


@check("reflection: check constraints and comments")
def _():
    checks = inspector().get_check_constraints("person")
    equal([(c["name"], c["sqltext"]) for c in checks], [("ck_person_age", "age >= 0")])
    equal(inspector().get_table_comment("team")["text"], "who plays")
    equal({c["name"]: c["comment"] for c in inspector().get_columns("team")}["city"], "where")


@check("reflection: views and sequences")
def _():
    with engine.begin() as conn:
        conn.execute(sa.text("CREATE VIEW adults AS SELECT id, name FROM person WHERE age >= 18"))
        conn.execute(sa.text("CREATE SEQUENCE ticket START 5"))
    equal(inspector().get_view_names(), ["adults"])
    true("FROM person" in inspector().get_view_definition("adults"), "its definition")
    equal([c["name"] for c in inspector().get_columns("adults")], ["id", "name"])
    true({"ticket", "team_id_seq"} <= set(inspector().get_sequence_names()), "sequences")
    with engine.begin() as conn:
        equal(conn.scalar(sa.Sequence("ticket")), 5)
        conn.execute(sa.text("DROP VIEW adults"))
        conn.execute(sa.text("DROP SEQUENCE ticket"))


@check("whole tables are reflected by autoload and by MetaData.reflect")
def _():
    meta = sa.MetaData()
    table = sa.Table("membership", meta, autoload_with=engine)
    equal(sorted(fk.target_fullname for fk in table.foreign_keys), ["person.id", "team.id"])
    equal(sorted(meta.tables), ["membership", "person", "team"])
    every = sa.MetaData()
    every.reflect(engine)
    equal(sorted(every.tables), ["membership", "note", "person", "team"])
    equal([c.name for c in every.tables["person"].primary_key], ["id"])


@check("the ORM inserts a graph and fills in keys and defaults")
def _():
    with orm.Session(engine) as session:
        person = Person(
            name="Ada", email="ada@example.org", age=36, balance=decimal.Decimal("12.50"),
            born=dt.date(1815, 12, 10), key=uuid.UUID(int=7), tags=["x", "y"], data={"k": [1, None]},
            blob=b"\x00\xff", weight=0.1, teams=[Team(name="Engines", city="London"), Team(name="Notes")],
            notes=[Note(text="first"), Note(text="second")],
        )  # fmt: skip
        session.add(person)
        session.commit()
        true(person.id is not None and person.made.tzinfo is not None, "filled in")
        equal((person.active, person.version, person.teams[1].city), (True, 1, "Bern"))


@check("the ORM reads it back")
def _():
    with orm.Session(engine) as session:
        person = session.scalars(sa.select(Person).where(Person.email == "ada@example.org")).one()
        equal(
            (person.balance, person.born, person.key, person.tags, person.data, person.blob, person.weight),
            (decimal.Decimal("12.50"), dt.date(1815, 12, 10), uuid.UUID(int=7), ["x", "y"], {"k": [1, None]},
             b"\x00\xff", 0.1),
        )  # fmt: skip
        equal(sorted(t.name for t in person.teams), ["Engines", "Notes"])
        equal(sorted(n.text for n in person.notes), ["first", "second"])


@check("insertmanyvalues: many rows with RETURNING in order")
def _():
    with orm.Session(engine) as session:
        people = [Person(name=f"p{n}", age=n % 90) for n in range(1500)]
        session.add_all(people)
        session.commit()
        ids = [p.id for p in people]
        equal(ids, sorted(ids))
        equal(len(set(ids)), 1500)


@check("joined, selectin and subquery loading")
def _():
    with orm.Session(engine) as session:
        for load in (orm.joinedload, orm.selectinload, orm.subqueryload):
            query = sa.select(Person).options(load(Person.notes), load(Person.teams)).where(Person.name == "Ada")
            person = session.scalars(query).unique().one()
            equal((len(person.notes), len(person.teams)), (2, 2), load.__name__)
            session.expunge_all()


@check("update by unit of work, optimistic version checked")
def _():
    with orm.Session(engine) as session, orm.Session(engine) as other:
        mine = session.scalars(sa.select(Person).where(Person.name == "Ada")).one()
        theirs = other.scalars(sa.select(Person).where(Person.name == "Ada")).one()
        other.rollback()
        mine.age = 37
        session.commit()
        equal(mine.version, 2)
        theirs.version, theirs.age = 1, 38
        orm.attributes.set_committed_value(theirs, "version", 1)
        orm.attributes.set_committed_value(theirs, "age", 36)
        theirs.age = 38
        raises(orm.exc.StaleDataError, other.commit)


@check("bulk UPDATE and DELETE with RETURNING")
def _():
    with orm.Session(engine) as session:
        update = sa.update(Person).where(Person.name.like("p1_")).values(age=Person.age + 1).returning(Person.name)
        equal(sorted(session.scalars(update)), [f"p1{n}" for n in range(10)])
        delete = sa.delete(Person).where(Person.name.like("p14__")).returning(Person.id)
        equal(len(session.scalars(delete).all()), 100)
        session.commit()


@check("INSERT ON CONFLICT DO UPDATE")
def _():
    insert = pg.insert(Person).values(name="Ada L.", email="ada@example.org", version=1)
    upsert = insert.on_conflict_do_update(
        index_elements=[Person.email], set_={"name": insert.excluded.name}
    ).returning(Person.name)
    with engine.begin() as conn:
        equal(conn.scalar(upsert), "Ada L.")
        equal(conn.execute(insert.on_conflict_do_nothing().returning(Person.id)).all(), [])
        conn.execute(sa.update(Person).where(Person.name == "Ada L.").values(name="Ada"))


@check("deleting cascades in the database")
def _():
    with engine.begin() as conn:
        id = conn.scalar(sa.insert(Person).values(name="Gone", version=1).returning(Person.id))
        conn.execute(sa.insert(Note).values([{"person_id": id, "text": "a"}, {"person_id": id, "text": "b"}]))
        conn.execute(sa.delete(Person).where(Person.id == id))
        equal(conn.scalar(sa.select(sa.func.count()).select_from(Note).where(Note.person_id == id)), 0)


@check("deleting cascades in the unit of work")
def _():
    with orm.Session(engine) as session:
        person = Person(name="Brief", notes=[Note(text="n")])
        session.add(person)
        session.commit()
        session.delete(person)
        session.commit()
        equal(session.scalar(sa.select(sa.func.count()).select_from(Note)), 2)


@check("integrity errors are translated")
def _():
    with engine.connect() as conn:
        for row, state in (
            ({"name": "x", "email": "ada@example.org"}, "23505"),
            ({"name": "x", "age": -1}, "23514"),
            ({"name": None}, "23502"),
        ):
            error = raises(sa.exc.IntegrityError, lambda: conn.execute(sa.insert(Person), row))
            equal(error.orig.sqlstate, state)
            conn.rollback()
        error = raises(sa.exc.IntegrityError, lambda: conn.execute(sa.insert(Note), {"person_id": 0, "text": "x"}))
        equal(error.orig.sqlstate, "23503")


@check("savepoints by begin_nested")
def _():
    with orm.Session(engine) as session:
        session.add(Person(name="Outer"))
        try:
            with session.begin_nested():
                session.add(Person(name="Inner", age=-5))
        except sa.exc.IntegrityError:
            pass
        session.flush()
        names = session.scalars(sa.select(Person.name).where(Person.name.in_(["Outer", "Inner"])))
        equal(names.all(), ["Outer"])
        session.rollback()


@check("aggregates, windows, CTEs, unions")
def _():
    person = Person.__table__
    young = sa.select(person.c.id, person.c.age).where(person.c.age < 3, person.c.name.like("p%")).cte("young")
    by_age = sa.select(young.c.age, sa.func.count()).group_by(young.c.age).order_by(young.c.age)
    rank = sa.select(sa.func.row_number().over(order_by=person.c.id)).where(person.c.age == 1).limit(2)
    both = sa.union_all(sa.select(sa.literal(1)), sa.select(sa.literal(2)))
    with engine.connect() as conn:
        equal([r[0] for r in conn.execute(by_age)], [0, 1, 2])
        equal(conn.scalars(rank).all(), [1, 2])
        equal(sorted(conn.scalars(both).all()), [1, 2])


@check("JSON, array and date expressions")
def _():
    with engine.connect() as conn:
        query = sa.select(Person.data["k"][0].astext, Person.tags[1], sa.extract("year", Person.born)).where(
            Person.data.has_key("k"), Person.tags.contains(["x"])
        )
        equal(tuple(conn.execute(query).one()), ("1", "x", 1815))


@check("server-side cursors through stream_results")
def _():
    with engine.connect() as conn:
        result = conn.execution_options(stream_results=True, max_row_buffer=100).execute(
            sa.select(Person.id).order_by(Person.id)
        )
        got = [row[0] for part in result.partitions(100) for row in part]
        equal(got, sorted(got))
        true(len(got) > 1000, "all of them")


@check("FOR UPDATE, SKIP LOCKED")
def _():
    lock = sa.select(Person.id).where(Person.name == "Ada").with_for_update(skip_locked=True)
    with engine.begin() as first, engine.begin() as second:
        equal(len(first.execute(lock).all()), 1)
        equal(len(second.execute(lock).all()), 0)


@check("isolation levels and read-only connections")
def _():
    with engine.connect().execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    ) as conn:
        equal(conn.get_isolation_level(), "REPEATABLE READ")
        raises(sa.exc.InternalError, lambda: conn.execute(sa.delete(Note)))


@check("autogenerate finds no difference to create_all's tables")
def _():
    with engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
        equal(compare_metadata(context, Base.metadata), [])


@check("the asynchronous engine over asyncpg")
def _():
    async def run():
        other = create_async_engine(f"postgresql+asyncpg://{PLACE}")
        async with async_sessionmaker(other)() as session:
            session.add(Person(name="Async", tags=["a"], data={"z": 1}))
            await session.commit()
            query = sa.select(Person).where(Person.name == "Async").options(orm.selectinload(Person.notes))
            person = (await session.scalars(query)).one()
            found = (person.tags, person.data, person.notes)
        async with other.connect() as conn:
            names = await conn.run_sync(lambda c: sa.inspect(c).get_table_names())
        await other.dispose()
        return found, sorted(names)

    equal(asyncio.run(run()), ((["a"], {"z": 1}, []), ["membership", "note", "person", "team"]))


@check("drop_all drops what create_all made")
def _():
    Base.metadata.drop_all(engine)
    equal(inspector().get_table_names(), [])


# Alembic from an empty database: its own migration written, run, compared, changed, undone.
ENV = """
from alembic import context
import sqlalchemy as sa
config = context.config
with sa.create_engine(config.get_main_option("sqlalchemy.url")).connect() as connection:
    context.configure(connection=connection, target_metadata=config.attributes["metadata"],
                      compare_type=True, compare_server_default=True)
    with context.begin_transaction():
        context.run_migrations()
"""
scripts = Path(tempfile.mkdtemp())
config = Config()
config.set_main_option("script_location", str(scripts / "migrations"))
config.set_main_option("sqlalchemy.url", f"postgresql+psycopg://{PLACE}")
config.print_stdout = lambda *_: None
config.attributes["metadata"] = Base.metadata


@check("Alembic: a first migration is generated and run")
def _():
    (scripts / "migrations" / "versions").mkdir(parents=True)
    template = Path(alembic.__file__).parent / "templates" / "generic" / "script.py.mako"
    (scripts / "migrations" / "script.py.mako").write_text(template.read_text())
    (scripts / "migrations" / "env.py").write_text(ENV)
    command.revision(config, "first", autogenerate=True)
    command.upgrade(config, "head")
    equal(sorted(inspector().get_table_names()), ["alembic_version", "membership", "note", "person", "team"])


@check("Alembic: autogenerate finds no difference after its own migration")
def _():
    command.check(config)


@check("Alembic: a changed model is migrated, and no difference is left")
def _():
    Base.metadata.tables["person"].append_column(sa.Column("nick", sa.String(20), server_default="none"))
    Base.metadata.tables["team"].c.name.type = sa.String(80)
    sa.Index("ix_team_name", Base.metadata.tables["team"].c.name)
    command.revision(config, "second", autogenerate=True)
    command.upgrade(config, "head")
    command.check(config)
    equal(str({c["name"]: c for c in inspector().get_columns("team")}["name"]["type"]), "VARCHAR(80)")


@check("Alembic: downgrade to nothing")
def _():
    command.downgrade(config, "base")
    equal(inspector().get_table_names(), ["alembic_version"])


engine.dispose()
finish()
