#!/usr/bin/python3
"""Time pandas on the file of bench_read:  read_pandas.py FILE

The best of three runs of read_csv(float_precision="round_trip"), in bench_read's columns."""
import os
import sys
import time

import pandas

path = sys.argv[1]
best = float("inf")
for _ in range(3):
    start = time.perf_counter()
    frame = pandas.read_csv(path, float_precision="round_trip")
    best = min(best, time.perf_counter() - start)
total = 0.0
for name in frame:
    for value in frame[name]:
        total += value
print("what,seconds,rows_per_second,megabytes_per_second,checksum")
print(f"pandas_round_trip,{best:.3f},{len(frame) / best:.0f},"
      f"{os.path.getsize(path) / best / 1e6:.0f},{total!r}")
