#!/usr/bin/python3
"""Time mele-partition against scikit-learn on the same data, starts and iterations.

    tests/bench/peers/partition_sklearn.py [--bin DIR] [--case NAME...] [--repeat N] [--list]

A case's name begins with what it measures: `kmeans-` (its 20 iterations with tolerance 0, and its
way to convergence), `gmm-` (10 iterations) or `plusplus-` (k-means++, and the inertia it leads to);
--case takes beginnings of names. Prints CSV: a row a case, with the median seconds of both sides,
how many times faster mele is, how many times it has to be, and what came of it:

    pass      fast enough, and the same result
    short     the same result, not fast enough
    MISMATCH  iterations, objective or centres differ, see the last column

How it measures. Both sides have 2 threads and take turns. ours_seconds is `seconds.partition` of
mele-partition's report (all that happens between reading the file and writing the model),
ours_fit_seconds its `seconds.fit_partition`, the clustering alone, where the report has it; the
former counts. scikit-learn's is the time of fit() on a float64 array in memory. For k-means the
faster of its algorithms counts; one that took over twice as long as the other in the first
round is not run again. GaussianMixture is handed its start (weights, means and precisions of the
rows nearest to the start centres) so that it spends no time on one, where mele starts from the
centres inside its time. Of k-means++ mele's time holds one iteration more than
scikit-learn's kmeans_plusplus().

Run it on a machine that does nothing else, OPENBLAS_CORETYPE unset: forcing another processor's
kernels slows one side only."""
import argparse
import csv
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

from quiet import THREADS, rest  # before NumPy

import numpy as np
import sklearn
import threadpoolctl
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.mixture import GaussianMixture

warnings.filterwarnings("ignore")

# name: rows, columns, clusters, data, then how many times faster mele must be
CASES = {
    "kmeans-1e6-16-16-blobs": (1000000, 16, 16, "blobs", {"20": 4, "convergence": 6}),
    "kmeans-1e6-16-64-blobs": (1000000, 16, 64, "blobs", {"20": 4, "convergence": 8}),
    "kmeans-1e6-16-64-uniform": (1000000, 16, 64, "uniform", {"20": 4, "convergence": 8}),
    "kmeans-1e6-2-8-blobs": (1000000, 2, 8, "blobs", {"20": 4, "convergence": 6}),
    "kmeans-2e5-128-256-blobs": (200000, 128, 256, "blobs", {"20": 2.5, "convergence": 5}),
    "gmm-1e6-8-8-full": (1000000, 8, 8, "blobs", {"full": 35}),
    "gmm-2e5-32-16-full": (200000, 32, 16, "blobs", {"full": 12}),
    "gmm-1e6-8-8-diagonal": (1000000, 8, 8, "blobs", {"diagonal": 10}),
    "plusplus-1e6-16-64-blobs": (1000000, 16, 64, "blobs", {"start": 5}),
}
LIMITS = {"20": ("20", "0"), "convergence": ("300", "1e-4")}  # iterations, tolerance
GMM_ITERATIONS = 10
SEEDS = range(1, 21)
EXACT = 1e-9  # by how much objectives and centres may differ, relative
HEADER = ["case", "ours_seconds", "ours_fit_seconds", "sklearn_seconds", "algorithm",
          "ours_iterations", "sklearn_iterations", "times_faster", "demanded", "outcome", "remark"]


def make(n, d, k, data):
    """The rows, and k of them to start from."""
    rng = np.random.default_rng(1)
    if data == "uniform":
        x = rng.random((n, d))
    else:
        centres = rng.normal(size=(k, d)) * 4
        x = centres[rng.integers(0, k, n)] + rng.normal(size=(n, d))
    return x, x[rng.choice(n, k, replace=False)]


