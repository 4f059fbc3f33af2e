#!/usr/bin/env python3
"""Reference for the data makers (lib/maker), independent of their code: the stream of random numbers
and the formulas in Python. Prints rows for tests/unit/test_maker.c; with the path of mele-make it also
compares whole data sets with the formulas, and their moments, classes and Bayes errors with what is
published or follows by integration.

    tests/ref/makers.py [build/bin/mele-make]
"""
import csv
import math
import subprocess
import sys

import numpy as np
from scipy import integrate, stats

MASK = (1 << 64) - 1
MAKERS = 64  # the purpose of the streams


def splitmix(state):
    state = (state + 0x9E3779B97F4A7C15) & MASK
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return state, z ^ (z >> 31)


class Stream:
    """xoshiro256**, keyed by four numbers."""

    def __init__(self, seed, fold, index):
        mixed = 0
        for part in (seed, MAKERS, fold, index):
            _, mixed = splitmix(mixed ^ part)
        self.s = []
        for _ in range(4):
            mixed, z = splitmix(mixed)
            self.s.append(z)

    def bits(self):
        def rotate(x, k):
            return ((x << k) | (x >> (64 - k))) & MASK

        s = self.s
        result = (rotate((s[1] * 5) & MASK, 7) * 9) & MASK
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 45)
        return result

    def uniform(self, low=0.0, high=1.0):
        return low + (high - low) * ((self.bits() >> 11) * 2.0**-53)

    def below(self, bound):
        while True:
            product = self.bits() * bound
            if (product & MASK) >= (1 << 64) % bound:
                return product >> 64

    def normal(self):
        while True:
            u, v = 2 * self.uniform() - 1, 2 * self.uniform() - 1
            s = u * u + v * v
            if 0 < s < 1:
                return u * math.sqrt(-2 * math.log(s) / s)


# ---- formulas, of arrays of features ----


def friedman1(x):
    return 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - .5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]


def friedman2(x):
    return np.sqrt(x[:, 0] ** 2 + (x[:, 1] * x[:, 2] - 1 / (x[:, 1] * x[:, 3])) ** 2)


def friedman3(x):
    return np.arctan((x[:, 1] * x[:, 2] - 1 / (x[:, 1] * x[:, 3])) / x[:, 0])


def branin(x):
    a, b, c, r, s, t = 1, 5.1 / (4 * np.pi**2), 5 / np.pi, 6, 10, 1 / (8 * np.pi)
    return a * (x[:, 1] - b * x[:, 0] ** 2 + c * x[:, 0] - r) ** 2 + s * (1 - t) * np.cos(x[:, 0]) + s


def piecewise(x):
    x = x[:, 0]
    return np.where(x <= 9.6, np.sin(np.pi * x / 5) + .2 * np.cos(4 * np.pi * x / 5), -1 + x / 10)


def regimes(x):
    """The best prediction."""
    odds = 2 * 3 * x[:, 7] / 4.25
    g = .05 + .9 / (1 + np.exp(-odds))
    return (2 * g - 1) * (3 + x[:, :4].sum(1))


WAVES = np.array([[max(6 - abs(i - peak), 0) for i in range(1, 22)] for peak in (11, 15, 7)], float)
PAIRS = ((0, 1), (0, 2), (1, 2))
FORMULAS = {f.__name__: f for f in (friedman1, friedman2, friedman3, branin, piecewise)}


# ---- rows, number by number ----


def uniform_row(name, stream):
    ranges = {"friedman1": [(0, 1)] * 10, "branin": [(-5, 10), (0, 15)], "piecewise": [(0, 20)]}
    circuit = [(0, 100), (40 * math.pi, 560 * math.pi), (0, 1), (1, 11)]
    noise = {"friedman1": 1, "friedman2": 125, "friedman3": .1, "branin": 0, "piecewise": .1}
    x = [stream.uniform(*r) for r in ranges.get(name, circuit)]
    return x + [float(FORMULAS[name](np.array([x]))[0]) + noise[name] * stream.normal()]


def class_row(name, stream):
    c = stream.below(3 if name == "waveform" else 2)
    if name == "waveform":
        u, (a, b) = stream.uniform(), PAIRS[c]
        x = [u * WAVES[a][i] + (1 - u) * WAVES[b][i] + stream.normal() for i in range(21)]
    elif name == "spirals":
        i = stream.uniform(0, 96)
        r, angle, side = 6.5 * (104 - i) / 104, i * math.pi / 16, 1 - 2 * c
        x = [side * r * math.sin(angle), side * r * math.cos(angle)]
    else:
        mean = 2 / math.sqrt(20)
        law = {"twonorm": ((mean, 1), (-mean, 1)), "ringnorm": ((0, 2), (mean, 1))}[name][c]
        x = [law[0] + law[1] * stream.normal() for _ in range(20)]
    return x + [c]


def regimes_row(number_of_set, seed, row):
    def output(time):
        stream = Stream(seed, number_of_set, time)
        drawn, state = stream.uniform() < .1, 1 if stream.below(2) else -1
        at = time
        while not drawn and at > 0:
            at -= 1
            other = Stream(seed, number_of_set, at)
            drawn, state = other.uniform() < .1, 1 if other.below(2) else -1
        x = [stream.normal() for _ in range(4)]
        return stream, x, state * (3 + sum(x)) + .5 * stream.normal()

    last = output(row)[2]
    stream, x, y = output(row + 1)
    cluster = stream.below(3)
    return x + [(3 if j == cluster else 0) + .3 * stream.normal() for j in range(3)] + [last, y]


