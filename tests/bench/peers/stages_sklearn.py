#!/usr/bin/python3
"""Time the stages as programs, from files, against the same steps in scikit-learn and pandas.

    tests/bench/peers/stages_sklearn.py [--bin DIR] [--bench PROGRAM] [--rows N] [--repeat N]
                                        [--case NAME]

Prints CSV, a row a case: the least seconds of each side, how many times faster mele is, the peak of
its memory, and what both have to be.

  experts-normal, experts-qr  `seconds.experts` of mele-experts on a model of stage 1 (N x 16 .npy, 16
                 regions, one target), against LinearRegression per cluster on arrays and labels that
                 are ready; with --bench (the program bench_experts) also how many times the library's
                 own call of the same runs it takes
  fit            mele-fit -k 16 --restarts 1 --expert linear --gate posterior on a CSV of N x 17,
                 against a python process that reads it with pandas, standardises, runs
                 KMeans(16, n_init=1) and fits LinearRegression per cluster
  blend-softmax, blend-auto  the same fit with a gate that is trained, and mele-predict of that CSV, against
                 the same process with LogisticRegression of the clusters on the features as the gate, its
                 predict_proba, and the blended predictions written by pandas. Root mean squared errors
                 are of other rows; ours is not to be above theirs

Runs alternate. Both sides have 2 threads. Run it on a machine that does nothing else,
OPENBLAS_CORETYPE unset."""
import argparse
import csv
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

CLUSTERS, COLUMNS = 16, 16
DEMANDED = {"experts-normal": (9, 3.0), "experts-qr": (5, 1.8), "fit": (4, 300),
            "blend-softmax": (12, 300), "blend-auto": (8, 300)}
UNSEEN = 100000  # rows that errors are of
PEER = """
import sys
import pandas, sklearn.cluster
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler
table = pandas.read_csv(sys.argv[1])
y = table.pop("y").to_numpy()
x = StandardScaler().fit_transform(table.to_numpy())
labels = sklearn.cluster.KMeans(16, n_init=1, random_state=1).fit_predict(x)
fits = [LinearRegression().fit(x[labels == k], y[labels == k]) for k in range(16)]
"""
PEER_BLEND = """
import sys, time
import numpy, pandas, sklearn.cluster
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler
def blend(x):
    return (gate.predict_proba(x) * numpy.column_stack([f.predict(x) for f in fits])).sum(axis=1)
table = pandas.read_csv(sys.argv[1])
y = table.pop("y").to_numpy()
scaler = StandardScaler().fit(table.to_numpy())
x = scaler.transform(table.to_numpy())
labels = sklearn.cluster.KMeans(16, n_init=1, random_state=1).fit_predict(x)
fits = [LinearRegression().fit(x[labels == k], y[labels == k]) for k in range(16)]
gate = LogisticRegression(max_iter=1000).fit(x, labels)
pandas.DataFrame({"pred_y": blend(x)}).to_csv(sys.argv[2], index=False)
print(time.time() - float(sys.argv[4]))
unseen = numpy.load(sys.argv[3])
print(numpy.sqrt(numpy.mean((blend(scaler.transform(unseen[:, :-1])) - unseen[:, -1]) ** 2)))
"""


def make(n, seed=1):
    """Groups of rows, a target that bends; other seeds are other rows of the same."""
    centres = np.random.default_rng(1).normal(0, 2, (CLUSTERS, COLUMNS))
    rng = np.random.default_rng(seed)
    x = centres[rng.integers(0, CLUSTERS, n)] + rng.normal(size=(n, COLUMNS))
    y = np.sin(x[:, 0]) + x[:, 1] * x[:, 2] / 4 + 0.1 * rng.normal(size=n)
    return np.column_stack([x, y])


def high_water(pid):
    """The peak of a process' memory so far, in MB; 0 when it has ended. (The peak that wait4() tells
    begins with that of the process that started it.)"""
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", text)[1]) / 1024
    except (OSError, TypeError):
        return 0


def run(command):
    """Seconds of the whole process, and its peak of memory in MB, watched every few milliseconds."""
    rest()
    begin, peak = time.perf_counter(), 0
    process = subprocess.Popen(command)
    while process.poll() is None:
        peak = max(peak, high_water(process.pid))
        time.sleep(0.004)
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed")
    return time.perf_counter() - begin, peak


