"""Joins two tables of people on their id and compares twelve columns. `load FOLDER`, then `join FOLDER`."""

import json
import statistics
import sys
import time

import duckdb

step, folder = sys.argv[1:]
connection = duckdb.connect(f"{folder}/people.duckdb")
connection.execute("SET threads = 1")
if step == "load":
    for table in "ab":
        connection.execute(f"CREATE TABLE {table} AS SELECT id::UUID AS id, * EXCLUDE (id) FROM read_csv('{folder}/{table}.csv', all_varchar = true)")
else:
    # As galbridge has it: the data in memory, the answer a list.
    for table in "ab":
        connection.execute(f"CREATE TEMP TABLE memory_{table} AS SELECT * FROM {table}")
    columns = [row[0] for row in connection.execute("DESCRIBE a").fetchall() if row[0] != "id"]
    differs = " OR ".join(f"a.{column} IS DISTINCT FROM b.{column}" for column in columns)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        rows = connection.execute(f"SELECT coalesce(a.id, b.id) FROM memory_a a FULL JOIN memory_b b ON a.id = b.id WHERE {differs}").fetchall()
        times.append(time.perf_counter() - began)
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(json.dumps({"seconds": statistics.median(times), "peak_megabytes": int(peak.split()[1]) * 1024 / 1e6, "version": duckdb.__version__, "rows": len(rows)}))
