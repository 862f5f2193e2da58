#!/usr/bin/env python3
"""Rows in and out of one node by Arrow Flight and by psycopg, in turns; prints JSON.

    scripts/flight.py --pg-port N --grpc-port N [--postgres-port N] --table NAME [--rounds N]

For scripts/bench.py, and for the Python of the client matrix, which has the clients.
Times in seconds, medians of the rounds. With a PostgreSQL that has the same table,
psycopg's ways are timed there too.
"""

import argparse
import csv
import io
import itertools
import json
import statistics
import time

import adbc_driver_flightsql.dbapi as adbc
import pandas
import psycopg


def timed(work):
    started = time.perf_counter()
    done = work()
    return time.perf_counter() - started, done


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pg-port", type=int, required=True)
    parser.add_argument("--grpc-port", type=int, required=True)
    parser.add_argument("--postgres-port", type=int)
    parser.add_argument("--table", default="flights")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    flight = adbc.connect(f"grpc://127.0.0.1:{options.grpc_port}", autocommit=True)
    wires = {"": connect(options.pg_port)}
    if options.postgres_port:
        wires[", PostgreSQL"] = connect(options.postgres_port)
    query = f"SELECT * FROM {options.table}"
    with flight.cursor() as cursor:
        cursor.execute(query)
        table = cursor.fetch_arrow_table()
    rows = [tuple(row.values()) for batch in table.to_batches() for row in batch.to_pylist()]
    columns = ", ".join(f'"{name}"' for name in table.schema.names)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows(["\\N" if value is None else value for value in row] for row in rows)
    text = text.getvalue().encode()
    counter = itertools.count()

    def empty(wire):
        # Not the last one again: what was dropped is cleaned up while the next way runs.
        name = f"loaded_{next(counter)}"
        wire.execute(f"DROP TABLE IF EXISTS {name}")
        wire.execute(f"CREATE TABLE {name} AS SELECT * FROM {options.table} LIMIT 0")
        return name

    def frame_by_flight():
        with flight.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetch_df()

    def frame_by_psycopg(wire):
        with wire.cursor() as cursor:
            cursor.execute(query)
            return pandas.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])

    def ingest(name):
        with flight.cursor() as cursor:
            cursor.adbc_ingest(name, table, mode="append")

    def copy_rows(wire, name):
        with wire.cursor() as cursor, cursor.copy(f"COPY {name} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def copy_text(wire, name):
        how = "(FORMAT csv, NULL '\\N')"
        with wire.cursor() as cursor, cursor.copy(f"COPY {name} ({columns}) FROM STDIN {how}") as copy:
            for at in range(0, len(text), 1 << 16):
                copy.write(text[at : at + (1 << 16)])

    def loaded(wire, way):
        name = empty(wire)
        taken, _ = timed(lambda: way(name))
        return taken, wire.execute(f"SELECT count(*) FROM {name}").fetchone()[0]

    def framed(way):
        taken, frame = timed(way)
        return taken, len(frame)

    orbit = wires[""]
    ways = {"frame by Flight": lambda: framed(frame_by_flight), "ingest": lambda: loaded(orbit, ingest)}
    for whose, wire in wires.items():
        ways |= {
            f"frame by psycopg{whose}": lambda wire=wire: framed(lambda: frame_by_psycopg(wire)),
            f"COPY of rows{whose}": lambda wire=wire: loaded(wire, lambda name: copy_rows(wire, name)),
            f"COPY of text{whose}": lambda wire=wire: loaded(wire, lambda name: copy_text(wire, name)),
        }
    for wire in wires.values():
        framed(lambda wire=wire: frame_by_psycopg(wire))
    times = {name: [] for name in ways}
    order = list(ways)
    for turn in range(options.rounds):
        # Each comes after another: what the one before left to be done is nobody's lot.
        for name in order[turn % len(order) :] + order[: turn % len(order)]:
            taken, found = ways[name]()
            times[name].append(taken)
            if found != len(rows):
                raise SystemExit(f"{name}: {found} of {len(rows)} rows")
    print(json.dumps({"rows": len(rows), **{name: statistics.median(taken) for name, taken in times.items()}}))


def connect(port):
    return psycopg.connect(f"host=127.0.0.1 port={port} user=orbit dbname=orbit", autocommit=True)


if __name__ == "__main__":
    main()
