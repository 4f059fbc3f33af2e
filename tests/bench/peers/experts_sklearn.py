#!/usr/bin/python3
"""Time linear experts, one a region, against scikit-learn's LinearRegression on the same labels.

    tests/bench/peers/experts_sklearn.py [--bin DIR] [--bench PROGRAM] [--rows N] [--columns D]
                                         [--regions K] [--repeat N]

Prints CSV: a row a solver, with the least seconds of each side, how many times faster mele is, how
many times it has to be, and what came of it: pass; short (the same coefficients, not fast enough);
MISMATCH (coefficients differ by more than 1e-6, see the last column).

How it measures. Both sides have 2 threads. scikit-learn's time is that of X[labels == k] and fit() of
all regions, on float64 arrays in memory. Ours is told twice:

  library  the C program bench_experts (--bench; without it the column is empty), which calls
           mele_experts_fit() on arrays and labels in memory: what scikit-learn does, and
           the global expert and all variances, too. This one counts.
  program  `seconds.experts` of the report of mele-experts --posteriors, which standardises the
           columns and the target first, and encodes them.

Run it on a machine that does nothing else, OPENBLAS_CORETYPE unset."""
import argparse
import csv
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from quiet import THREADS, rest  # before NumPy

import numpy as np
import sklearn
from sklearn.linear_model import LinearRegression

DEMANDED = {"normal": 25, "qr": 4}
EXACT = 1e-6
HEADER = ["solver", "library_seconds", "program_seconds", "sklearn_seconds", "memory_share",
          "times_faster", "demanded", "outcome", "remark"]


def make(n, d, k):
    """Regions at random, targets linear in each."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, k, n)
    x = rng.uniform(-1.5, 1.5, (n, d))
    slopes = np.cos(np.arange(k)[:, None] + np.arange(d))
    y = np.einsum("ij,ij->i", x, slopes[labels]) + 0.1 * rng.uniform(size=n)
    return x, y, labels


def fit_sklearn(x, y, labels, k):
    """Seconds and coefficients, intercept first."""
    begin = time.perf_counter()
    fits = [LinearRegression().fit(x[labels == region], y[labels == region])
            for region in range(k)]
    took = time.perf_counter() - begin
    return took, np.array([[fit.intercept_, *fit.coef_] for fit in fits])


class Mele:
    """mele-experts on one data set in a directory of its own."""

    def __init__(self, bin_directory, directory, x, y, labels):
        self.bin, self.directory = pathlib.Path(bin_directory).resolve(), pathlib.Path(directory)
        np.save(self.directory / "data.npy", np.column_stack([x, y]))
        np.savetxt(self.directory / "labels.csv", labels + 1, fmt="%d", header="label", comments="")

    def run(self, solver):
        """Seconds of its second stage, and the coefficients."""
        report, model = self.directory / "report.json", self.directory / "model.json"
        columns = np.load(self.directory / "data.npy", mmap_mode="r").shape[1]
        rest()
        subprocess.run([self.bin / "mele-experts", "-q", "-t", f"x{columns}", "--posteriors",
                        self.directory / "labels.csv", "--solver", solver, "--ridge", "0",
                        "--threads", str(THREADS), "--report", report, "-o", model,
                        self.directory / "data.npy"], check=True)
        table = subprocess.run([self.bin / "mele-info", "--table", "coefficients", model],
                               check=True, capture_output=True, text=True).stdout
        found = {}
        for line in csv.DictReader(io.StringIO(table)):
            found.setdefault(line["expert"], []).append(float(line["coefficient"]))
        seconds = json.loads(report.read_text())["seconds"]["experts"]
        return seconds, np.array([found[str(k + 1)] for k in range(len(found)) if str(k + 1) in found])


def run_bench(program, n, d, k):
    """Seconds of the C program's hard fits by solver, and their shares of the memory's bandwidth."""
    text = subprocess.run([program, str(n), str(d), str(k), str(THREADS)], check=True,
                          capture_output=True, text=True).stdout
    lines = re.findall(r"experts fit \(linear, (\w+), hard\): ([\d.e+-]+) s, .* ([\d.]+) % of memory",
                       text)
    return {solver: (float(seconds), float(share)) for solver, seconds, share in lines}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", default="bin", help="directory of the programs (bin)")
    parser.add_argument("--bench", help="the program bench_experts")
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--columns", type=int, default=16)
    parser.add_argument("--regions", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=5, help="runs of each side (5)")
    given = parser.parse_args()
    x, y, labels = make(given.rows, given.columns, given.regions)
    bench, bad = {}, 0
    if given.bench:
        bench = run_bench(str(pathlib.Path(given.bench).resolve()), given.rows, given.columns,
                          given.regions)
    print(f"# scikit-learn {sklearn.__version__}, NumPy {np.__version__}, {THREADS} threads of "
          f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.2f}, {given.rows} x "
          f"{given.columns}, {given.regions} regions")
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(HEADER)
    with tempfile.TemporaryDirectory() as directory:
        mele = Mele(given.bin, directory, x, y, labels)
        for solver, demanded in DEMANDED.items():
            times, programs = [], []
            for _ in range(given.repeat):
                took, theirs = fit_sklearn(x, y, labels, given.regions)
                times.append(took)
                took, ours = mele.run(solver)
                programs.append(took)
            theirs_seconds, program = min(times), min(programs)
            library, share = bench.get(solver, (float("nan"), float("nan")))
            seconds = library if solver in bench else program
            off = float(np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs)))
            outcome = ("MISMATCH" if not off <= EXACT
                       else "pass" if theirs_seconds >= demanded * seconds else "short")
            bad += outcome != "pass"
            out.writerow([solver, f"{library:.4f}", f"{program:.4f}", f"{theirs_seconds:.4f}",
                          f"{share:.1f} %", f"{theirs_seconds / seconds:.1f}", demanded, outcome,
                          f"coefficients differ by {off:.1e}"])
            sys.stdout.flush()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
