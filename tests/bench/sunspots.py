#!/usr/bin/python3
"""Sunspots by mixtures of experts, on the split that the literature has used since Weigend et al. (1990).

    tests/bench/sunspots.py [--bin DIR] [--seed N] [--only NAME]

The yearly number from the twelve before it: trained on the targets of 1712 to 1920 (209 rows), tested on 1921
to 1955 and on 1956 to 1979. The error is the mean squared error over the variance of the record of 1700
to 1979. Within each family the numbers of regions and of steps and the ridge are those with the least error in ten-fold
cross-validation on the years up to 1920, and the family that is best there is marked: test years choose
nothing. Beside them stand published figures."""
import argparse
import csv
import itertools
import json
import pathlib
import statistics
import subprocess
import tempfile

DATA = pathlib.Path(__file__).resolve().parents[2] / "data" / "sunspots.csv"
LAGS = 12
PERIODS = {"1712-1920": (1712, 1920), "1921-55": (1921, 1955), "1956-79": (1956, 1979)}
FEATURES = ["--gate", "softmax", "--on", "features"]
CLUSTERS = [2, 3, 4, 7]
STAGES, EM = "--refine", "--em-iter"
FAMILIES = {
    "one linear model": (["--gate", "posterior"], [1], STAGES, [0]),
    "regions, hard gate": (["--gate", "hard"], CLUSTERS, STAGES, [0]),
    "regions, posterior gate": (["--gate", "posterior"], CLUSTERS, STAGES, [0]),
    "soft regions, posterior gate": (["--gate", "posterior", "--assign", "soft"], CLUSTERS, STAGES, [0]),
    "regions, softmax gate on the lags": (FEATURES, CLUSTERS, STAGES, [0]),
    "the same, refined": (FEATURES, CLUSTERS, STAGES, [2, 8, 32]),
    "me-em": (["--family", "me-em"], CLUSTERS, EM, [2, 8, 32]),
    "hme, binary": (["--family", "hme"], CLUSTERS, EM, [2, 8, 32]),
    "hme, grown": (["--family", "hme", "--grow"], CLUSTERS, EM, [2, 8, 32]),
}
RIDGES = [0.3, 3, 30]
PUBLISHED = {
    "MLP 12-8-1 (Weigend et al.)": (.082, .086, .35),
    "TAR (Tong)": (.097, .097, .28),
    "7 linear experts, early stop (Waterhouse, Robinson 1995)": (.061, .089, .27),
    "HME depth 8, ML (Waterhouse, MacKay, Robinson 1996)": (.052, .162, .41),
    "HME depth 8, Bayes (the same)": (.079, .089, .26),
}


def record():
    with open(DATA) as file:
        return {int(row["year"]): float(row["y"]) for row in csv.DictReader(file)}


def write(path, numbers, first, last):
    with open(path, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["y"] + [f"lag{j}" for j in range(1, LAGS + 1)])
        for year in range(first, last + 1):
            table.writerow([numbers[year - j] for j in range(LAGS + 1)])


def run(program, *arguments):
    return subprocess.run([program, *map(str, arguments)], check=True, capture_output=True,
                          text=True).stdout


class Split:
    def __init__(self, given, directory):
        self.given, self.directory = given, pathlib.Path(directory)
        numbers = record()
        self.variance = statistics.pvariance([numbers[y] for y in range(1700, 1980)])
        for name, (first, last) in PERIODS.items():
            write(self.directory / f"{name}.csv", numbers, first, last)

    def fit(self, options, *more):
        report = self.directory / "report.json"
        run(self.given.bin / "mele-fit", "-q", "-t", "y", *options, *more, "--seed", self.given.seed,
            "--report", report, "-o", self.directory / "model.json", self.directory / "1712-1920.csv")
        return json.loads(report.read_text())

    def cross_validated(self, options):
        return self.fit(options, "--cv", 10)["cv"]["model"]["rmse"] ** 2 / self.variance

    def errors(self, options):
        self.fit(options)
        for name in PERIODS:
            told = json.loads(run(self.given.bin / "mele-score", "--json", self.directory / "model.json",
                                  self.directory / f"{name}.csv"))
            yield told["rmse"] ** 2 / self.variance


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path("bin"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="families whose name has this in it")
    given = parser.parse_args()
    given.bin = given.bin.resolve()
    print("| model | cross-validated | " + " | ".join(PERIODS) + " |\n|---|---|---|---|---|")
    found = {}
    with tempfile.TemporaryDirectory() as directory:
        split = Split(given, directory)
        for name, (options, clusters, by, steps) in FAMILIES.items():
            if given.only not in name:
                continue
            choice = [[*options, "-k", k, "--ridge", ridge, by, s] for k, ridge, s in
                      itertools.product(clusters, RIDGES, steps)]
            error, best = min((split.cross_validated(c), i) for i, c in enumerate(choice))
            found[name] = (error, choice[best], list(split.errors(choice[best])))
        least = min(found, key=lambda name: found[name][0])
        for name, (error, chosen, errors) in found.items():
            settings = f"K {chosen[-5]}, ridge {chosen[-3]}"
            settings += f", {chosen[-1]} steps" if chosen[-1] > 0 else ""
            mark = " **(chosen)**" if name == least else ""
            print(f"| {name}: {settings}{mark} | {error:.3f} | "
                  + " | ".join(f"{e:.3f}" for e in errors) + " |")
    for name, errors in PUBLISHED.items():
        print(f"| {name} | | " + " | ".join(f"{e:.3f}" for e in errors) + " |")


if __name__ == "__main__":
    main()
