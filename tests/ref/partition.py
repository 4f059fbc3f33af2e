#!/usr/bin/python3
"""Reference values of tests/unit/test_partition.c, by scikit-learn 1.2.1 (Debian 12).

    tests/ref/partition.py data > tests/unit/partition_reference.h

Columns are standardised (population variance); the start centres of K clusters are the rows
(2 k + 1) n / (2 K), k = 0 .. K-1, rounded down. The checksum is the sum of i label_i, rows counted
from 1 and labels from 0. GMM starts from the moments of the rows nearest to these centres, with no
regularisation of the covariances."""
import sys
import warnings

import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

warnings.filterwarnings("ignore")


def read(name, cols):
    x = np.genfromtxt(f"{sys.argv[1]}/{name}.csv", delimiter=",", skip_header=1, usecols=cols)
    return (x - x.mean(axis=0)) / x.std(axis=0)


def start(x, k):
    n = len(x)
    return x[[(2 * i + 1) * n // (2 * k) for i in range(k)]]


def kmeans(x, k):
    fit = KMeans(k, init=start(x, k), n_init=1, tol=0, max_iter=1000, algorithm="lloyd").fit(x)
    sizes = ", ".join(str(s) for s in np.bincount(fit.labels_, minlength=k))
    checksum = int((np.arange(1, len(x) + 1) * fit.labels_.astype(np.int64)).sum())
    return f"{fit.inertia_!r}, {fit.n_iter_}, {{{sizes}}}, {checksum}"


class FromLabels(GaussianMixture):
    def __init__(self, labels, **options):
        super().__init__(**options)
        self.labels = labels

    def _initialize_parameters(self, x, random_state):
        self._initialize(x, np.eye(self.n_components)[self.labels])


def early(x, k, labels):
    """The log-likelihood after three steps, where every detail of a step still shows."""
    fit = FromLabels(labels, n_components=k, tol=0, reg_covar=0, max_iter=3).fit(x)
    return fit.score(x)


def gmm(x, k):
    centres = start(x, k)
    labels = ((x[:, None, :] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
    fit = FromLabels(labels, n_components=k, tol=1e-12, reg_covar=0, max_iter=100000).fit(x)
    assert fit.converged_
    weights = ", ".join(repr(float(w)) for w in fit.weights_)
    means = ", ".join(repr(float(m)) for m in fit.means_[:, 0])
    return f"{early(x, k, labels)!r}, {fit.score(x)!r}, {{{weights}}}, {{{means}}}"


SETS = [("iris", range(4)), ("faithful", range(2))]
MORE_SETS = [("concrete", range(8)), ("vowels", range(5, 9))]
print(f"/* Written by tests/ref/partition.py, scikit-learn {sklearn.__version__}. */")
print("static const struct {\n    const char *set;\n    size_t clusters;\n    double inertia;")
print("    size_t iterations;\n    double sizes[8];\n    size_t checksum;")
print("} kmeans_reference[] = {")
for name, cols in SETS + MORE_SETS:
    for k in range(2, 9):
        print(f'    {{"{name}", {k}, {kmeans(read(name, cols), k)}}},')
print("};\n\n/* The means are those of the first column. */\nstatic const struct {")
print("    const char *set;\n    size_t clusters;\n    double after_three, log_likelihood;")
print("    double weights[4], means[4];\n} gmm_reference[] = {")
for name, cols in SETS:
    for k in range(1, 4):
        print(f'    {{"{name}", {k}, {gmm(read(name, cols), k)}}},')
print("};")
