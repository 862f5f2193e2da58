#!/usr/bin/env python3
"""The 22 queries of TPC-H over tables sealed into columns, beside DuckDB and DataFusion.

    scripts/tpch.py [--scale N] [--runs N] [--literals SEED] [--queries 1,6,18] [--updated] [--json FILE]
    scripts/tpch.py --small [--rounds N]
    scripts/tpch.py --beside

In one run, on this machine, with two threads each: Orbit over tables that `orbit import`
loaded, DuckDB over Parquet files, DuckDB over its own tables, DataFusion over the same
Parquet files. Every answer of Orbit's is compared with DuckDB's. The fastest of the hot runs
counts; the systems take turns. A query fails the run where its answer is another, or where it
takes more than five times as long as DuckDB's own tables and 30 ms more than they do. `--literals` puts other literals into the queries
(tests/tpch/*.sql say which); `--updated` changes a twentieth of lineitem afterwards and
asks again, the sealer held back by the share of what changed. `--small` loads and asks in a
group of 256 MB with profile iot_gateway (control groups of version 1, as root), and fails for
every query that isn't answered right and every kill. `--beside` measures point reads and pgbench's script alone, beside queries and beside sealing.
"""

import argparse
import datetime
import decimal
import json
import math
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import threading
import time

from bench import ORBIT, ROOT, Orbit, latencies, pgbench, psql, say, tps

QUERIES = ROOT / "tests/tpch"
HOME = pathlib.Path.home() / ".cache/orbit"
VENV = HOME / "bench-venv"
PACKAGES = ["duckdb==2.0.0", "datafusion==55.0.0", "tpchgen-cli==4.0.0", "psycopg[binary]==3.3.9"]
TABLES = "region nation supplier part partsupp customer orders lineitem".split()
THREADS = 2