class Stages:
    """The data in a directory of their own, as a file of each format."""

    def __init__(self, given, directory):
        self.given, self.directory = given, pathlib.Path(directory)
        self.bin = pathlib.Path(given.bin).resolve()
        self.data = make(given.rows)
        self.target = ["-t", f"x{COLUMNS + 1}"]

    def ready(self):
        """A model of stage 1, and its labels."""
        npy, model = self.directory / "data.npy", self.directory / "part.json"
        np.save(npy, self.data)
        subprocess.run([self.bin / "mele-partition", "-q", *self.target, "-k", str(CLUSTERS),
                        "--restarts", "1", "-o", model, npy], check=True)
        text = subprocess.run([self.bin / "mele-predict", "-q", "--items", "cluster", model, npy],
                              check=True, capture_output=True, text=True).stdout
        return npy, model, np.array(text.split()[1:], dtype=int) - 1

    def library(self, solver):
        """Seconds of the library's own call on arrays in memory."""
        if not self.given.bench:
            return float("nan")
        text = subprocess.run([self.given.bench, str(self.given.rows), str(COLUMNS), str(CLUSTERS),
                               str(THREADS)], check=True, capture_output=True, text=True).stdout
        return float(re.search(rf"\(linear, {solver}, hard\): ([\d.e+-]+) s", text)[1])

    def experts(self, solver):
        """A row of the table for one solver."""
        npy, model, labels = self.ready()
        x, y = self.data[:, :COLUMNS].copy(), self.data[:, COLUMNS].copy()
        ours, theirs, library, peak = [], [], [], []
        for _ in range(self.given.repeat):
            report = self.directory / "report.json"
            peak.append(run([self.bin / "mele-experts", "-q", "--solver", solver, "--threads",
                             str(THREADS), "--report", report, "-o", self.directory / "experts.json",
                             npy, model])[1])
            ours.append(json.loads(report.read_text())["seconds"]["experts"])
            library.append(self.library(solver))
            rest()
            begin = time.perf_counter()
            for k in range(CLUSTERS):
                LinearRegression().fit(x[labels == k], y[labels == k])
            theirs.append(time.perf_counter() - begin)
        faster, most = DEMANDED[f"experts-{solver}"]
        share = min(ours) / min(library)
        good = min(theirs) >= faster * min(ours) and not share > most
        return [min(ours), min(theirs), min(theirs) / min(ours), faster, max(peak),
                f"{share:.2f} x the library's {min(library):.4f} s (at most {most} x)", good]

    def csv(self):
        """The data as CSV."""
        path = self.directory / "data.csv"
        names = [f"x{j + 1}" for j in range(COLUMNS)] + ["y"]
        if not path.exists():
            np.savetxt(path, self.data, delimiter=",", header=",".join(names), comments="", fmt="%.8g")
        return path

    def fit(self):
        """A row of the table for the whole of a fit."""
        path, peer = self.csv(), self.directory / "peer.py"
        peer.write_text(PEER)
        ours, theirs, peak = [], [], []
        for _ in range(self.given.repeat):
            seconds, megabytes = run([self.bin / "mele-fit", "-q", "-t", "y", "-k", str(CLUSTERS),
                                      "--restarts", "1", "--expert", "linear", "--gate", "posterior",
                                      "--threads", str(THREADS), "-o", self.directory / "model.json",
                                      path])
            ours.append(seconds)
            peak.append(megabytes)
            theirs.append(run([sys.executable, peer, path])[0])
        faster, most = DEMANDED["fit"]
        good = min(theirs) >= faster * min(ours) and max(peak) <= most
        return [min(ours), min(theirs), min(theirs) / min(ours), faster, max(peak),
                f"at most {most} MB", good]


    def ours(self, gate, path, unseen):
        """Seconds and peak of mele-fit and mele-predict, and the error on rows that they have not seen."""
        model, threads = self.directory / "model.json", ["--threads", str(THREADS)]
        fit, peak = run([self.bin / "mele-fit", "-q", "-t", "y", "-k", str(CLUSTERS), "--restarts", "1",
                         "--expert", "linear", "--gate", gate, *threads, "-o", model, path])
        predict, other = run([self.bin / "mele-predict", "-q", *threads, "-o",
                              self.directory / "ours.csv", model, path])
        score = subprocess.run([self.bin / "mele-score", "-q", "--json", model, unseen], check=True,
                               capture_output=True, text=True).stdout
        return fit + predict, max(peak, other), json.loads(score)["rmse"]

    def theirs(self, path, unseen):
        """Seconds of the peer, and its error."""
        peer = self.directory / "peer.py"
        peer.write_text(PEER_BLEND)
        rest()
        text = subprocess.run([sys.executable, peer, path, self.directory / "theirs.csv", unseen,
                               str(time.time())], check=True, capture_output=True, text=True).stdout
        return [float(word) for word in text.split()]

    def blend(self, gate):
        """A row of the table for a fit with a gate that is trained, and the predictions."""
        path, unseen = self.csv(), self.directory / "unseen.npy"
        np.save(unseen, make(UNSEEN, 2))
        ours, theirs = [], []
        for _ in range(self.given.repeat):
            ours.append(self.ours(gate, path, unseen))
            theirs.append(self.theirs(path, unseen))
        faster, most = DEMANDED[f"blend-{gate}"]
        least, peak = min(row[0] for row in ours), max(row[1] for row in ours)
        peer = min(row[0] for row in theirs)
        good = peer >= faster * least and peak <= most and ours[0][2] <= theirs[0][1]
        return [least, peer, peer / least, faster, peak,
                f"at most {most} MB; rmse {ours[0][2]:.4f}, theirs {theirs[0][1]:.4f}", good]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--bin", default="bin", help="directory of the programs (bin)")
    parser.add_argument("--bench", help="the program bench_experts")
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--repeat", type=int, default=5, help="runs of each side (5)")
    parser.add_argument("--case", choices=DEMANDED, help="this case alone")
    given = parser.parse_args()
    print(f"# scikit-learn {sklearn.__version__}, NumPy {np.__version__}, {THREADS} threads of "
          f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.2f}, {given.rows} rows")
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["case", "mele_seconds", "peer_seconds", "times_faster", "demanded", "peak_mb",
                  "remark", "outcome"])
    bad = 0
    with tempfile.TemporaryDirectory() as directory:
        stages = Stages(given, directory)
        for case in [given.case] if given.case else DEMANDED:
            name, *kind = case.split("-")
            row = getattr(stages, name)(*kind)
            out.writerow([case, f"{row[0]:.4f}", f"{row[1]:.4f}", f"{row[2]:.1f}", row[3],
                          f"{row[4]:.0f}", row[5], "pass" if row[6] else "short"])
            sys.stdout.flush()
            bad += not row[6]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
