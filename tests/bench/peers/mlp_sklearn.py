#!/usr/bin/python3
"""Time the neural networks of mele-experts against scikit-learn's MLPRegressor.

    tests/bench/peers/mlp_sklearn.py [--bin DIR] [--case NAME...] [--repeat N] [--list]

The data: 1e5 rows to train on and 25000 to test, 16 inputs, a smooth function with noise. The peer:
MLPRegressor(16 tanh units, Adam, batches of 200, 20 epochs) on a float64 array in memory. mele
trains the same network on one region with more and more epochs until its error on the test rows is
not above the peer's. Prints CSV: a row a case, with the seconds of both sides (medians), how many
times faster mele is and how many times it has to be, and what came of it: pass, or short.

How it measures. Both sides have 2 threads and take turns. ours_seconds is `seconds.experts` of
mele-experts' report. two_seconds is the same for the rows twice, as two regions: two such networks,
one on each thread; two_for_one is how many times longer that is than ours_seconds.

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
from sklearn.neural_network import MLPRegressor

warnings.filterwarnings("ignore")

ROWS, TEST, INPUTS, HIDDEN, BATCH, EPOCHS = 100000, 25000, 16, 16, 200, 20
NOISE, DEMANDED, MOST_EPOCHS = 0.1, 7, 30
HEADER = ["case", "ours_seconds", "sklearn_seconds", "ours_epochs", "sklearn_epochs", "ours_error",
          "sklearn_error", "times_faster", "demanded", "two_seconds", "two_for_one", "outcome"]


def waves(x, rng):
    """Six sines of random directions, and a product of two directions."""
    z = x @ (rng.normal(size=(INPUTS, 6)) / 4)
    return np.sin(z).sum(axis=1) + 0.5 * z[:, 0] * z[:, 1]


def additive(x, rng):
    """Few columns in unlike ways, the rest a little."""
    return (np.sin(x[:, 0]) + 0.5 * x[:, 1] ** 2 + np.tanh(x[:, 2] * x[:, 3])
            + 0.2 * x[:, 4:].sum(axis=1))


CASES = {"mlp-waves": waves, "mlp-additive": additive}


def make(function):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(ROWS + TEST, INPUTS))
    y = function(x, rng)
    return x, (y - y.mean()) / y.std() + NOISE * rng.normal(size=len(y))


class Mele:
    """The programs on one data set in a directory of its own."""

    def __init__(self, programs, directory, x, y):
        self.programs, self.directory, self.y = programs, pathlib.Path(directory), y[ROWS:]
        data = np.column_stack([x, y])
        np.save(self.directory / "train.npy", data[:ROWS])
        np.save(self.directory / "test.npy", data[ROWS:])
        np.save(self.directory / "twice.npy", np.vstack([data[:ROWS], data[:ROWS]]))
        np.savetxt(self.directory / "labels.csv", np.repeat([1, 2], ROWS), fmt="%d",
                   header="label", comments="")
        self.run("mele-partition", "-k", "1", "-t", str(INPUTS + 1), "-o", self.at("regions.json"),
                 self.at("train.npy"))

    def at(self, name):
        return str(self.directory / name)

    def run(self, program, *options):
        return subprocess.run([self.programs / program, "-q", *options], check=True,
                              capture_output=True, text=True).stdout

    def train(self, epochs, *of):
        """The seconds of the stage."""
        rest()
        self.run("mele-experts", "--expert", "mlp", "--hidden", str(HIDDEN), "--trainer", "adam",
                 "--batch", str(BATCH), "--holdout", "0", "--max-epochs", str(epochs), "--threads",
                 str(THREADS), "--report", self.at("report.json"), "-o", self.at("model.json"),
                 *(of or (self.at("train.npy"), self.at("regions.json"))))
        return json.loads(pathlib.Path(self.at("report.json")).read_text())["seconds"]["experts"]

    def train_two(self, epochs):
        """The same for two regions with the same rows."""
        return self.train(epochs, "-t", str(INPUTS + 1), "--posteriors", self.at("labels.csv"),
                          self.at("twice.npy"))

    def error(self):
        """The mean squared error of the last model on the test rows."""
        text = self.run("mele-predict", "--items", "experts", self.at("model.json"),
                        self.at("test.npy"))
        predicted = np.genfromtxt(text.splitlines(), delimiter=",", names=True)
        return float(np.mean((predicted[predicted.dtype.names[-1]] - self.y) ** 2))


def train_peer(x, y):
    """Its seconds and its error on the test rows."""
    peer = MLPRegressor((HIDDEN,), activation="tanh", solver="adam", batch_size=BATCH,
                        max_iter=EPOCHS, tol=0, random_state=1)
    begin = time.perf_counter()
    peer.fit(x[:ROWS], y[:ROWS])
    seconds = time.perf_counter() - begin
    return seconds, float(np.mean((peer.predict(x[ROWS:]) - y[ROWS:]) ** 2))


def measure(name, programs, directory, repeat):
    x, y = make(CASES[name])
    mele = Mele(programs, directory, x, y)
    theirs = [train_peer(x, y)]
    for epochs in range(1, MOST_EPOCHS + 1):
        mele.train(epochs)
        error = mele.error()
        if error <= theirs[0][1]:
            break
    ours, two = [], []
    for _ in range(repeat):
        ours.append(mele.train(epochs))
        theirs.append(train_peer(x, y))
        two.append(mele.train_two(epochs))
    ours, two = statistics.median(ours), statistics.median(two)
    seconds = statistics.median(took for took, _ in theirs)
    passed = error <= theirs[0][1] and seconds >= DEMANDED * ours
    return [name, f"{ours:.4f}", f"{seconds:.4f}", epochs, EPOCHS, f"{error:.6f}",
            f"{theirs[0][1]:.6f}", f"{seconds / ours:.2f}", DEMANDED, f"{two:.4f}",
            f"{two / ours:.2f}", "pass" if passed else "short"]


def describe(program):
    """The lines that say what was compared where."""
    version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    processor = [line.split(":")[1].strip() for line in open("/proc/cpuinfo")
                 if line.startswith("model name")]
    print(f"# {version.stdout.splitlines()[0]}; scikit-learn {sklearn.__version__}, "
          f"NumPy {np.__version__}, OPENBLAS_CORETYPE unset")
    print(f"# {processor[0]}, {THREADS} threads of {os.cpu_count()} processors, "
          f"load {os.getloadavg()[0]:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", default="bin", help="directory of the programs (bin)")
    parser.add_argument("--case", nargs="+", default=[""], help="beginnings of names of cases")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each side (3)")
    parser.add_argument("--list", action="store_true", help="print the cases' names")
    given = parser.parse_args()
    chosen = [name for name in CASES if name.startswith(tuple(given.case))]
    if given.list:
        print("\n".join(CASES))
        return 0
    if not chosen:
        parser.error("there is no such case, see --list")
    programs = pathlib.Path(given.bin).resolve()
    describe(programs / "mele-experts")
    out, bad = csv.writer(sys.stdout, lineterminator="\n"), 0
    out.writerow(HEADER)
    for name in chosen:
        with tempfile.TemporaryDirectory() as directory:
            result = measure(name, programs, directory, given.repeat)
            bad += result[-1] != "pass"
            out.writerow(result)
            sys.stdout.flush()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
