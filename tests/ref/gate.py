#!/usr/bin/env python3
"""Reference values of tests/unit/test_gate.c, from scikit-learn and scipy.

The data are formulas, so that the C test makes the same. Prints what the test holds.
Made with scikit-learn 1.2.1, scipy 1.10.1, numpy 1.24.2.
"""
import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp
from sklearn.linear_model import LogisticRegression

N, D, K, M = 90, 3, 3, 2
i = np.arange(N)[:, None]


def features():
    j = np.arange(D)[None, :]
    return (1 + j) * np.sin(1.7 * i + 2.3 * j * j + 0.45 * i * j) + 4 * j


def classes(x):
    k = np.arange(K)[None, :]
    form = 0.8 * np.cos(2.1 * k) * x[:, :1] + 0.5 * np.sin(1.3 * k + 1) * (x[:, 1:2] - 4)
    return np.argmax(form + 0.9 * np.sin(3.1 * i + 5.7 * k), axis=1)


def log_posteriors(x):
    k = np.arange(K)[None, :]
    return log_softmax(-((x[:, :1] - k + 1) ** 2) - 0.3 * (x[:, 1:2] - 4) * k, axis=1)


def log_likelihoods():
    k = np.arange(K)[None, :]
    return -2 * (1 + np.sin(2.9 * i + 1.9 * k)) - 0.1 * k + np.maximum(log_posteriors(x), -5)


def predictions():
    k = np.arange(K)[None, :, None]
    m = np.arange(M)[None, None, :]
    return np.sin(0.9 * i[:, :, None] + 1.1 * k + 2.7 * m)


def targets():
    m = np.arange(M)[None, :]
    blend = np.einsum("nk,nkm->nm", np.exp(log_posteriors(x)), predictions())
    return 0.5 * np.cos(0.7 * i + 1.9 * m) + blend


x = features()
w = 0.5 + np.arange(N) % 4
W = w.sum()


def standard(z):
    mean = np.average(z, axis=0, weights=w)
    sd = np.sqrt(np.average((z - mean) ** 2, axis=0, weights=w))
    return (z - mean) / sd, mean, sd


def show(name, values):
    body = ", ".join(f"{v:.12g}" for v in np.ravel(values))
    print(f"{name}: {body}")


def logistic(ridge):
    """Loss "posteriors", one-hot posteriors, on features: multinomial logistic regression."""
    z, mean, sd = standard(x)
    y = classes(x)
    model = LogisticRegression(penalty="l2", C=1 / ridge, fit_intercept=False, tol=1e-12,
                               solver="newton-cg", max_iter=100000, multi_class="multinomial")
    model.fit(np.hstack([np.ones((N, 1)), z]), y, sample_weight=w)
    slopes = model.coef_[:, 1:] / sd
    intercept = model.coef_[:, 0] - slopes @ mean
    loss = -np.average(log_softmax(x @ slopes.T + intercept, axis=1)[np.arange(N), y], weights=w)
    show("logistic intercept", intercept)
    show("logistic coefficients", slopes)
    show("logistic loss", loss)


def gate(name, z, ridge, row_loss):
    """Any loss of the full family, minimised from t = 1, V = 0, b = 0 with numeric gradients."""
    z = standard(z)[0] if z is not None else np.zeros((N, 0))
    log_p = log_posteriors(x)
    q = z.shape[1]

    def unpack(theta):
        rest = theta[1:].reshape(K, 1 + q) if q else np.zeros((K, 1))
        return np.exp(theta[0]), rest

    def mean_loss(theta):
        t, rest = unpack(theta)
        return np.average(row_loss(log_softmax(t * log_p + rest[:, 0] + z @ rest[:, 1:].T, axis=1)),
                          weights=w)

    def objective(theta):
        t, rest = unpack(theta)
        return mean_loss(theta) + ridge / (2 * W) * (np.sum(rest ** 2) + (t - 1) ** 2)

    theta = np.zeros(1 + (K * (1 + q) if q else 0))
    for _ in range(3):
        theta = minimize(objective, theta, method="BFGS", options={"gtol": 1e-9}).x
    show(name + " temperature", np.exp(theta[0]))
    show(name + " loss", mean_loss(theta))


def likelihood(log_g):
    return -logsumexp(log_g + log_likelihoods(), axis=1)


def squared(log_g):
    blend = np.einsum("nk,nkm->nm", np.exp(log_g), predictions())
    return ((targets() - blend) ** 2).sum(axis=1)


print("classes:", "".join(str(c) for c in classes(x)))
logistic(0.7)
z_posteriors = np.maximum(log_posteriors(x), -52 * np.log(2))
gate("temperature likelihood", None, 0.5, likelihood)
gate("temperature squared", None, 0.5, squared)
gate("posteriors likelihood", z_posteriors, 0.5, likelihood)
gate("posteriors squared", z_posteriors, 0.5, squared)
gate("features likelihood", x, 0.5, likelihood)
gate("both squared", np.hstack([z_posteriors, x]), 0.5, squared)
