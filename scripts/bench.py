#!/usr/bin/env python3
"""Measures Orbit beside PostgreSQL on this machine, in one run, and prints ratios.

    scripts/bench.py [--seconds N] [--scale N] [--flights FILE.csv.gz] [--only NAME,...] [--json FILE]

Both servers listen on loopback, both fsync every commit, both have the same
tables, keys and indexes. Figures of one system mean little on a shared machine:
read the ratios. Each pair of runs is interleaved (A B A B) and the median kept.
"""

import argparse
import gzip
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", pathlib.Path.home() / ".cache/orbit/target"))
ORBIT = pathlib.Path(os.environ.get("ORBIT_BIN", TARGET / "release/orbit"))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def say(text):
    print(text, file=sys.stderr, flush=True)


class Postgres:
    name = "postgresql"

    def __init__(self):
        versions = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        if not versions:
            sys.exit("bench: PostgreSQL is not installed; run scripts/setup.sh bench")
        self.bin = versions[-1]
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="orbit-bench-pg"))
        self.directory.chmod(0o777)
        self.port = free_port()
        self.run(f"{self.bin}/initdb -D {self.directory}/data -U orbit -A trust --locale=C.UTF-8 -E UTF8")
        options = f"-p {self.port} -k {self.directory} -c listen_addresses=127.0.0.1"
        self.run(f"{self.bin}/pg_ctl -D {self.directory}/data -w -l {self.directory}/log -o '{options}' start")
        psql(self, "CREATE DATABASE orbit", database="postgres")

    def run(self, command):
        if os.geteuid() == 0:
            words = ["su", "postgres", "-c", command]
        else:
            words = ["sh", "-c", command]
        subprocess.run(words, check=True, cwd="/", stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    def stop(self):
        self.run(f"{self.bin}/pg_ctl -D {self.directory}/data -m fast stop")
        shutil.rmtree(self.directory, ignore_errors=True)


class Orbit:
    name = "orbit"

    def __init__(self, profile="edge_datacenter", within=()):
        if not ORBIT.exists():
            sys.exit(f"bench: {ORBIT} is missing; run make release")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="orbit-bench"))
        self.profile = profile
        self.within = within  # a command that the server is started by
        self.start()

    def start(self):
        self.port, self.grpc_port = free_port(), free_port()
        words = [*self.within, ORBIT, "serve", "--data-dir", self.directory / "data", "--profile", self.profile]
        words += ["--pg-port", str(self.port), "--grpc-port", str(self.grpc_port), "--http-port", "0"]
        self.log = open(self.directory / "stderr", "ab")
        started = time.perf_counter()
        self.process = subprocess.Popen([str(word) for word in words], stdout=self.log, stderr=self.log)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                psql(self, "SELECT 1")
                break
            except (OSError, subprocess.CalledProcessError):
                if self.process.poll() is not None:
                    sys.exit((self.directory / "stderr").read_text())
                time.sleep(0.005)
        self.started_in = time.perf_counter() - started

    def memory(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        field = lambda name: int(re.search(rf"^{name}:\s+(\d+)", text, re.M).group(1)) / 1024
        return {"resident_mb": field("VmRSS"), "anonymous_mb": field("RssAnon"), "peak_mb": field("VmHWM")}

    def restart(self):
        self.process.terminate()
        self.process.wait()
        self.start()

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def psql(server, sql, database="orbit", **options):
    words = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(server.port), "-U", "orbit", database, "-At"]
    return subprocess.run(words, input=sql, text=True, check=True, capture_output=True, **options).stdout


def pgbench(server, *options):
    words = ["pgbench", "-h", "127.0.0.1", "-p", str(server.port), "-U", "orbit", *map(str, options), "orbit"]
    done = subprocess.run(words, text=True, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def tps(text):
    failed = re.search(r"number of failed transactions: (\d+)", text)
    if failed and failed.group(1) != "0":
        sys.exit(text)
    return float(re.search(r"tps = ([\d.]+)", text).group(1))


def paired(servers, rounds, measure):
    figures = {server.name: [] for server in servers}
    for _ in range(rounds):
        for server in servers:
            figures[server.name].append(measure(server))
    return {name: statistics.median(values) for name, values in figures.items()}


def fsync_ms():
    path = pathlib.Path(tempfile.gettempdir()) / "orbit-bench-fsync"
    times = []
    with open(path, "wb") as file:
        for _ in range(200):
            file.write(b"x" * 2048)
            file.flush()
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - started) * 1e3)
    path.unlink()
    return {"p50": statistics.median(times), "p99": sorted(times)[197]}


