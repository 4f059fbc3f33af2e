#!/usr/bin/python3
"""Where k-means starts, beside scikit-learn on the same rows, two threads each.

Usage: start_sklearn.py BENCH_START [RUNS]

BENCH_START is the program made of tests/bench/bench_start.c. Prints CSV. Lines `seconds` have the
least seconds of k-means++ alone over RUNS (5) seeds, runs of the two taking turns, and theirs over
ours; lines `inertia` have the median inertia after Lloyd from one start over 20 seeds, and ours over
theirs. Both programs draw 2 + floor(log K) candidates a step.
"""
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time

from quiet import THREADS, rest  # before NumPy

import numpy as np
import sklearn
from sklearn.cluster import KMeans, kmeans_plusplus  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "..", "..", "data")
SEEDS = 20


def blobs(rows, columns, clusters, spread=3.0):
    random = np.random.default_rng(1)
    middle = spread * random.normal(size=(clusters, columns))
    return middle[random.integers(clusters, size=rows)] + random.normal(size=(rows, columns))


def uniform(rows, columns):
    return np.random.default_rng(2).random((rows, columns))


def table(name, columns):
    with open(os.path.join(DATA, name), newline="") as file:
        rows = [[float(row[c]) for c in columns] for row in csv.DictReader(file)]
    x = np.array(rows)
    return (x - x.mean(axis=0)) / x.std(axis=0)


def numeric(name, drop):
    """The columns of a table that are numbers, but for some."""
    with open(os.path.join(DATA, name), newline="") as file:
        row = next(csv.DictReader(file))

    def is_number(text):
        try:
            float(text)
        except ValueError:
            return False
        return True

    return table(name, [c for c, v in row.items() if c not in drop and is_number(v)])


def ours(program, path, clusters, seeds, iterations):
    """Seconds and inertias of the seeds."""
    command = [program, path, str(clusters), str(seeds), str(THREADS), str(iterations)]
    rest()
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = list(csv.DictReader(out.splitlines()))
    return [float(r["seconds"]) for r in rows], [float(r["inertia"]) for r in rows]


def seconds(program, name, x, clusters, runs, path):
    np.save(path, x)
    mine, theirs = [], []
    for seed in range(runs):
        begin = time.perf_counter()
        kmeans_plusplus(x, clusters, random_state=seed)
        theirs.append(time.perf_counter() - begin)
        mine += ours(program, path, clusters, 2, 0)[0]
    print(f"seconds,{name},{clusters},{min(mine):.4f},{min(theirs):.4f},"
          f"{min(theirs) / min(mine):.2f}", flush=True)


def inertia(program, name, x, clusters, path):
    np.save(path, x)
    mine = statistics.median(ours(program, path, clusters, SEEDS, 300)[1])
    theirs = statistics.median(
        KMeans(clusters, init="k-means++", n_init=1, random_state=s).fit(x).inertia_
        for s in range(SEEDS))
    print(f"inertia,{name},{clusters},{mine:.8g},{theirs:.8g},{mine / theirs:.4f}", flush=True)


def main():
    program, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    print(f"# scikit-learn {sklearn.__version__}, numpy {np.__version__}, Python "
          f"{sys.version.split()[0]}; OPENBLAS_CORETYPE unset, {THREADS} threads", file=sys.stderr)
    print("measure,case,clusters,mele,sklearn,ratio")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.npy")
        seconds(program, "blobs 1e6 x 16", blobs(10**6, 16, 64), 64, runs, path)
        seconds(program, "uniform 1e6 x 16", uniform(10**6, 16), 64, runs, path)
        seconds(program, "uniform 2e5 x 128", uniform(2 * 10**5, 128), 256, 1, path)
        for clusters in (8, 32):
            inertia(program, "blobs 2e4 x 8", blobs(20000, 8, clusters), clusters, path)
            inertia(program, "uniform 2e4 x 8", uniform(20000, 8), clusters, path)
            inertia(program, "concrete", numeric("concrete.csv", ["compressive_strength"]),
                    clusters, path)
            inertia(program, "vowels", numeric("vowels.csv", []), clusters, path)


if __name__ == "__main__":
    main()
