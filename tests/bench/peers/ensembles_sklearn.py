#!/usr/bin/env python3
"""Bagging and boosting beside scikit-learn's, with the same base learners, on the shipped data sets.

    tests/bench/peers/ensembles_sklearn.py --bin build/bin

One line a case: the error of 10 folds (regression: mean absolute error; classes: share of wrong ones), mele's
and scikit-learn's, on folds of their own, and the ratio of the processor times of one expert. scikit-learn's is
a fit's, by the experts that it made: its AdaBoost.R2 often ends early. mele's is that of MORE experts less that
of one, which leaves out what a program takes to start, and to read. (The programs are those that are
installed: those in build/bin are scripts of libtool, which take longer than most fits.) scikit-learn boosts with weights that sum to 1, so that its
ridge is divided by n to be the same, and its AdaBoost.R2 draws rows where mele's takes weights.
"""
import argparse
import json
import os
import resource
import subprocess
import time
import warnings

import numpy as np
import pandas as pd
from sklearn.ensemble import AdaBoostClassifier, AdaBoostRegressor, BaggingClassifier, BaggingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

DATA = os.path.join(os.path.dirname(__file__), "../../../data")
SETS = [("iris", "Species", None), ("vowels", "Vowel", ["F0", "F1", "F2", "F3"]),
        ("mpg", "Miles_per_Gallon", ["Cylinders", "Displacement", "Horsepower", "Weight_in_lbs",
                                     "Acceleration", "Year"]),
        ("concrete", "compressive_strength", None)]
RIDGE, K, MORE = 0.5, 25, 200


def peer(family, classes, rows):
    if classes:
        base = LogisticRegression(C=(rows if family == "boosting" else 1) / RIDGE, max_iter=1000)
        boosted, bagged = AdaBoostClassifier, BaggingClassifier
    else:
        base = Ridge(alpha=RIDGE)  # R2 draws rows, so that weights are counts
        boosted, bagged = AdaBoostRegressor, BaggingRegressor
    more = {"algorithm": "SAMME"} if classes and family == "boosting" else {}
    model = (boosted if family == "boosting" else bagged)(base, n_estimators=K, random_state=1, **more)
    return make_pipeline(StandardScaler(), model)


def of_peer(family, x, y, classes):
    model = peer(family, classes, len(y) * 0.9)
    said = cross_val_predict(model, x, y, cv=KFold(10, shuffle=True, random_state=1))
    began = time.process_time()
    model.fit(x, y)
    took = (time.process_time() - began) / len(model[-1].estimators_)
    return (np.mean(said != y) if classes else np.mean(abs(said - y))), took


def of_rounds(command, rounds):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    for _ in range(5):
        subprocess.run(command + ["-k", str(rounds), "--threads", "1"], check=True)
    return (resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before) / 5


def of_mele(program, family, path, target, features, classes):
    command = [program, "-q", "--missing", "drop", "--family", family, "--ridge", str(RIDGE), "-t", target,
               "-o", "/dev/null"]
    command += ["-x", ",".join(features)] if features else []

    def report(*more):
        return json.loads(subprocess.run(command + [*more, "--report", "/dev/stdout", path], check=True,
                                         capture_output=True, text=True).stdout)

    measured = report("-k", str(K), "--cv", "10")["cv"]["model"]
    made = report("-k", str(MORE))["clusters"]
    took = of_rounds(command + [path], MORE) - of_rounds(command + [path], 1)
    return (1 - measured["accuracy"] if classes else measured["mae"]), took / max(made - 1, 1)


def main():
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", default="build/bin")
    program = os.path.join(parser.parse_args().bin, "mele-fit")
    for name, target, features in SETS:
        path = os.path.join(DATA, name + ".csv")
        table = pd.read_csv(path).dropna()
        x = table[features] if features else table.drop(columns=target)
        y = table[target].values
        classes = y.dtype == object
        for family in ("bagging", "boosting"):
            ours, took = of_mele(program, family, path, target, features, classes)
            theirs, peers = of_peer(family, x.values.astype(float), y, classes)
            print("%-9s %-9s  error %8.4f, scikit-learn %8.4f;  time of an expert: scikit-learn / mele %5.1f"
                  % (name, family, ours, theirs, peers / took), flush=True)


if __name__ == "__main__":
    main()
