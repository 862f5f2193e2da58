"""Django's PostgreSQL backend: migrate, introspection, a model's round trip, a changed model."""

import datetime as dt
import decimal
import sys
import tempfile
import types
import uuid
from pathlib import Path

import django
from django.conf import settings
from harness import DATABASE, HOST, PORT, USER, check, equal, finish, raises, recover, true

place = Path(tempfile.mkdtemp())
package = place / "shop"
(package / "migrations").mkdir(parents=True)
(package / "__init__.py").write_text("")
(package / "migrations" / "__init__.py").write_text("")
MODELS = '''
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Upper

class Author(models.Model):
    name = models.CharField(max_length=80, db_index=True)
    email = models.EmailField(unique=True)
    born = models.DateField(null=True, blank=True)

class Book(models.Model):
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")
    title = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    pages = models.PositiveIntegerField(default=1)
    rating = models.FloatField(null=True)
    key = models.UUIDField(unique=True)
    made = models.DateTimeField(auto_now_add=True)
    length = models.DurationField(null=True)
    data = models.JSONField(default=dict)
    tags = ArrayField(models.TextField(), default=list)
    blob = models.BinaryField(null=True)
    published = models.BooleanField(default=False)
    fans = models.ManyToManyField("Author", related_name="liked")
    origin = models.GenericIPAddressField(null=True)

    class Meta:
        ordering = ["title"]
        constraints = [
            models.UniqueConstraint(fields=["author", "title"], name="one_title"),
            models.CheckConstraint(condition=models.Q(price__gte=0), name="price_not_negative"),
        ]
        indexes = [models.Index(fields=["title", "-pages"], name="title_pages")]
'''
(package / "models.py").write_text(MODELS)
sys.path.insert(0, str(place))

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql", "NAME": DATABASE, "USER": USER, "HOST": HOST, "PORT": PORT,
        }
    },
    INSTALLED_APPS=[
        "django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "shop",
    ],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    SECRET_KEY="not one",
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
)  # fmt: skip
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import IntegrityError, connection, models, transaction  # noqa: E402
from django.db.models import Avg, Count, ExpressionWrapper, F, Max, Q, Subquery, OuterRef, Sum, Window  # noqa: E402
from django.db.models.functions import Coalesce, Lower, Rank, TruncMonth  # noqa: E402
from django.utils import timezone  # noqa: E402
from shop.models import Author, Book  # noqa: E402


def again():
    connection.close()


recover.append(again)


def management(*arguments, **options):
    import io

    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out, **options)
    return out.getvalue()


@check("the backend's first connection")
def _():
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::int + 1", [1])
        equal(cursor.fetchone(), (2,))
    equal(connection.pg_version // 10000, 15)
    true(connection.features.supports_transactions, "transactions")


@check("makemigrations and migrate")
def _():
    management("makemigrations", "shop")
    said = management("migrate")
    true("Applying shop.0001_initial... OK" in said and "Applying auth.0012" in said, said)


@check("migrate again finds nothing to do")
def _():
    true("No migrations to apply" in management("migrate"), "nothing")
    management("makemigrations", "--check", "--dry-run")
    management("check", "--database", "default")


@check("introspection: tables")
def _():
    names = set(connection.introspection.table_names())
    true({"shop_author", "shop_book", "shop_book_fans", "auth_user", "django_migrations"} <= names, names)


EXPECTED = {
    "id": "BigAutoField", "title": "CharField", "price": "DecimalField", "pages": "IntegerField",
    "rating": "FloatField", "key": "UUIDField", "made": "DateTimeField", "data": "JSONField",
    "blob": "BinaryField", "published": "BooleanField", "author_id": "BigIntegerField",
    "origin": "GenericIPAddressField",
}  # fmt: skip


@check("introspection: columns")
def _():
    with connection.cursor() as cursor:
        columns = connection.introspection.get_table_description(cursor, "shop_book")
    kinds = {c.name: connection.introspection.get_field_type(c.type_code, c) for c in columns if c.name in EXPECTED}
    equal(kinds, EXPECTED)
    equal([c.display_size for c in columns if c.name == "title"], [200])
    equal([(c.precision, c.scale) for c in columns if c.name == "price"], [(10, 2)])
    equal([c.name for c in columns if c.null_ok], ["rating", "length", "blob", "origin"])


@check("introspection: constraints and indexes")
def _():
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "shop_book")
    equal(found["shop_book_pkey"]["columns"], ["id"])
    true(found["one_title"]["unique"] and found["one_title"]["columns"] == ["author_id", "title"], "unique")
    true(found["price_not_negative"]["check"], "check")
    equal(found["title_pages"]["orders"], ["ASC", "DESC"])
    keys = [c["foreign_key"] for c in found.values() if c["foreign_key"]]
    equal(keys, [("shop_author", "id")])