FLIGHTS = """CREATE TABLE {name} (year int, month int, day int, dep_time int, sched_dep_time int,
 dep_delay int, arr_time int, sched_arr_time int, arr_delay int, carrier text, flight int,
 tailnum text, origin text, dest text, air_time int, distance int, hour int, minute int,
 time_hour timestamptz)"""


def year_of_flights(path):
    """The given file, or January's flights of this project repeated to a year's size."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="orbit-bench-flights"))
    target = directory / "flights.csv"
    if path:
        with gzip.open(path, "rb") as source, open(target, "wb") as out:
            shutil.copyfileobj(source, out)
    else:
        text = gzip.open(ROOT / "data/nycflights13/flights-2013-01.csv.gz", "rb").read()
        head, rows = text.split(b"\n", 1)
        target.write_bytes(head + b"\n" + rows * 12)
    return target


def load_flights(server, file, table):
    if server.name == "orbit":
        words = [ORBIT, "import", file, "--table", table, "--append", "--null", "NA", "--port", server.port]
        subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    else:
        psql(server, f"\\copy {table} FROM '{file}' WITH (FORMAT csv, HEADER, NULL 'NA')")


def measure_import(servers, options):
    file = year_of_flights(options.flights)
    rows = sum(1 for _ in open(file, "rb")) - 1
    count = iter(range(1000))

    def copy(server):
        name = f"flights_{next(count)}"
        psql(server, FLIGHTS.format(name=name))
        started = time.perf_counter()
        load_flights(server, file, name)
        taken = time.perf_counter() - started
        found = int(psql(server, f"SELECT count(*) FROM {name}"))
        if found != rows:
            sys.exit(f"bench: {server.name} holds {found} of {rows} rows")
        return rows / taken

    return {"import, rows/s": paired(servers, 3, copy)}


def measure_pgbench(servers, options):
    figures = {}
    for server in servers:
        started = time.perf_counter()
        pgbench(server, "-i", "-s", options.scale, "-q")
        figures.setdefault("pgbench -i, 1/s", {})[server.name] = 1 / (time.perf_counter() - started)
    seconds = options.seconds
    runs = {
        "select-only, prepared, 8 clients, tps": ["-S", "-M", "prepared", "-c", 8, "-j", 2],
        "select-only, simple, 8 clients, tps": ["-S", "-M", "simple", "-c", 8, "-j", 2],
        "default script, prepared, 8 clients, tps": ["-M", "prepared", "-c", 8, "-j", 2],
        "default script, simple, 8 clients, tps": ["-M", "simple", "-c", 8, "-j", 2],
    }
    for name, words in runs.items():
        figures[name] = paired(servers, options.rounds, lambda server: tps(pgbench(server, *words, "-T", seconds, "-n")))
        say(f"{name}: {figures[name]}")
    for server in servers:
        sums = psql(server, "SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers), (SELECT sum(bbalance) FROM pgbench_branches), (SELECT sum(delta) FROM pgbench_history)").strip()
        if len(set(sums.split("|"))) != 1:
            sys.exit(f"bench: balances of {server.name} disagree: {sums}")
        say(f"{server.name}: balances agree: {sums}")
    return figures


def latencies(server, seconds):
    """p50 and p99 of point reads of one client in milliseconds, from pgbench's own log."""
    with tempfile.TemporaryDirectory() as directory:
        pgbench(server, "-S", "-M", "prepared", "-c", 1, "-T", seconds, "-n", "-l", f"--log-prefix={directory}/log")
        times = []
        for path in pathlib.Path(directory).glob("log*"):
            times += [int(line.split()[2]) for line in open(path)]
    times.sort()
    return times[len(times) // 2] / 1000, times[len(times) * 99 // 100] / 1000


def measure_latency(servers, options):
    halves, tails = {}, {}

    def run(server):
        half, tail = latencies(server, options.seconds)
        halves.setdefault(server.name, []).append(half)
        tails.setdefault(server.name, []).append(tail)

    for _ in range(options.rounds):
        for server in servers:
            run(server)
    medians = lambda figures: {name: statistics.median(values) for name, values in figures.items()}
    return {"point read, 1 client, p50 ms": medians(halves), "point read, 1 client, p99 ms": medians(tails)}


def measure_footprint():
    server = Orbit(profile="iot_gateway")
    try:
        server.restart()
        empty = server.memory()
        psql(server, "CREATE TABLE m (id int PRIMARY KEY, a int, b text)")
        rows = "".join(f"{n}\t{n % 1000}\ttext of row {n}\n" for n in range(1_000_000))
        words = ["psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(server.port), "-U", "orbit", "orbit", "-c", "COPY m FROM STDIN"]
        subprocess.run(words, input=rows, text=True, check=True)
        copied = server.memory()
        server.restart()
        started_in = server.started_in
        psql(server, "".join(f"SELECT b FROM m WHERE id = {n * 997 % 1000000};\n" for n in range(1000)))
        rest = server.memory()
        size = ORBIT.stat().st_size / 1e6
        return {
            "at rest, anonymous MB": rest["anonymous_mb"],
            "at rest, resident MB": rest["resident_mb"],
            "COPY of 1 M rows, peak above rest MB": copied["peak_mb"] - empty["resident_mb"],
            "start to first answer, ms": started_in * 1000,
            "binary MB": size,
        }
    finally:
        server.stop()


def measure_flight(options):
    """Rows to pandas and into a table: Arrow Flight beside psycopg, on one node and on PostgreSQL."""
    python = pathlib.Path.home() / ".cache/orbit/clients/venv/bin/python"
    python = os.environ.get("ORBIT_CLIENTS_PYTHON", python)
    file = year_of_flights(options.flights)
    head, rows = file.read_bytes().split(b"\n", 1)
    count = rows.count(b"\n")
    lines = (rows * -(-options.rows // count)).split(b"\n")[: options.rows]
    file.write_bytes(b"\n".join([head, *lines, b""]))
    servers = []
    try:
        servers += [Orbit()]
        servers += [Postgres()]
        server, postgres = servers
        for one in servers:
            psql(one, FLIGHTS.format(name="flights"))
            load_flights(one, file, "flights")
        words = [python, ROOT / "scripts/flight.py", "--pg-port", server.port, "--grpc-port", server.grpc_port]
        words += ["--postgres-port", postgres.port, "--rounds", options.rounds]
        done = subprocess.run([str(word) for word in words], text=True, capture_output=True)
        if done.returncode != 0:
            sys.exit(done.stderr)
        return json.loads(done.stdout)
    finally:
        for one in servers:
            one.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=int, default=10)
    parser.add_argument("--flights")
    parser.add_argument("--only", default="import,pgbench,latency,footprint")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of flights, for --only flight")
    parser.add_argument("--json")
    options = parser.parse_args()
    wanted = options.only.split(",")
    result = {"fsync_ms": fsync_ms(), "ratios": {}, "footprint": {}}
    say(f"fdatasync: {result['fsync_ms']}")
    if set(wanted) & {"import", "pgbench", "latency"}:
        servers = [Orbit(), Postgres()]
        try:
            if "import" in wanted:
                result["ratios"].update(measure_import(servers, options))
            if "pgbench" in wanted:
                result["ratios"].update(measure_pgbench(servers, options))
            if "latency" in wanted:
                if "pgbench" not in wanted:
                    for server in servers:
                        pgbench(server, "-i", "-s", options.scale, "-q")
                result["ratios"].update(measure_latency(servers, options))
        finally:
            for server in servers:
                server.stop()
    if "footprint" in wanted:
        result["footprint"] = measure_footprint()
    if "flight" in wanted:
        result["flight"] = measure_flight(options)
    print(f"fdatasync on this machine: p50 {result['fsync_ms']['p50']:.2f} ms, p99 {result['fsync_ms']['p99']:.2f} ms\n")
    print(f"| {'measurement':45} | {'Orbit':>12} | {'PostgreSQL':>12} | ratio |\n|{'-' * 47}|{'-' * 14}|{'-' * 14}|-------|")
    for name, figures in result["ratios"].items():
        ours, theirs = figures["orbit"], figures["postgresql"]
        print(f"| {name:45} | {ours:12,.3f} | {theirs:12,.3f} | {ours / theirs:5.2f} |")
    for name, figure in result["footprint"].items():
        print(f"| {name:45} | {figure:12,.1f} | {'':12} |       |")
    if flight := result.get("flight"):
        print(f"\n{flight['rows']:,} rows of flights; seconds, and how many times faster Arrow Flight is\n")
        pairs = [("to pandas", "frame by Flight", "frame by psycopg"), ("into a table", "ingest", "COPY of rows"),
                 ("into a table", "ingest", "COPY of text")]
        for what, ours, theirs in pairs:
            for whose in "", ", PostgreSQL":
                name, taken = theirs.replace("frame by ", "") + whose, flight[theirs + whose]
                print(f"| {what:12} | Flight {flight[ours]:6.2f} | {name:24} {taken:6.2f} | {taken / flight[ours]:5.2f} |")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
