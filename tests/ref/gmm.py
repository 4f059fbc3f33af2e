#!/usr/bin/python3
"""Reference values of tests/unit/test_gmm.c, by scikit-learn 1.2.1 (Debian 12).

    tests/ref/gmm.py data > tests/unit/gmm_reference.h

Columns are standardised (population variance). GMM starts from the moments of the rows nearest to
the centres, which are the rows (2 k + 1) n / (2 K), k = 0 .. K-1, rounded down; the covariances are
not regularised; the tolerance is 1e-10. `sum` is that of the elements of covariances_. What is below
1e-12 is rounding, and written as 0."""
import sys

import numpy as np
import sklearn
from sklearn.mixture import GaussianMixture

SETS = [("iris", range(4)), ("faithful", range(2)), ("concrete", [0, 3, 5, 6]),
        ("vowels", range(5, 9))]
KINDS = [("full", "full"), ("tied", "tied"), ("diagonal", "diag"), ("spherical", "spherical")]


def read(name, cols):
    x = np.genfromtxt(f"{sys.argv[1]}/{name}.csv", delimiter=",", skip_header=1, usecols=cols)
    return (x - x.mean(axis=0)) / x.std(axis=0)


class FromLabels(GaussianMixture):
    def __init__(self, labels, **options):
        super().__init__(**options)
        self.labels = labels

    def _initialize_parameters(self, x, random_state):
        self._initialize(x, np.eye(self.n_components)[self.labels])


def numbers(values):
    return "{" + ", ".join(repr(float(v) if abs(v) > 1e-12 else 0.0) for v in np.ravel(values)) + "}"


def row(name, cols, k, kind, covariance):
    x = read(name, cols)
    n = len(x)
    centres = x[[(2 * i + 1) * n // (2 * k) for i in range(k)]]
    labels = ((x[:, None, :] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
    fit = FromLabels(labels, n_components=k, covariance_type=covariance, tol=1e-10, reg_covar=0,
                     max_iter=100000).fit(x)
    assert fit.converged_
    means = ",\n      ".join(numbers(mean)[1:-1] for mean in fit.means_)
    return (f'    {{"{name}", "{kind}", {k}, {fit.n_iter_}, {fit._n_parameters()}, '
            f"{fit.score(x)!r}, {fit.bic(x)!r},\n     {fit.aic(x)!r}, "
            f"{float(fit.covariances_.sum())!r},\n     {numbers(fit.weights_)},\n"
            f"     {{{means}}}}},")


print(f"/* Written by tests/ref/gmm.py, scikit-learn {sklearn.__version__}. */")
print("static const struct {\n    const char *set, *covariance;")
print("    size_t clusters, iterations, parameters;")
print("    double log_likelihood, bic, aic, sum, weights[3], means[12];\n} gmm_reference[] = {")
for name, cols in SETS:
    for kind, covariance in KINDS:
        for k in (1, 2, 3):
            print(row(name, cols, k, kind, covariance))
print("};")
