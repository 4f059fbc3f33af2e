#!/usr/bin/python3
"""Compare the gates on nine problems: what each promises, and how it does on rows left out of everything.

    tests/bench/gates.py [--bin DIR] [--set NAME]... [--gate NAME]... [--seed N] [-- OPTION...]

Prints CSV, a row for each problem and gate:

  set, gate       "auto+refine" is --gate auto --refine auto
  error           on left-out rows, pooled: rmse, or for classes the share that is wrong; of real data by
                  ten-fold cross-validation, in which whatever is chosen is chosen in each fold alone; of
                  made data on 1000 test rows
  behind, se      how much larger its mean loss (squared error; 1 for a wrong class) is than that of the
                  best of the fixed gates, and the standard error of that over folds (test rows of made
                  data are cut into ten)
  behind_one, se_one   the same against one model for all rows (-k 1)
  chosen          by auto, in the fit of all rows
  promised        its own left-out error in that fit: left_out of the report

and at the end for how many problems auto is within one standard error of the best fixed gate, and how
often it is worse than one model by more. OPTIONs go to every mele-fit. Made data: 200 training rows, noise
of a twentieth of their spread."""
import argparse
import csv
import json
import math
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

FOLDS = 10
FIXED = {
    "global": ["--gate", "global"],
    "posterior": ["--gate", "posterior"],
    "hard": ["--gate", "hard"],
    "temperature": ["--gate", "temperature"],
    "softmax": ["--gate", "softmax"],
    "softmax-features": ["--gate", "softmax", "--on", "features"],
    "mlp": ["--gate", "mlp"],
}
GATES = {"one": ["-k", "1", "--gate", "posterior"], **FIXED, "auto": ["--gate", "auto"],
         "auto+refine": ["--gate", "auto", "--refine", "auto"]}
DATA = pathlib.Path(__file__).resolve().parents[2] / "data"


def branin(x, y):
    """On [-5, 10] x [0, 15] (Dixon, Szego 1978)."""
    return ((y - 5.1 / (4 * math.pi ** 2) * x * x + 5 / math.pi * x - 6) ** 2
            + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10)


def valley(x, y):
    """A curved valley with a steep wall, on the unit square."""
    return math.log(1 + 100 * (y - 0.5 - 0.3 * math.sin(6 * x)) ** 2) + x


def piecewise(x):
    """Four straight pieces with jumps, on the unit interval."""
    return 2 * x if x < 0.25 else 3 - 4 * x if x < 0.5 else -1 + x if x < 0.8 else 5 * x - 2


MADE = {"branin": (branin, [(-5, 10), (0, 15)]), "valley": (valley, [(0, 1), (0, 1)]),
        "piecewise": (piecewise, [(0, 1)])}
REAL = {
    "concrete": ("concrete.csv", ["-t", "compressive_strength"]),
    "mpg": ("mpg.csv", ["-t", "Miles_per_Gallon", "--categorical", "Origin"]),
    "mcycle": ("mcycle.csv", ["-t", "accel"]),
    "sunspots": (None, ["-t", "y"]),
    "vowels": ("vowels.csv", ["-t", "Vowel", "-x", "F0,F1,F2,F3", "--group", "Speaker"]),
    "iris": ("iris.csv", ["-t", "Species"]),
}