class Mele:
    """mele-partition on one data set in a directory of its own."""

    def __init__(self, program, directory, x, start):
        self.program, self.directory, self.clusters = program, pathlib.Path(directory), len(start)
        np.save(self.directory / "data.npy", x)
        with open(self.directory / "start.csv", "w", newline="") as file:
            out = csv.writer(file)
            out.writerow(f"x{j + 1}" for j in range(x.shape[1]))
            out.writerows([repr(float(value)) for value in row] for row in start)

    def run(self, *options):
        """Its report, and the centres of its model."""
        report, model = self.directory / "report.json", self.directory / "model.json"
        command = [self.program, "-q", "-k", str(self.clusters), "--scale", "none", "--threads",
                   str(THREADS), "--report", report, "-o", model, *options,
                   self.directory / "data.npy"]
        rest()
        subprocess.run(command, check=True)
        centres = json.loads(model.read_text())["partition"]["regions"]["centres"]
        return json.loads(report.read_text()), np.array(centres)

    def start(self):
        return ["--init", str(self.directory / "start.csv")]


def timed(function):
    with threadpoolctl.threadpool_limits(THREADS):
        begin = time.perf_counter()
        result = function()
        return time.perf_counter() - begin, result


def differ(ours, theirs):
    """By how much two arrays differ, relative to the size of the second."""
    return float(np.max(np.abs(np.asarray(ours) - theirs)) / np.max(np.abs(theirs)))


def sort_rows(centres):
    return centres[np.lexsort(centres.T)]


def compare(report, centres, iterations, objective, their_centres):
    """What differs, as text. Which of several empty clusters is moved to which far row is left open
    by scikit-learn (argpartition), so after a repair centres are compared in any order."""
    found = []
    if report["partition"]["repaired"] > 0:
        centres, their_centres = sort_rows(centres), sort_rows(their_centres)
    if report["partition"]["iterations"] != iterations:
        found.append("iterations")
    for what, size in (("objective", differ([report["partition"]["objective"]], [objective])),
                       ("centres", differ(centres, their_centres)
                        if centres.shape == their_centres.shape else np.inf)):
        if not size <= EXACT:
            found.append(f"{what} by {size:.1e}")
    return ", ".join(found)


def seconds(reports, key):
    """The median of a time in the reports; NaN when it is not there."""
    return statistics.median(report["seconds"].get(key, float("nan")) for report in reports)


def row(case, reports, theirs, algorithm, iterations, demanded, difference):
    ours = seconds(reports, "partition")
    outcome = "MISMATCH" if difference else "pass" if theirs >= demanded * ours else "short"
    return [case, f"{ours:.4f}", f"{seconds(reports, 'fit_partition'):.4f}", f"{theirs:.4f}",
            algorithm, reports[0]["partition"]["iterations"], iterations, f"{theirs / ours:.2f}",
            demanded, outcome, difference]


def measure_kmeans(name, mele, x, start, what, demanded, repeat):
    most, tolerance = LIMITS[what]
    options = ["--method", "kmeans", *mele.start(), "--max-iter", most, "--tol", tolerance]
    times, fits, reports = {"lloyd": [], "elkan": []}, {}, []
    for turn in range(repeat):
        report, centres = mele.run(*options)
        reports.append(report)
        for algorithm in list(times):
            fit = KMeans(len(start), init=start, n_init=1, max_iter=int(most),
                         tol=float(tolerance), algorithm=algorithm)
            took, fits[algorithm] = timed(lambda: fit.fit(x))
            times[algorithm].append(took)
        if turn == 0:
            best = min(times.values())[0]
            times = {algorithm: took for algorithm, took in times.items() if took[0] <= 2 * best}
    theirs, algorithm = min((statistics.median(took), name) for name, took in times.items())
    fit = fits[algorithm]
    difference = compare(report, centres, fit.n_iter_, fit.inertia_, fit.cluster_centers_)
    return row(f"{name}-{what}", reports, theirs, algorithm, fit.n_iter_, demanded, difference)


class Started(GaussianMixture):
    """A mixture whose start costs nothing: the moments of the rows of each label."""

    def prepare(self, x, labels):
        self._initialize(x, np.eye(self.n_components)[labels])
        self.prepared = self.weights_, self.means_, self.precisions_cholesky_
        return self

    def _initialize_parameters(self, x, random_state):
        self.weights_, self.means_, self.precisions_cholesky_ = self.prepared


