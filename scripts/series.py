#!/usr/bin/env python3
"""Ten million readings of a hundred sensors, beside PostgreSQL.

    scripts/series.py [--points N] [--runs N] [--json FILE]

Readings are a second apart with up to a second of jitter in milliseconds, values a random
walk rounded to 0.01, one in twenty up to ten minutes late. Both systems load the same CSV
file into a table with the same key, `orbit import` and `\\copy`, by turns. Then, on Orbit:
bytes of the data directory a reading; a window of an hour of one series, fetched by a
driver; the last reading of every series. Every answer is compared with PostgreSQL's.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

from bench import ORBIT, Orbit, Postgres, psql, say
from tpch import HOME, in_venv

SERIES = 100
REST = 5  # seconds between two loads, so that disks and caches settle
TABLE = "CREATE TABLE readings (sensor int, at timestamptz, value float8, PRIMARY KEY (sensor, at))"
LAST = "SELECT DISTINCT ON (sensor) sensor, at, value FROM readings ORDER BY sensor, at DESC"
WINDOW = "SELECT at, value FROM readings WHERE sensor = %s AND at >= %s AND at < %s ORDER BY at"


def data(points):
    """The file, made once: what looks random hangs on the reading's number alone."""
    import duckdb

    directory = HOME / "series"
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f"readings-{points}.csv"
    if not file.exists():
        say(f"series: making {points} readings in {file}")
        partial = file.with_suffix(".partial")
        duckdb.sql(
            f"""COPY (
              WITH raw AS (
                SELECT n % {SERIES} AS sensor, n // {SERIES} AS nth,
                       hash(n) % 1000 AS jitter, (hash(n, 1) % 21)::int - 10 AS step,
                       CASE WHEN hash(n, 2) % 20 = 0 THEN hash(n, 3) % 600000 ELSE 0 END AS late
                FROM range({points}) AS numbers(n)
              ), walks AS (
                SELECT *, 2000 + sum(step) OVER (PARTITION BY sensor ORDER BY nth) AS cents FROM raw
              )
              SELECT sensor, strftime(make_timestamp((1767225600000 + nth * 1000 + jitter)::bigint * 1000), '%Y-%m-%d %H:%M:%S.%g') || '+00' AS at,
                     (cents / 100)::decimal(18, 2) AS value
              FROM walks ORDER BY nth * 1000 + jitter + late, sensor
            ) TO '{partial}' (HEADER)"""
        )
        partial.rename(file)
    return file


def load(server, file):
    psql(server, "DROP TABLE IF EXISTS readings")
    if server.name == "orbit":
        psql(server, f"{TABLE} WITH (model = 'timeseries')")
        words = [ORBIT, "import", file, "--table", "readings", "--append", "--port", server.port, "--quiet"]
        started = time.perf_counter()
        subprocess.run([str(word) for word in words], check=True)
    else:
        psql(server, TABLE)
        started = time.perf_counter()
        psql(server, f"\\copy readings FROM '{file}' WITH (FORMAT csv, HEADER)")
    taken = time.perf_counter() - started
    # What either leaves to be done afterwards would fall on the other's load.
    psql(server, "VACUUM readings" if server.name == "orbit" else "VACUUM ANALYZE readings; CHECKPOINT")
    time.sleep(REST)
    return taken


def size_of(directory):
    return sum(path.stat().st_size for path in pathlib.Path(directory).rglob("*") if path.is_file())


def settled_size(server):
    """Bytes of the data directory once they grow no smaller."""
    psql(server, "VACUUM")
    server.restart()
    sizes = []
    for _ in range(60):
        sizes.append(size_of(server.directory / "data"))
        if len(sizes) > 5 and min(sizes[-5:]) == min(sizes):
            break
        time.sleep(1)
    return sizes[-1]


def percentile(times, part):
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


def ask(connections, points, windows):
    """Windows and last readings of both; their times on Orbit. Other answers end it."""
    span = points // SERIES
    chance = random.Random(7)
    times, lasts = [], []
    for _ in range(windows):
        sensor, start = chance.randrange(SERIES), chance.randrange(max(1, span - 3600))
        values = (sensor, f"2026-01-01 00:00:00+00", start)
        bounds = f"SELECT timestamptz '2026-01-01 00:00:00+00' + {start} * interval '1 second', timestamptz '2026-01-01 00:00:00+00' + {start + 3600} * interval '1 second'"
        first, end = connections["postgresql"].execute(bounds).fetchone()
        started = time.perf_counter()
        found = connections["orbit"].execute(WINDOW, (sensor, first, end)).fetchall()
        times.append((time.perf_counter() - started) * 1e3)
        if found != connections["postgresql"].execute(WINDOW, (sensor, first, end)).fetchall():
            sys.exit(f"series: another answer for sensor {sensor} from {first}")
    wanted = connections["postgresql"].execute(LAST).fetchall()
    for _ in range(max(20, windows // 10)):
        started = time.perf_counter()
        found = connections["orbit"].execute(LAST).fetchall()
        lasts.append((time.perf_counter() - started) * 1e3)
        if found != wanted:
            sys.exit("series: other last readings")
    return times, lasts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--windows", type=int, default=300)
    parser.add_argument("--json")
    options = parser.parse_args()
    in_venv()
    import psycopg

    file = data(options.points)
    servers = [Orbit(), Postgres()]
    try:
        taken = {server.name: [] for server in servers}
        for _ in range(options.runs):
            for server in servers:
                taken[server.name].append(load(server, file))
                say(f"series: {server.name} took {taken[server.name][-1]:.1f} s")
        connections = {
            server.name: psycopg.connect(
                host="127.0.0.1", port=server.port, user="orbit", dbname="orbit", autocommit=True, prepare_threshold=1
            )
            for server in servers
        }
        times, lasts = ask(connections, options.points, options.windows)
        for connection in connections.values():
            connection.close()
        size = settled_size(servers[0])
    finally:
        for server in servers:
            server.stop()
    orbit, postgres = (statistics.median(taken[name]) for name in ("orbit", "postgresql"))
    figures = {
        "points": options.points,
        "import, M points/s": options.points / orbit / 1e6,
        "PostgreSQL's COPY, M points/s": options.points / postgres / 1e6,
        "import, times as fast (bar 5)": postgres / orbit,
        "bytes a point on disk (bar 5)": size / options.points,
        "an hour of one series, p50 ms": percentile(times, 0.5),
        "an hour of one series, p99 ms (bar 5)": percentile(times, 0.99),
        "last of each series, p50 ms": percentile(lasts, 0.5),
        "last of each series, worst ms (bar 20)": max(lasts),
    }
    for name, value in figures.items():
        print(f"{name:42} {value:12,.2f}" if isinstance(value, float) else f"{name:42} {value:12,}")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
