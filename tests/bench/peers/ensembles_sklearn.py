#!/usr/bin/env python3
"""Bagging and boosting beside scikit-learn's, with the same base learners, on the shipped data sets.

    tests/bench/peers/ensembles_sklearn.py --bin build/bin

One line a case: the error of 10 folds (regression: mean absolute error; classes: share of wrong ones), mele's
and scikit-learn's, on folds of their own, and the ratio of the processor times of one fit to all rows, theirs
without reading, mele's with reading and writing. scikit-learn boosts with weights that sum to 1, so that its
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
RIDGE, K = 0.5, 25


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
    took = time.process_time() - began
    return (np.mean(said != y) if classes else np.mean(abs(said - y))), took


def of_mele(program, family, path, target, features, classes):
    command = [program, "-q", "--missing", "drop", "--family", family, "-k", str(K), "--ridge", str(RIDGE),
               "-t", target, "-o", "/dev/null"]
    command += ["-x", ",".join(features)] if features else []
    report = subprocess.run(command + ["--cv", "10", "--report", "/dev/stdout", path], check=True,
                            capture_output=True, text=True).stdout
    measured = json.loads(report)["cv"]["model"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    for _ in range(5):
        subprocess.run(command + ["--threads", "1", path], check=True)
    took = (resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before) / 5
    return (1 - measured["accuracy"] if classes else measured["mae"]), took


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
            print("%-9s %-9s  error %8.4f, scikit-learn %8.4f;  time: scikit-learn / mele %5.1f"
                  % (name, family, ours, theirs, peers / took), flush=True)


if __name__ == "__main__":
    main()