@check("introspection: relations, sequences, primary key")
def _():
    with connection.cursor() as cursor:
        equal(connection.introspection.get_relations(cursor, "shop_book"), {"author_id": ("id", "shop_author")})
        sequences = connection.introspection.get_sequences(cursor, "shop_book")
        equal(connection.introspection.get_primary_key_column(cursor, "shop_book"), "id")
    equal([(s["table"], s["column"]) for s in sequences], [("shop_book", "id")])


@check("inspectdb writes models")
def _():
    said = management("inspectdb", "shop_book", "shop_author")
    for part in ("class ShopBook(models.Model)", "models.ForeignKey('ShopAuthor'", "max_length=200",
                 "max_digits=10, decimal_places=2", "unique=True"):  # fmt: skip
        true(part in said, f"{part} in {said}")


KEY = uuid.UUID("12345678-1234-5678-1234-567812345678")


@check("a model's round trip")
def _():
    author = Author.objects.create(name="Ada", email="ada@example.org", born=dt.date(1815, 12, 10))
    book = Book.objects.create(
        author=author, title="Notes", price=decimal.Decimal("12.50"), pages=66, rating=4.5, key=KEY,
        length=dt.timedelta(days=1, seconds=2), data={"a": [1, None, {"b": "c"}]}, tags=["x", "y,z"], blob=b"\x00\xff", origin="10.0.0.1",
    )  # fmt: skip
    found = Book.objects.get(pk=book.pk)
    equal(
        (found.price, found.pages, found.rating, found.key, found.length, found.data, found.tags, bytes(found.blob)),
        (decimal.Decimal("12.50"), 66, 4.5, KEY, dt.timedelta(days=1, seconds=2), {"a": [1, None, {"b": "c"}]},
         ["x", "y,z"], b"\x00\xff"),
    )  # fmt: skip
    equal(found.origin, "10.0.0.1")
    equal(Book.objects.filter(origin="10.0.0.1", origin__startswith="10.").count(), 1)
    equal(Book.objects.filter(origin__in=["10.0.0.1", "::1"], origin__lt="10.0.0.2").count(), 1)
    equal((found.published, found.author.born, found.made.tzinfo is not None), (False, dt.date(1815, 12, 10), True))


@check("update, F expressions, refresh")
def _():
    book = Book.objects.get(key=KEY)
    book.title = "Sketch"
    book.save(update_fields=["title"])
    equal(Book.objects.filter(pk=book.pk).update(pages=F("pages") + 4, published=True), 1)
    book.refresh_from_db()
    equal((book.title, book.pages, book.published), ("Sketch", 70, True))


@check("bulk_create, in_bulk, bulk_update")
def _():
    authors = Author.objects.bulk_create([Author(name=f"a{n}", email=f"a{n}@example.org") for n in range(200)])
    true(all(a.pk for a in authors), "keys")
    for author in authors:
        author.name = author.name.upper()
    equal(Author.objects.bulk_update(authors, ["name"], batch_size=50), 200)
    equal(Author.objects.in_bulk([authors[7].pk])[authors[7].pk].name, "A7")


@check("bulk_create that updates or ignores conflicts")
def _():
    Author.objects.bulk_create(
        [Author(name="changed", email="a1@example.org"), Author(name="added", email="new@example.org")],
        update_conflicts=True, unique_fields=["email"], update_fields=["name"],
    )  # fmt: skip
    Author.objects.bulk_create([Author(name="ignored", email="a1@example.org")], ignore_conflicts=True)
    equal(Author.objects.get(email="a1@example.org").name, "changed")


@check("get_or_create and update_or_create")
def _():
    _, created = Author.objects.get_or_create(email="ada@example.org", defaults={"name": "no"})
    equal(created, False)
    author, created = Author.objects.update_or_create(email="ada@example.org", defaults={"name": "Ada L."})
    equal((author.name, created), ("Ada L.", False))


@check("lookups on text")
def _():
    count = lambda **where: Author.objects.filter(**where).count()  # noqa: E731
    equal(count(name__icontains="ADA"), 1)
    equal(count(name__startswith="A1"), 110)
    equal(count(name__iexact="a7"), 1)
    equal(count(name__regex=r"^A\d$"), 9)
    equal(count(name__iregex=r"^a\d\d$"), 90)
    equal(count(name__in=["A2", "A3"]), 2)
    equal(count(name__contains="%"), 0)


