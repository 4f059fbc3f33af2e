#!/usr/bin/python3
"""Time the mlp gate of mele-gate against scikit-learn's MLPClassifier.

    tests/bench/peers/gate_mlp_sklearn.py [--bin DIR] [--rows N] [--repeat N]

The problem of both: the region of a row, of 16, from 16 standardised features, by cross-entropy to labels
that a wider network has drawn; one layer of 8 tanh units, squares of weights times a half for all rows
(mele's takes the biases, too). The peer: solver "lbfgs", 200 iterations. mele-gate trains on all rows
(--gate-rows all) with its defaults; the model has outside experts, which the loss does not look at.

Prints CSV: a row for each seed, with the seconds of training on both sides, the processor's seconds on both
sides (of mele-gate all there is: reading and writing, too), the losses, and how many times faster mele
is by either clock. Both sides have 2 threads and take turns. Run it on a machine that does nothing else;
the processor's seconds say something on others, too."""
import argparse
import csv
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
import warnings

from quiet import THREADS, rest  # before NumPy

import numpy as np
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

warnings.filterwarnings("ignore")

INPUTS, REGIONS, HIDDEN, WIDER, ITERATIONS = 16, 16, 8, 12, 200
HEADER = ["seed", "ours_seconds", "sklearn_seconds", "faster", "ours_cpu", "sklearn_cpu", "faster_cpu",
          "ours_loss", "sklearn_loss", "ours_iterations"]


def draw(rows):
    """Features, and labels from 0."""
    random = np.random.default_rng(1)
    x = random.standard_normal((rows, INPUTS))
    layer = np.tanh(x @ random.standard_normal((INPUTS, WIDER)) * 0.7)
    logits = 2 * layer @ random.standard_normal((WIDER, REGIONS)) + random.gumbel(size=(rows, REGIONS))
    return (x - x.mean(0)) / x.std(0), logits.argmax(1)


def write(directory, x, labels):
    """What mele-gate reads: rows with a target that nobody looks at, labels, predictions."""
    rows = len(x)
    np.save(directory / "data.npy", np.c_[x, labels])
    np.save(directory / "labels.npy", labels.reshape(-1, 1) + 1.0)
    np.save(directory / "experts.npy", np.tile(np.arange(REGIONS, dtype=float), (rows, 1)))


def cpu_of(who):
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def ours(program, directory, seed):
    """Seconds of training, of the processor, and the report of the gate."""
    report = directory / "report.json"
    rest()
    before = cpu_of(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [program, "-q", "-t", str(INPUTS + 1), "--posteriors", directory / "labels.npy", "--predictions",
         directory / "experts.npy", "--gate", "mlp", "--on", "features", "--loss", "posteriors",
         "--gate-rows", "all", "--gate-hidden", str(HIDDEN), "--seed", str(seed), "--threads", str(THREADS),
         "--report", report, "-o", directory / "model.json", directory / "data.npy"], check=True)
    spent = cpu_of(resource.RUSAGE_CHILDREN) - before
    told = json.loads(report.read_text())
    return told["seconds"]["gate"], spent, told["gate"]


def theirs(x, labels, seed):
    model = MLPClassifier((HIDDEN,), activation="tanh", solver="lbfgs", alpha=1, max_iter=ITERATIONS,
                          max_fun=10 ** 9, tol=1e-9, random_state=seed)
    began, before = time.perf_counter(), cpu_of(resource.RUSAGE_SELF)
    model.fit(x, labels)
    seconds, spent = time.perf_counter() - began, cpu_of(resource.RUSAGE_SELF) - before
    return seconds, spent, log_loss(labels, model.predict_proba(x))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/bin")
    parser.add_argument("--rows", type=int, default=100000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    program = pathlib.Path(options.bin) / "mele-gate"
    x, labels = draw(options.rows)
    out = csv.writer(sys.stdout)
    out.writerow(HEADER)
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        write(directory, x, labels)
        for seed in range(1, options.repeat + 1):
            our_seconds, our_cpu, gate = ours(program, directory, seed)
            their_seconds, their_cpu, loss = theirs(x, labels, seed)
            out.writerow([seed, f"{our_seconds:.3f}", f"{their_seconds:.3f}",
                          f"{their_seconds / our_seconds:.1f}", f"{our_cpu:.2f}", f"{their_cpu:.2f}",
                          f"{their_cpu / our_cpu:.1f}", f"{gate['loss']:.5f}", f"{loss:.5f}",
                          gate["iterations"]])
            sys.stdout.flush()


if __name__ == "__main__":
    main()
