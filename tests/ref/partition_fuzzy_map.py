#!/usr/bin/env python3
"""Fuzzy c-means and the batch self-organising map from their published formulas, in NumPy.

usage: partition_fuzzy_map.py DIRECTORY   (that of the data sets)

Written from Bezdek (1981), ch. 3, and Kohonen (2001), 3.6 and 3.7, and from the schedule that doc/methods.md
states, without looking at the library. Prints the values that tests/unit/test_fcm.c and test_som.c hold.
Fuzzy c-means agrees with e1071::cmeans of R (fcm.R).
"""
import csv
import sys

import numpy as np


def table(path, columns):
    with open(path) as file:
        rows = [row for row in csv.reader(file)]
    x = np.array([[float(row[c]) for c in columns] for row in rows[1:]])
    return (x - x.mean(0)) / x.std(0)


def squares(x, c):
    return np.maximum(((x[:, None, :] - c[None, :, :]) ** 2).sum(2), 1e-40)  # a row on a centre


def fuzzy(x, w, c, m, steps=20000):
    for _ in range(steps):
        d = squares(x, c)
        u = (d[:, :, None] / d[:, None, :]) ** (1 / (m - 1))
        u = 1 / u.sum(2)
        p = w[:, None] * u ** m
        new = (p.T @ x) / p.sum(0)[:, None]
        done = np.abs(new - c).max() < 1e-15
        c = new
        if done:
            break
    d = squares(x, c)
    u = 1 / ((d[:, :, None] / d[:, None, :]) ** (1 / (m - 1))).sum(2)
    return c, (w[:, None] * u ** m * d).sum(), u


def batch_map(x, w, rows, columns, fall=20, last=0.5, steps=1000):
    mean = np.average(x, axis=0, weights=w)
    values, vectors = np.linalg.eigh(np.cov(x.T, aweights=w, bias=True))
    order = np.argsort(values)[::-1][:2]
    axes = vectors[:, order].T
    axes = axes * np.sign(axes[np.arange(2), np.abs(axes).argmax(1)])[:, None]
    deviation = np.sqrt(values[order])
    place = np.array([(r, c) for r in range(rows) for c in range(columns)], float)
    one = 2 * place[:, 1] / (columns - 1) - 1
    two = 2 * place[:, 0] / (rows - 1) - 1
    units = mean + np.outer(one * deviation[0], axes[0]) + np.outer(two * deviation[1], axes[1])
    way = ((place[:, None] - place[None]) ** 2).sum(2)
    first = max(max(rows, columns) / 2, last)
    for step in range(steps):
        radius = last if step >= fall - 1 else first * (last / first) ** (step / (fall - 1))
        h = np.exp(-way / (2 * radius ** 2))
        label = squares(x, units).argmin(1)
        n = np.bincount(label, w, len(units))
        sums = np.array([np.bincount(label, w * x[:, j], len(units)) for j in range(x.shape[1])]).T
        new = (h @ sums) / (h @ n)[:, None]
        shift = ((new - units) ** 2).sum()
        units = new
        if step >= fall and shift < 1e-28:
            break
    return units, (w * squares(x, units).min(1)).sum(), step + 1


def show(name, c):
    print(name)
    for row in c[np.lexsort(c.T[::-1])]:
        print("    {" + ", ".join(repr(float(v)) for v in row) + "},")


def main():
    x = table(sys.argv[1] + "/iris.csv", range(4))
    ones, uneven = np.ones(150), 0.5 + np.arange(150) % 3
    for m, w, name in ((2, ones, "1"), (1.5, uneven, "uneven"), (3, ones, "1")):
        c, objective, u = fuzzy(x, w, x[[10, 60, 110]], m)
        show("fcm m %g weights %s: objective %r" % (m, name, objective), c)
        k = np.argsort(c[:, 0])
        print("  memberships of row 52:", repr((u[51, k]).tolist()))
    for w, name in ((ones, "1"), (uneven, "uneven")):
        units, objective, steps = batch_map(x, w, 2, 3)
        show("som 2x3 weights %s: inertia %r, %d steps" % (name, objective, steps), units)


main()