SETS = ["friedman1", "friedman2", "friedman3", "branin", "piecewise", "regimes", "waveform", "twonorm",
        "ringnorm", "spirals"]


def row_of(name, seed, row):
    number = SETS.index(name) + 1
    if name == "regimes":
        return regimes_row(number, seed, row)
    return (uniform_row if name in FORMULAS else class_row)(name, Stream(seed, number, row))


# ---- whole data sets ----


def made(program, name, rows, *options):
    text = subprocess.run([program, name, "--rows", str(rows), *options], check=True, text=True,
                          capture_output=True).stdout.splitlines()
    rows = list(csv.reader(text))[1:]
    x = np.array([r[:-1] for r in rows], float)
    y = np.array([int(r[-1][-1]) - 1 if r[-1].startswith("class") else float(r[-1]) for r in rows])
    return x, y


def compare(what, value, expected, tolerance):
    good = abs(value - expected) <= tolerance
    print(f"{'ok ' if good else 'BAD'} {what}: {value:.6g}, {expected:.6g} expected")
    return good


def check_formulas(program):
    for name, formula in FORMULAS.items():
        x, y = made(program, name, 20000, "--noise", "0")
        yield compare(f"{name} without noise", np.abs(y - formula(x)).max(), 0, 1e-11 * np.abs(y).max())
        _, noisy = made(program, name, 20000, "--noise", "2")
        yield compare(f"{name}, deviation of noise 2", (noisy - y).std(), 2, .04)
        for j in range(x.shape[1]):
            low, high = {"friedman1": (0, 1), "piecewise": (0, 20)}.get(name) or (
                ((-5, 10), (0, 15)) if name == "branin" else
                ((0, 100), (40 * np.pi, 560 * np.pi), (0, 1), (1, 11)))[j]
            p = stats.kstest((x[:, j] - low) / (high - low), "uniform").pvalue
            yield compare(f"{name} x{j + 1} is uniform, p above 1e-4", float(p > 1e-4), 1, 0)


def check_moments(program):
    """Means by integration; the three minima; the shares and means of classes; Bayes errors."""
    unit, _ = integrate.dblquad(lambda a, b: 10 * np.sin(np.pi * a * b), 0, 1, 0, 1)
    _, y = made(program, "friedman1", 100000)
    yield compare("friedman1, mean", y.mean(), unit + 20 / 12 + 5 + 2.5, 4 * y.std() / 100000**.5)
    area, _ = integrate.dblquad(lambda b, a: branin(np.array([[a, b]]))[0], -5, 10, 0, 15)
    _, y = made(program, "branin", 100000)
    yield compare("branin, mean", y.mean(), area / 225, 4 * y.std() / 100000**.5)
    for at in ((-np.pi, 12.275), (np.pi, 2.275), (3 * np.pi, 2.475)):
        yield compare(f"branin at {at}", branin(np.array([at]))[0], .397887, 1e-6)
    x, y = made(program, "waveform", 60000)
    for c in range(3):
        share = np.mean(y == c)
        yield compare(f"waveform, share of class{c + 1}", share, 1 / 3, .008)
        expected = (WAVES[PAIRS[c][0]] + WAVES[PAIRS[c][1]]) / 2
        yield compare(f"waveform, means of class{c + 1}", np.abs(x[y == c].mean(0) - expected).max(), 0, .06)
    x, y = made(program, "twonorm", 200000)
    yield compare("twonorm, Bayes error", np.mean((x.sum(1) < 0) != y), stats.norm.cdf(-2), .0014)
    x, y = made(program, "ringnorm", 200000)
    mean = 2 / np.sqrt(20)
    inner = ((x - mean) ** 2).sum(1) / 2 < (x**2).sum(1) / 8 + 20 * np.log(2)
    yield compare("ringnorm, Bayes error", np.mean(inner != y), .0124, .001)


def check_regimes(program):
    """The best error: of last, a mixture of N(3, 4.25) and N(-3, 4.25)."""
    def uncertainty(last):
        g = .05 + .9 / (1 + np.exp(-6 * last / 4.25))
        density = stats.norm.pdf(last, 3, 4.25**.5) / 2 + stats.norm.pdf(last, -3, 4.25**.5) / 2
        return 4 * g * (1 - g) * density

    share, _ = integrate.quad(uncertainty, -20, 20)
    best = .25 + 13 * share
    x, y = made(program, "regimes", 400000)
    yield compare("regimes, best mean squared error", np.mean((y - regimes(x)) ** 2), best, .08)
    design = np.c_[np.ones(len(y)), x]
    fitted = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    print(f"    the best linear function has {np.mean((y - fitted) ** 2):.3f}")
    yield compare("regimes, last is the output before", np.abs(x[1:, 7] - y[:-1]).max(), 0, 0)


def main():
    for name in SETS:
        values = ", ".join(f"{v:.17g}" for v in row_of(name, 3, 7))
        print(f'    {{"{name}", {{{values}}}}},')
    if len(sys.argv) > 1:
        program = sys.argv[1]
        good = [*check_formulas(program), *check_moments(program), *check_regimes(program)]
        print("all agree" if all(good) else "something differs")
        return 0 if all(good) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
