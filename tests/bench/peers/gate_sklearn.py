#!/usr/bin/python3
"""Time the training of a softmax gate against scikit-learn's LogisticRegression.

    tests/bench/peers/gate_sklearn.py --bench PROGRAM [--rows N] [--repeat N] [--case NAME...]

The data: N x 16 standardised features and one of 16 labels a row, drawn so that no planes tell them
apart: `softmax`, of correlated columns, from a softmax of linear functions of them; `blobs`, from
normal groups that overlap. Both sides minimise the sum of the cross-entropies to the labels and half
the squared coefficients, on arrays in memory, with 2 threads: scikit-learn by lbfgs with C = 1, tol
1e-6, max_iter 1000. The gate's ridge is on the intercepts, too, and scikit-learn's is not: there the
intercept is a column of ones.

Prints CSV: a row a case, with the least seconds of each side, how many times faster mele is, how many
times it has to be, the objective at both solutions, and what came of it: pass; short (the same
objective, not fast enough); MISMATCH (ours is above theirs by more than 1e-7 of it).

PROGRAM is bench_gate. Run it on a machine that does nothing else, OPENBLAS_CORETYPE unset."""
import argparse
import csv
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
from sklearn.linear_model import LogisticRegression

COLUMNS, CLUSTERS, DEMANDED, EXACT = 16, 16, 15, 1e-7
HEADER = ["case", "ours_seconds", "sklearn_seconds", "times_faster", "demanded", "ours_iterations",
          "sklearn_iterations", "ours_objective", "sklearn_objective", "outcome"]


def from_softmax(n, rng):
    x = rng.normal(size=(n, COLUMNS)) * np.exp(rng.normal(0, 0.5, COLUMNS))
    x = x @ (np.eye(COLUMNS) + 0.3 * rng.normal(size=(COLUMNS, COLUMNS)))
    x = (x - x.mean(0)) / x.std(0)
    slopes = rng.normal(size=(COLUMNS, CLUSTERS))
    return x, np.argmax(x @ slopes + rng.gumbel(size=(n, CLUSTERS)), 1)


def from_blobs(n, rng):
    centres = rng.normal(0, 1, (CLUSTERS, COLUMNS))
    labels = rng.integers(0, CLUSTERS, n)
    x = centres[labels] + rng.normal(size=(n, COLUMNS))
    return (x - x.mean(0)) / x.std(0), labels


CASES = {"softmax": from_softmax, "blobs": from_blobs}


def objective(ones_x, labels, coefficients):
    logits = ones_x @ coefficients.T
    most = logits.max(1)
    log_sum = most + np.log(np.exp(logits - most[:, None]).sum(1))
    return (np.mean(log_sum - logits[np.arange(len(labels)), labels])
            + np.sum(coefficients ** 2) / (2 * len(labels)))


def fit_sklearn(ones_x, labels):
    """Seconds, iterations and the objective."""
    begin = time.perf_counter()
    fit = LogisticRegression(multi_class="multinomial", solver="lbfgs", tol=1e-6,
                             max_iter=1000, fit_intercept=False).fit(ones_x, labels)
    took = time.perf_counter() - begin
    return took, int(fit.n_iter_[0]), objective(ones_x, labels, fit.coef_)


def fit_ours(program, data, directory, ones_x, labels):
    out = pathlib.Path(directory) / "coefficients"
    rest()
    text = subprocess.run([program, "labels", data, str(len(labels)), str(COLUMNS), str(CLUSTERS),
                           str(THREADS), out], check=True, capture_output=True, text=True).stdout
    seconds, iterations = re.match(r"gate labels: ([\d.]+) s, (\d+) iterations", text).groups()
    found = np.fromfile(out).reshape(CLUSTERS, 1 + COLUMNS)
    return float(seconds), int(iterations), objective(ones_x, labels, found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bench", required=True, help="the program bench_gate")
    parser.add_argument("--rows", type=int, default=500000)
    parser.add_argument("--repeat", type=int, default=2, help="runs of each side (2)")
    parser.add_argument("--case", action="append", choices=CASES, help="only this one")
    given = parser.parse_args()
    program, bad = str(pathlib.Path(given.bench).resolve()), 0
    print(f"# scikit-learn {sklearn.__version__}, NumPy {np.__version__}, {THREADS} threads of "
          f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.2f}, {given.rows} x {COLUMNS}, "
          f"{CLUSTERS} labels")
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(HEADER)
    for case in given.case or CASES:
        x, labels = CASES[case](given.rows, np.random.default_rng(1))
        ones_x = np.column_stack([np.ones(len(labels)), x])
        with tempfile.TemporaryDirectory() as directory:
            data = os.path.join(directory, "data")
            np.column_stack([x, labels]).tofile(data)
            runs = [(fit_ours(program, data, directory, ones_x, labels),
                     fit_sklearn(ones_x, labels))
                    for _ in range(given.repeat)]
        (ours, iterations, value), (theirs, their_iterations, their_value) = map(min, zip(*runs))
        outcome = ("MISMATCH" if not value <= their_value * (1 + EXACT)
                   else "pass" if theirs >= DEMANDED * ours else "short")
        bad += outcome != "pass"
        out.writerow([case, f"{ours:.3f}", f"{theirs:.3f}", f"{theirs / ours:.1f}", DEMANDED,
                      iterations, their_iterations, f"{value:.10f}", f"{their_value:.10f}",
                      outcome])
        sys.stdout.flush()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
