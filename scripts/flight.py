#!/usr/bin/env python3
"""Rows in and out of one node by Arrow Flight and by psycopg, in turns; prints JSON.

    scripts/flight.py --pg-port N --grpc-port N --table NAME [--rounds N]

For scripts/bench.py, and for the Python of the client matrix, which has the clients.
Times in seconds, medians of the rounds.
"""

import argparse
import csv
import io
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
    parser.add_argument("--table", default="flights")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    flight = adbc.connect(f"grpc://127.0.0.1:{options.grpc_port}", autocommit=True)
    wire = psycopg.connect(f"host=127.0.0.1 port={options.pg_port} user=orbit dbname=orbit", autocommit=True)
    query = f"SELECT * FROM {options.table}"

    def by_flight():
        with flight.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetch_df()

    def by_psycopg():
        with wire.cursor() as cursor:
            cursor.execute(query)
            return pandas.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])

    with flight.cursor() as cursor:
        cursor.execute(query)
        table = cursor.fetch_arrow_table()
    rows = [tuple(row.values()) for batch in table.to_batches() for row in batch.to_pylist()]
    columns = ", ".join(f'"{name}"' for name in table.schema.names)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows(["\\N" if value is None else value for value in row] for row in rows)
    text = text.getvalue().encode()

    def empty():
        wire.execute("DROP TABLE IF EXISTS loaded")
        wire.execute(f"CREATE TABLE loaded AS SELECT * FROM {options.table} LIMIT 0")

    def ingest():
        with flight.cursor() as cursor:
            cursor.adbc_ingest("loaded", table, mode="append")

    def copy_rows():
        with wire.cursor() as cursor, cursor.copy(f"COPY loaded ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def copy_text():
        how = "(FORMAT csv, NULL '\\N')"
        with wire.cursor() as cursor, cursor.copy(f"COPY loaded ({columns}) FROM STDIN {how}") as copy:
            for at in range(0, len(text), 1 << 16):
                copy.write(text[at : at + (1 << 16)])

    ways = {"frame by Flight": by_flight, "frame by psycopg": by_psycopg,
            "ingest": ingest, "COPY of rows": copy_rows, "COPY of text": copy_text}
    times = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, way in ways.items():
            if way in (ingest, copy_rows, copy_text):
                empty()
            taken, frame = timed(way)
            times[name].append(taken)
            found = len(frame) if frame is not None else wire.execute("SELECT count(*) FROM loaded").fetchone()[0]
            if found != len(rows):
                raise SystemExit(f"{name}: {found} of {len(rows)} rows")
    print(json.dumps({"rows": len(rows), **{name: statistics.median(taken) for name, taken in times.items()}}))


if __name__ == "__main__":
    main()