@check("lookups on dates, ranges and NULL")
def _():
    equal(Author.objects.filter(born__year=1815, born__month=12).count(), 1)
    equal(Author.objects.filter(born__isnull=False).count(), 1)
    equal(Book.objects.filter(pages__range=(60, 80), made__date=timezone.localdate()).count(), 1)


@check("lookups in JSON and arrays")
def _():
    equal(Book.objects.filter(data__a__0=1).count(), 1)
    equal(Book.objects.filter(data__a__2__b="c").count(), 1)
    equal(Book.objects.filter(data__has_key="a").count(), 1)
    equal(Book.objects.filter(data__contains={"a": [1]}).count(), 1)
    equal(Book.objects.filter(tags__contains=["x"]).count(), 1)
    equal(Book.objects.filter(tags__overlap=["x", "q"], tags__len=2).count(), 1)


@check("many to many and reverse relations")
def _():
    book = Book.objects.get(key=KEY)
    book.fans.add(*Author.objects.filter(name__in=["A2", "A3"]))
    equal(sorted(book.fans.values_list("name", flat=True)), ["A2", "A3"])
    equal(Author.objects.get(name="A2").liked.get(), book)
    book.fans.remove(Author.objects.get(name="A2"))
    equal(book.fans.count(), 1)
    equal(Author.objects.get(email="ada@example.org").books.count(), 1)


@check("select_related and prefetch_related")
def _():
    book = Book.objects.select_related("author").prefetch_related("fans").get(key=KEY)
    equal((book.author.name, [f.name for f in book.fans.all()]), ("Ada L.", ["A3"]))


@check("aggregates and annotations")
def _():
    some = Author.objects.filter(name__startswith="A1").order_by("name")[:5]
    Book.objects.bulk_create(
        [Book(author=a, title=f"t{n}", pages=10 * n, price=n, key=uuid.uuid4()) for a in some for n in range(1, 4)]
    )
    got = Book.objects.filter(title__startswith="t").aggregate(Sum("pages"), Avg("pages"), Max("price"), n=Count("*"))
    equal(got, {"pages__sum": 300, "pages__avg": 20.0, "price__max": decimal.Decimal("3.00"), "n": 15})
    many = Author.objects.annotate(n=Count("books")).filter(n__gt=1).order_by("name").values_list("name", "n")
    equal(len(many), 5)
    equal(set(n for _, n in many), {3})


@check("subqueries, EXISTS and Coalesce")
def _():
    newest = Book.objects.filter(author=OuterRef("pk")).order_by("-pages").values("title")[:1]
    query = Author.objects.annotate(top=Coalesce(Subquery(newest), models.Value("none"))).filter(name__startswith="A1")
    equal([a.top for a in query.order_by("name")[:6]], ["t3"] * 5 + ["none"])
    equal(Author.objects.filter(models.Exists(Book.objects.filter(author=OuterRef("pk"), pages=20))).count(), 5)


@check("window functions and truncated dates")
def _():
    rank = Window(Rank(), partition_by=[F("author_id")], order_by=F("pages").desc())
    got = Book.objects.filter(title__startswith="t").annotate(rank=rank).order_by("author_id", "rank")
    equal([b.rank for b in got[:3]], [1, 2, 3])
    months = Book.objects.annotate(m=TruncMonth("made")).values("m").annotate(n=Count("id")).order_by("m")
    equal([m["n"] for m in months], [16])


@check("Q objects, exclude, distinct, union, values")
def _():
    equal(Author.objects.filter(Q(name="A2") | Q(name="A3") & ~Q(email="x")).count(), 2)
    equal(Author.objects.exclude(books__isnull=False).filter(name__startswith="A1").count(), 105)
    equal(len(Author.objects.filter(name="A2").union(Author.objects.filter(name="A3"))), 2)
    equal(Book.objects.order_by("author_id", "-pages").distinct("author_id").count(), 6)


@check("atomic blocks, nested")
def _():
    with transaction.atomic():
        Author.objects.create(name="outer", email="outer@example.org")
        try:
            with transaction.atomic():
                Author.objects.create(name="inner", email="inner@example.org")
                raise RuntimeError
        except RuntimeError:
            pass
    equal(Author.objects.filter(name__in=["outer", "inner"]).count(), 1)


class raises_atomic:
    def __init__(self, part):
        self.part = part

    def __enter__(self):
        self.block = transaction.atomic()
        self.block.__enter__()

    def __exit__(self, kind, error, trace):
        self.block.__exit__(kind, error, trace)
        if kind is None or not issubclass(kind, IntegrityError):
            raise AssertionError(f"{error!r} instead of an integrity error") from error
        true(self.part in str(error), f"{self.part} in {error}")
        return True


