#!/usr/bin/python3
"""Reference values of tests/unit/test_gp.c, by scikit-learn 1.2.1 (Debian 12).

    tests/ref/gp.py data > tests/unit/gp_reference.h

Predictions: kernels are the sum of terms with a share and lengths each. The n training rows of a
function are x_ij = the fractional part of (i + 1) a_j times the width of the input's range, with
weights 1 or 0.5 + i % 4; kernels have the lengths, the signal variance and the noise ratio given;
the mean is the generalised least squares constant, subtracted beforehand; a row's noise is alpha =
signal noise / weight. Variances contain the noise of weight 1. The query rows follow the training
rows in the same sequence.

Optimum: the largest log marginal likelihood that four starts of scikit-learn's optimiser find, over
a signal variance, the lengths and the noise ratio within the ranges of lib/expert/gp/search.c, mean
0, of columns and targets that are standardised (population variance)."""
import sys
import textwrap
import warnings

import numpy as np
import sklearn
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

STEPS = [0.6180339887498949, 0.4142135623730951]
QUERIES = 8


def wave(x):
    return np.sin(3 * x[:, 0]) + 0.5 * x[:, 0]


def branin(x):
    a, b = x[:, 0], x[:, 1]
    return ((b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6) ** 2
            + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10)


FUNCTIONS = {"wave": (wave, [(-2, 6)]), "branin": (branin, [(-5, 15), (0, 15)])}


def points(ranges, first, count):
    i = np.arange(first, first + count) + 1.0
    return np.column_stack([low + width * (i * step - np.floor(i * step))
                            for (low, width), step in zip(ranges, STEPS)])


def base(kernel, lengths, bounds="fixed"):
    if kernel == "matern52":
        return Matern(lengths, length_scale_bounds=bounds, nu=2.5)
    return RBF(lengths, length_scale_bounds=bounds)


def numbers(values):
    text = "{" + ", ".join(repr(float(v)) for v in np.ravel(values)) + "}"
    return textwrap.fill(text, 93, subsequent_indent="      ")


def prediction(kernel, function, n, weighted, terms, signal, noise):
    of, ranges = FUNCTIONS[function]
    x, query = points(ranges, 0, n), points(ranges, n, QUERIES)
    y = of(x)
    w = 0.5 + np.arange(n) % 4 if weighted else np.ones(n)
    parts = [ConstantKernel(share, "fixed") * base(kernel, lengths) for share, lengths in terms]
    k = sum(parts[1:], start=parts[0])
    r = k(x) + np.diag(noise / w)
    b = np.linalg.solve(r, np.ones(n))
    mean = b @ y / b.sum()
    g = GaussianProcessRegressor(ConstantKernel(signal, "fixed") * k, alpha=signal * noise / w,
                                 optimizer=None).fit(x, y - mean)
    m, s = g.predict(query, return_std=True)
    print(f'    {{"{kernel}", "{function}", {n}, {int(weighted)}, {len(ranges)}, '
          f'{len(terms)}, {numbers([s for s, _ in terms])},\n     '
          f'{numbers([l for _, lengths in terms for l in lengths])}, {signal!r}, {noise!r},')
    print(f"     {g.log_marginal_likelihood_value_!r},")
    print(f"     {numbers(m + mean)},\n     {numbers(s**2 + signal * noise)}}},")


def standardised(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def optimum(kernel, name, x, y):
    x, y = standardised(x), standardised(y)
    k = ConstantKernel(1.0, (1e-4, 1e8)) * (
        base(kernel, np.sqrt(x.shape[1]) * np.ones(x.shape[1]), (1e-2, 1e3))
        + WhiteKernel(0.01, (1e-10, 1e2)))
    g = GaussianProcessRegressor(k, alpha=0, n_restarts_optimizer=3, random_state=1).fit(x, y)
    k = g.kernel_.k2
    print(f'    {{"{kernel}", "{name}", {len(y)}, {g.log_marginal_likelihood_value_!r},\n     '
          f'{numbers(k.k1.length_scale)},\n     {k.k2.noise_level!r}}},')


warnings.simplefilter("ignore")
print(f"/* Written by tests/ref/gp.py, scikit-learn {sklearn.__version__}. */")
print(f"#define QUERIES {QUERIES}\n")
print("static const struct {\n    const char *kernel, *function;\n    size_t n;\n"
      "    int weighted;\n    size_t columns, terms;\n"
      "    double shares[2], lengths[4], signal, noise, log_likelihood;\n"
      "    double mean[QUERIES], variance[QUERIES];\n"
      "} predictions[] = {")
for kernel in ["squared-exponential", "matern52"]:
    for weighted in [False, True]:
        prediction(kernel, "wave", 30, weighted, [(1.0, [0.7])], 1.3, 1e-3)
        prediction(kernel, "branin", 200, weighted, [(1.0, [3.5, 6.5])], 9000.0, 1e-4)
        prediction(kernel, "wave", 30, weighted, [(0.8, [0.4]), (0.2, [5.0])], 1.3, 1e-3)
        prediction(kernel, "branin", 200, weighted, [(0.3, [3.5, 6.5]), (0.7, [19.0, 11.0])],
                   9000.0, 1e-4)
print("};\n")
print("static const struct {\n    const char *kernel, *set;\n    size_t n;\n"
      "    double log_likelihood, lengths[8], noise;\n"
      "} optima[] = {")
concrete = np.genfromtxt(f"{sys.argv[1]}/concrete.csv", delimiter=",", skip_header=1)[::5]
for kernel in ["squared-exponential", "matern52"]:
    x = points(FUNCTIONS["branin"][1], 0, 200)
    optimum(kernel, "branin", x, branin(x))
    optimum(kernel, "concrete", concrete[:, :8], concrete[:, 8])
print("};")