def write(path, names, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([names, *rows])


def lags(path, count=12):
    """Each year's number and the twelve before it."""
    with open(DATA / "sunspots.csv") as file:
        numbers = [row["y"] for row in csv.DictReader(file)]
    write(path, ["y"] + [f"lag{j}" for j in range(1, count + 1)],
          [numbers[i - count:i + 1][::-1] for i in range(count, len(numbers))])


def make(name, directory, seed):
    """The files of training and test rows; the second without noise."""
    function, box = MADE[name]
    stream = random.Random(f"{name} {seed}")
    points = [[stream.uniform(*side) for side in box] for _ in range(1200)]
    values = [function(*p) for p in points]
    noise = statistics.pstdev(values) / 20
    names = [f"x{j + 1}" for j in range(len(box))] + ["y"]
    for file, part, sd in (("train", slice(0, 200), noise), ("test", slice(200, None), 0)):
        write(directory / f"{name}-{file}.csv", names,
              [p + [v + stream.gauss(0, sd) if sd else v] for p, v in zip(points[part], values[part])])


class Comparison:
    def __init__(self, given, directory):
        self.bin = pathlib.Path(given.bin).resolve()
        self.given, self.directory = given, pathlib.Path(directory)

    def run(self, program, *arguments):
        done = subprocess.run([self.bin / program, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return done.stdout

    def fit(self, data, options, *more):
        report = self.directory / "report.json"
        self.run("mele-fit", "-q", *options, *more, "--seed", self.given.seed, *self.given.option,
                 "--report", report, "-o", self.directory / "model.json", data)
        return json.loads(report.read_text())

    def real(self, name, gate):
        """The losses of left-out rows by folds, and the report of the fit of all rows."""
        file, options = REAL[name]
        data = DATA / file if file else self.directory / "sunspots.csv"
        rows = self.directory / "cv.csv"
        report = self.fit(data, options, *gate, "--cv", FOLDS, "--cv-output", rows)
        losses = [[] for _ in range(FOLDS)]
        with open(rows) as table:
            for row in csv.DictReader(table):
                losses[int(row["fold"]) - 1].append(loss(name, row["observed"], row["predicted"]))
        return losses, report

    def made(self, name, gate):
        report = self.fit(self.directory / f"{name}-train.csv", ["-t", "y"], *gate)
        test = self.directory / f"{name}-test.csv"
        told = self.run("mele-predict", "-q", self.directory / "model.json", test).split()[1:]
        with open(test) as table:
            truth = [row["y"] for row in csv.DictReader(table)]
        all_losses = [loss(name, t, p) for t, p in zip(truth, told)]
        return [all_losses[i::FOLDS] for i in range(FOLDS)], report


def loss(name, truth, told):
    if name in ("vowels", "iris"):
        return float(truth != told)
    return (float(truth) - float(told)) ** 2


def error_of(name, losses):
    mean = statistics.fmean(v for fold in losses for v in fold)
    return mean if name in ("vowels", "iris") else math.sqrt(mean)


def behind(losses, others):
    """The mean by folds of what is lost more, and its standard error."""
    more = [statistics.fmean(a) - statistics.fmean(b) for a, b in zip(losses, others)]
    return statistics.fmean(more), statistics.stdev(more) / math.sqrt(len(more))


def promised(name, report):
    told = report.get("left_out", {})
    return 1 - told["accuracy"] if "accuracy" in told else told.get("rmse", float("nan"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bin", default="bin")
    parser.add_argument("--set", action="append", choices=[*REAL, *MADE])
    parser.add_argument("--gate", action="append", choices=GATES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("option", nargs="*")
    given = parser.parse_args()
    table = csv.writer(sys.stdout)
    table.writerow(["set", "gate", "error", "behind", "se", "behind_one", "se_one", "chosen", "promised"])
    near, worse, judged = {}, {}, 0
    with tempfile.TemporaryDirectory() as directory:
        comparison = Comparison(given, directory)
        lags(comparison.directory / "sunspots.csv")
        for name in given.set or [*REAL, *MADE]:
            if name in MADE:
                make(name, comparison.directory, given.seed)
            found = {}
            for gate in given.gate or GATES:
                try:
                    found[gate] = (comparison.made if name in MADE else comparison.real)(name, GATES[gate])
                except RuntimeError as failure:
                    print(f"{name}, {gate}: {failure}", file=sys.stderr)
            fixed = [gate for gate in found if gate in FIXED]
            if not fixed:
                continue
            best = min(fixed, key=lambda gate: behind(found[gate][0], found[fixed[0]][0])[0])
            judged += 1
            for gate, (losses, report) in found.items():
                ahead = behind(losses, found[best][0])
                one = behind(losses, found["one"][0]) if "one" in found else (math.nan, math.nan)
                chosen = f"K {report['clusters']}, {report['gate']['kind']}"
                table.writerow([name, gate, *(f"{v:.5g}" for v in (error_of(name, losses), *ahead, *one)),
                                chosen, f"{promised(name, report):.5g}"])
                if gate.startswith("auto"):
                    near[gate] = near.get(gate, 0) + (ahead[0] <= ahead[1])
                    worse[gate] = worse.get(gate, 0) + (one[0] > one[1])
            sys.stdout.flush()
    for gate in near:
        print(f"{gate}: within one standard error of the best on {near[gate]} of {judged} problems, worse "
              f"than one model by more than one on {worse[gate]}", file=sys.stderr)


if __name__ == "__main__":
    main()