@check("integrity errors: unique, check, foreign key at the end of the transaction")
def _():
    with raises_atomic("shop_author_email"):
        Author.objects.create(name="x", email="ada@example.org")
    with raises_atomic("price_not_negative"):
        Book.objects.create(author=Author.objects.first(), title="x", price=-1, key=uuid.uuid4())
    with raises_atomic("shop_book_author_id"):
        Book.objects.create(author_id=0, title="x", key=uuid.uuid4())
        connection.check_constraints()


@check("select_for_update")
def _():
    with transaction.atomic():
        equal(Author.objects.select_for_update(skip_locked=True).get(name="A2").name, "A2")
        equal(len(Book.objects.select_for_update(of=("self",), nowait=True).select_related("author")[:2]), 2)


@check("iterator() reads by a server-side cursor")
def _():
    equal(sum(1 for _ in Author.objects.order_by("pk").iterator(chunk_size=50)), Author.objects.count())


@check("deleting cascades")
def _():
    author = Author.objects.filter(name__startswith="A1").order_by("name").first()
    total, each = author.delete()
    equal((total, each), (4, {"shop.Book": 3, "shop.Author": 1}))


@check("users, passwords and permissions of django.contrib.auth")
def _():
    from django.contrib.auth import authenticate
    from django.contrib.auth.models import Group, Permission, User

    user = User.objects.create_user("grace", "g@example.org", "secret")
    group = Group.objects.create(name="editors")
    group.permissions.add(Permission.objects.get(codename="change_book"))
    user.groups.add(group)
    user = User.objects.get(username="grace")
    true(user.has_perm("shop.change_book") and not user.has_perm("shop.delete_book"), "permissions")
    equal(authenticate(username="grace", password="secret"), user)


@check("sessions are stored")
def _():
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session["k"] = [1, 2]
    session.save()
    equal(SessionStore(session_key=session.session_key)["k"], [1, 2])


@check("raw SQL and explain")
def _():
    equal([a.name for a in Author.objects.raw("SELECT id, name FROM shop_author WHERE name = %s", ["A2"])], ["A2"])
    true(len(Author.objects.filter(name="A2").explain()) > 0, "a plan")


@check("dumpdata, flush, loaddata, sequences reset")
def _():
    said = management("dumpdata", "shop")
    before = Author.objects.count()
    (place / "dump.json").write_text(said)
    management("flush", interactive=False)
    equal(Author.objects.count(), 0)
    management("loaddata", str(place / "dump.json"))
    equal(Author.objects.count(), before)
    Author.objects.create(name="after", email="after@example.org")


MIGRATION = '''
from django.db import migrations, models
import django.db.models.deletion

def rename(apps, editor):
    apps.get_model("shop", "Author").objects.filter(name="A2").update(name="A2 renamed")

class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.AddField("author", "nick", models.CharField(max_length=20, default="none")),
        migrations.AlterField("author", "name", models.CharField(max_length=160, db_index=True)),
        migrations.AlterField("author", "born", models.DateField(default="2000-01-01")),
        migrations.RenameField("book", "rating", "score"),
        migrations.RemoveField("book", "blob"),
        migrations.AddIndex("book", models.Index(fields=["price"], name="book_price")),
        migrations.RemoveConstraint("book", "one_title"),
        migrations.CreateModel("Shelf", [
            ("id", models.BigAutoField(primary_key=True)),
            ("label", models.CharField(max_length=10, unique=True)),
            ("book", models.OneToOneField("shop.Book", on_delete=django.db.models.deletion.PROTECT)),
        ]),
        migrations.RunPython(rename, migrations.RunPython.noop),
        migrations.RenameModel("Shelf", "Rack"),
    ]
'''


@check("a changed model is migrated with its data")
def _():
    (package / "migrations" / "0002_change.py").write_text(MIGRATION)
    true("Applying shop.0002_change... OK" in management("migrate", "shop"), "applied")
    with connection.cursor() as cursor:
        cursor.execute("SELECT nick, born FROM shop_author WHERE name = 'A2 renamed'")
        equal(cursor.fetchall(), [("none", dt.date(2000, 1, 1))])
        names = [c.name for c in connection.introspection.get_table_description(cursor, "shop_book")]
    true("score" in names and "rating" not in names and "blob" not in names, names)
    true("shop_rack" in connection.introspection.table_names(), "renamed")


@check("and back")
def _():
    management("migrate", "shop", "0001")
    with connection.cursor() as cursor:
        names = [c.name for c in connection.introspection.get_table_description(cursor, "shop_book")]
    true("rating" in names and "blob" in names, names)
    management("migrate", "shop", "zero")
    true("shop_book" not in connection.introspection.table_names(), "gone")


connection.close()
finish()