def nearest(x, centres):
    return np.concatenate([((part[:, None, :] - centres) ** 2).sum(axis=2).argmin(axis=1)
                           for part in np.array_split(x, len(x) // 1000)])


def measure_gmm(name, mele, x, start, what, demanded, repeat):
    options = ["--method", "gmm", "--covariance", what, *mele.start(), "--max-iter",
               str(GMM_ITERATIONS), "--tol", "0", "--covariance-floor", "1e-6"]
    labels, times, reports = nearest(x, start), [], []
    for _ in range(repeat):
        report, centres = mele.run(*options)
        reports.append(report)
        fit = Started(len(start), covariance_type={"diagonal": "diag"}.get(what, what), tol=0,
                      max_iter=GMM_ITERATIONS, reg_covar=0).prepare(x, labels)
        times.append(timed(lambda: fit.fit(x))[0])
    difference = compare(report, centres, fit.n_iter_, fit.score(x), fit.means_)
    return row(name, reports, statistics.median(times), "em", fit.n_iter_, demanded, difference)


def measure_plusplus(name, mele, x, start, what, demanded, repeat):
    """The time of the start, and the median inertia that starts with other seeds lead to."""
    options, times, reports = ["--restarts", "1", "--init", "kmeans++"], [], []
    for turn in range(repeat):
        reports.append(mele.run(*options, "--max-iter", "1", "--seed", str(turn + 1))[0])
        times.append(timed(lambda: kmeans_plusplus(x, len(start), random_state=turn + 1))[0])
    ours, theirs = [], []
    for seed in SEEDS:
        ours.append(mele.run(*options, "--seed", str(seed))[0]["partition"]["objective"])
        fit = KMeans(len(start), n_init=1, random_state=seed, algorithm="lloyd")
        theirs.append(timed(lambda: fit.fit(x))[1].inertia_)
    ratio = statistics.median(ours) / statistics.median(theirs)
    result = row(name, reports, statistics.median(times), "kmeans_plusplus", "", demanded, "")
    result[-1] = f"median inertia of {len(SEEDS)} seeds {ratio:.6f} of scikit-learn's"
    if ratio > 1:
        result[-2] = "short"
    return result


MEASURES = {"kmeans": measure_kmeans, "gmm": measure_gmm, "plusplus": measure_plusplus}


def describe(program):
    """The lines that say what was compared where."""
    blas = [f"{pool['internal_api']} {pool['version']} ({pool.get('architecture')})"
            for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    processor = [line.split(":")[1].strip() for line in open("/proc/cpuinfo")
                 if line.startswith("model name")]
    print(f"# {version.stdout.splitlines()[0]}; scikit-learn {sklearn.__version__}, "
          f"NumPy {np.__version__}, {', '.join(blas)}, OPENBLAS_CORETYPE unset")
    print(f"# {processor[0]}, {THREADS} threads of {os.cpu_count()} processors, "
          f"load {os.getloadavg()[0]:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", default="bin", help="directory of the programs (bin)")
    parser.add_argument("--case", nargs="+", default=[""], help="beginnings of names of cases")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each side (5)")
    parser.add_argument("--list", action="store_true", help="print the cases' names")
    given = parser.parse_args()
    chosen = [name for name in CASES if name.startswith(tuple(given.case))]
    if given.list:
        print("\n".join(CASES))
        return 0
    if not chosen:
        parser.error("there is no such case, see --list")
    program = str(pathlib.Path(given.bin, "mele-partition").resolve())
    describe(program)
    out, bad = csv.writer(sys.stdout, lineterminator="\n"), 0
    out.writerow(HEADER)
    for name in chosen:
        n, d, k, data, demands = CASES[name]
        x, start = make(n, d, k, data)
        with tempfile.TemporaryDirectory() as directory:
            mele = Mele(program, directory, x, start)
            for what, demanded in demands.items():
                result = MEASURES[name.split("-")[0]](name, mele, x, start, what, demanded,
                                                      given.repeat)
                bad += result[-2] != "pass"
                out.writerow(result)
                sys.stdout.flush()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
