#!/usr/bin/python3
"""Reference values of tests/unit/test_criteria.c, by scikit-learn 1.2.1 (Debian 12).

    tests/ref/criteria.py data > tests/unit/criteria_reference.h

Columns are standardised (population variance); the centres of K clusters are the rows
(2 k + 1) n / (2 K), k = 0 .. K-1, rounded down. Nothing is fitted: the mixture has these means, the
shares (k + 1) / (1 + .. + K) and covariances with 0.5 + 0.1 k on the diagonal and 0.2 beside it.
For k-means the variance is 0.3; its likelihood is that of a spherical mixture of equal shares, its
labels are the nearest centres. ICL is BIC plus twice the entropy of predict_proba()."""
import sys

import numpy as np
import sklearn
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.mixture._gaussian_mixture import _compute_precision_cholesky


def read(name, cols):
    x = np.genfromtxt(f"{sys.argv[1]}/{name}.csv", delimiter=",", skip_header=1, usecols=cols)
    return (x - x.mean(axis=0)) / x.std(axis=0)


def centres(x, k):
    n = len(x)
    return x[[(2 * i + 1) * n // (2 * k) for i in range(k)]]


def mixture(kind, weights, means, covariances):
    fit = GaussianMixture(len(means), covariance_type=kind)
    fit.weights_, fit.means_, fit.covariances_ = weights, means, covariances
    fit.precisions_cholesky_ = _compute_precision_cholesky(covariances, kind)
    return fit


def full(x, k):
    d = x.shape[1]
    weights = np.arange(1, k + 1) / np.arange(1, k + 1).sum()
    covariances = np.array([0.2 + (0.3 + 0.1 * i) * np.eye(d) for i in range(k)])
    fit = mixture("full", weights, centres(x, k), covariances)
    p = fit.predict_proba(x)
    entropy = -np.sum(p * np.log(np.where(p > 0, p, 1)))
    return fit.score_samples(x).sum(), fit.bic(x), fit.aic(x), fit.bic(x) + 2 * entropy


def kmeans(x, k):
    means = centres(x, k)
    fit = mixture("spherical", np.full(k, 1 / k), means, np.full(k, 0.3))
    labels = ((x[:, None, :] - means[None]) ** 2).sum(axis=2).argmin(axis=1)
    return fit.score_samples(x).sum(), silhouette_score(x, labels) if k > 1 else 0.0


def row(name, k, values):
    return f'    {{"{name}", {k}, {", ".join(repr(float(v)) for v in values)}}},'


SETS = [("iris", range(4)), ("faithful", range(2))]
print(f"/* Written by tests/ref/criteria.py, scikit-learn {sklearn.__version__}. */")
print("static const struct {\n    const char *set;\n    size_t clusters;")
print("    double log_likelihood, bic, aic, icl;\n} gmm_criteria[] = {")
for name, cols in SETS:
    for k in range(1, 5):
        print(row(name, k, full(read(name, cols), k)))
print("};\n\nstatic const struct {\n    const char *set;\n    size_t clusters;")
print("    double log_likelihood, silhouette;\n} kmeans_criteria[] = {")
for name, cols in SETS:
    for k in range(1, 6):
        print(row(name, k, kmeans(read(name, cols), k)))
print("};")