def in_venv():
    """Runs this script again where its peers are installed."""
    python = VENV / "bin/python"
    if pathlib.Path(sys.prefix) == VENV:
        return
    marker = VENV / "packages.txt"
    wanted = "\n".join(PACKAGES)
    if not marker.exists() or marker.read_text() != wanted:
        say(f"tpch: installing {', '.join(PACKAGES)} into {VENV}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
        subprocess.run([VENV / "bin/pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], check=True)
        marker.write_text(wanted)
    os.execv(python, [str(python), *sys.argv])


def data(scale):
    directory = HOME / f"tpch/{scale:g}"
    if not (directory / "complete").exists():
        say(f"tpch: generating scale factor {scale:g} into {directory}")
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        for form in ("parquet", "csv"):
            words = [VENV / "bin/tpchgen-cli", form, "-s", f"{scale:g}", "--output-dir", directory]
            subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (directory / "complete").touch()
    return directory


def text_of(number, chance):
    """A query with its literals; `chance` picks others than those for validation."""
    text = (QUERIES / f"{number:02}.sql").read_text()
    head = " ".join(line.lstrip("- ") for line in text.splitlines() if line.startswith("--"))
    body = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    for name, default, choice in re.findall(r":(\w+) = (.*?) of (.*?)(?= :|$)", head):
        value = default
        if chance:
            if bounds := re.fullmatch(r"(\d+)\.\.(\d+)", choice.strip()):
                value = str(chance.randint(int(bounds[1]), int(bounds[2])))
            else:
                value = chance.choice(re.findall(r"'([^']*)'", choice))
        body = re.sub(rf":{name}\b", value, body)
    return body


def plain(value):
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime.datetime):
        return value.date()
    return value.rstrip() if isinstance(value, str) else value


def difference(ours, theirs):
    if len(ours) != len(theirs):
        return f"{len(ours)} rows instead of {len(theirs)}"
    for place, (left, right) in enumerate(zip(ours, theirs)):
        if len(left) != len(right):
            return f"{len(left)} columns instead of {len(right)}"
        for a, b in zip(map(plain, left), map(plain, right)):
            if isinstance(a, float) and isinstance(b, (int, float)):
                if not abs(a - b) <= 1e-6 * max(1.0, abs(b)):
                    return f"row {place}: {left} instead of {right}"
            elif a != b:
                return f"row {place}: {left} instead of {right}"
    return None


class Peers:
    def __init__(self, directory):
        import datafusion
        import duckdb

        self.parquet = duckdb.connect()
        self.tables = duckdb.connect()
        for system in (self.parquet, self.tables):
            system.execute(f"SET threads = {THREADS}")
        config = datafusion.SessionConfig().with_target_partitions(THREADS)
        self.fusion = datafusion.SessionContext(config)
        for table in TABLES:
            file = directory / f"{table}.parquet"
            self.parquet.execute(f"CREATE VIEW {table} AS FROM '{file}'")
            self.tables.execute(f"CREATE TABLE {table} AS FROM '{file}'")
            self.fusion.register_parquet(table, str(file))

    def systems(self, orbit):
        return {
            "orbit": lambda sql: orbit.execute(sql).fetchall(),
            "duckdb_parquet": lambda sql: self.parquet.execute(sql).fetchall(),
            "duckdb_tables": lambda sql: self.tables.execute(sql).fetchall(),
            "datafusion_parquet": lambda sql: self.fusion.sql(sql).collect(),
        }


def load(server, directory):
    psql(server, (QUERIES / "schema.sql").read_text())
    for table in TABLES:
        words = [ORBIT, "import", "--quiet", "--append", "--table", table, "--port", server.port, directory / f"{table}.csv"]
        subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)
    psql(server, "ANALYZE")
    started = time.monotonic()
    large = [table for table in TABLES if int(psql(server, f"SELECT count(*) FROM {table}")) >= 32 << 10]
    for table in large:
        while "Column Scan" not in psql(server, f"EXPLAIN SELECT * FROM {table}"):
            if time.monotonic() - started > 600:
                sys.exit(f"tpch: {table} is not sealed after ten minutes")
            time.sleep(0.5)
    return time.monotonic() - started


class MemoryGroup:
    def __init__(self, megabytes):
        self.directory = pathlib.Path("/sys/fs/cgroup/memory") / f"orbit-tpch-{os.getpid()}"
        try:
            self.directory.mkdir()
            (self.directory / "memory.limit_in_bytes").write_text(str(megabytes << 20))
        except OSError as error:
            sys.exit(f"tpch: skipped, no group of memory can be made here: {error}")
        self.within = ["sh", "-c", f'echo $$ > {self.directory}/cgroup.procs; exec "$0" "$@"']

    def kills(self):
        return int(re.search(r"oom_kill (\d+)", (self.directory / "memory.oom_control").read_text())[1])

    def remove(self):
        self.directory.rmdir()


def small(options, texts, directory):
    import psycopg

    peers = Peers(directory)
    failed = []
    for number in range(1, options.rounds + 1):
        group = MemoryGroup(256)
        server = Orbit("iot_gateway", group.within)
        try:
            started = time.monotonic()
            load(server, directory)
            say(f"tpch: round {number}: loaded and sealed in {time.monotonic() - started:.0f} s")
            print(f"\nround {number}\n\n| query | s | |\n|---|---|---|")
            for query, sql in texts.items():
                try:
                    with psycopg.connect(
                        host="127.0.0.1", port=server.port, user="orbit", dbname="orbit", autocommit=True
                    ) as orbit:
                        seconds, rows = taken(lambda sql: orbit.execute(sql).fetchall(), sql)
                    wrong = difference(rows, peers.parquet.execute(sql).fetchall())
                except psycopg.Error as error:
                    seconds, wrong = 0.0, str(error).replace("\n", " ")
                failed += [query] if wrong else []
                print(f"| {query} | {seconds:.2f} | {wrong or ''} |", flush=True)
            memory = server.memory()
            kills = group.kills()
            print(f"\npeak resident {memory['peak_mb']:.0f} MB, killed {kills} times")
            failed += ["a kill"] if kills else []
        finally:
            server.stop()
            group.remove()
    if failed:
        sys.exit(f"tpch: failed: {failed}")


def beside(options, texts, directory):
    """Point reads and pgbench's default script: alone, beside queries, while a table is sealed."""
    server = Orbit()
    queries = ";\n".join(texts.values()) + ";\n"
    quiet = {}

    def row(what, seconds):
        half, tail = latencies(server, seconds)
        rate = tps(pgbench(server, "-M", "prepared", "-c", 8, "-j", 2, "-T", seconds, "-n"))
        if not quiet:
            quiet.update(tail=tail, rate=rate)
        ratios = tail / quiet["tail"], rate / quiet["rate"]
        print(f"| {what} | {half:.3f} | {tail:.3f} | {ratios[0]:.2f} | {rate:,.0f} | {ratios[1]:.2f} |", flush=True)

    def ask(over):
        while not over.is_set():
            psql(server, queries)

    try:
        load(server, directory)
        pgbench(server, "-i", "-s", 10, "-q")
        print("| beside | p50, ms | p99, ms | beside quiet p99 | default script, 8 clients, tps | beside quiet |")
        print("|---|---|---|---|---|---|")
        row("nothing", 10)
        over = threading.Event()
        other = threading.Thread(target=ask, args=[over])
        other.start()
        row("the 22 queries", 10)
        over.set()
        other.join()
        psql(server, "CREATE TABLE another AS SELECT * FROM lineitem")
        row("sealing 6 M rows", 3)
        if "Column Scan" in psql(server, "EXPLAIN SELECT * FROM another"):
            print("(it was sealed before the end)")
    finally:
        server.stop()


def taken(run, sql):
    started = time.perf_counter()
    rows = run(sql)
    return time.perf_counter() - started, rows


def mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def measure(options, systems, texts):
    figures = {}
    for number, sql in texts.items():
        best = {}
        for name, run in systems.items():
            run(sql)
            best[name] = math.inf
        for _ in range(options.runs):
            for name, run in systems.items():
                seconds, rows = taken(run, sql)
                best[name] = min(best[name], seconds)
                if name == "orbit":
                    ours = rows
                elif name == "duckdb_parquet":
                    wrong = difference(ours, rows)
        figures[number] = {**best, "wrong": wrong}
        allowed = max(5 * best["duckdb_tables"], best["duckdb_tables"] + 0.03)
        notes = [f"WRONG: {wrong}"] if wrong else []
        figures[number]["over"] = best["orbit"] > allowed
        if figures[number]["over"]:
            notes.append("over its limit")
        shown = " | ".join(f"{best[name]:.3f}" for name in systems)
        print(f"| {number} | {shown} | {best['orbit'] / best['duckdb_tables']:.1f} | {'; '.join(notes)} |", flush=True)
    return figures


def updated(options, systems, orbit, peers, texts, sealed):
    """Hot times over a lineitem of which a twentieth changed, beside those before."""
    change = "UPDATE lineitem SET l_quantity = l_quantity + 1 WHERE l_orderkey % 20 = 7"
    rows = orbit.execute(change).rowcount
    peers.tables.execute(change)
    texts = {number: sql for number, sql in texts.items() if "lineitem" in sql}
    if not texts:
        sys.exit("tpch: none of these queries reads lineitem")
    first, _ = taken(systems["orbit"], next(iter(texts.values())))
    print(f"\n{rows} rows of lineitem updated, not sealed; the first scan took {first:.3f} s:\n")
    print("| query | sealed, s | changed, s | ratio | |\n|---|---|---|---|---|")
    ratios, wrong = [], []
    for number, sql in texts.items():
        runs = [taken(systems["orbit"], sql) for _ in range(options.runs + 1)]
        best = min(seconds for seconds, _ in runs)
        ratios.append(best / sealed[number]["orbit"])
        differs = difference(runs[-1][1], systems["duckdb_tables"](sql))
        wrong += [number] if differs else []
        print(f"| {number} | {sealed[number]['orbit']:.3f} | {best:.3f} | {ratios[-1]:.2f} | {differs or ''} |", flush=True)
    print(f"| geometric mean | | | {mean(ratios):.2f} | |")
    if "Changed Rows" not in psql_plan(orbit):
        sys.exit("tpch: the changes were sealed meanwhile, the figures say nothing")
    return wrong


def psql_plan(orbit):
    return "\n".join(row[0] for row in orbit.execute("EXPLAIN SELECT sum(l_tax) FROM lineitem").fetchall())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--literals", type=int, metavar="SEED")
    parser.add_argument("--queries", default=",".join(map(str, range(1, 23))))
    parser.add_argument("--updated", action="store_true")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--beside", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    options = parser.parse_args()
    in_venv()
    import psycopg

    chance = random.Random(options.literals) if options.literals is not None else None
    texts = {number: text_of(number, chance) for number in map(int, options.queries.split(","))}
    directory = data(options.scale)
    if options.small or options.beside:
        (small if options.small else beside)(options, texts, directory)
        return
    server = Orbit()
    try:
        sealed_in = load(server, directory)
        say(f"tpch: loaded; sealed {sealed_in:.0f} s later")
        orbit = psycopg.connect(
            host="127.0.0.1", port=server.port, user="orbit", dbname="orbit", autocommit=True, prepare_threshold=None
        )
        peers = Peers(directory)
        systems = peers.systems(orbit)
        print(f"| query | {', s | '.join(systems)}, s | beside duckdb_tables | |\n|{'---|' * 7}")
        figures = measure(options, systems, texts)
        means = {name: mean([best[name] for best in figures.values()]) for name in systems}
        print("| geometric mean | " + " | ".join(f"{value:.3f}" for value in means.values()) + " | |")
        for name in list(systems)[1:]:
            print(f"{name} takes {means[name] / means['orbit']:.2f} times as long as orbit")
        wrong = [number for number, best in figures.items() if best["wrong"]]
        if options.updated:
            wrong += updated(options, systems, orbit, peers, texts, figures)
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps({"queries": figures, "means": means}, indent=2))
        over = [number for number, best in figures.items() if best["over"]]
        if wrong or over:
            sys.exit(f"tpch: wrong answers: {wrong}; over their limits: {over}")
    finally:
        server.stop()


if __name__ == "__main__":
    main()
