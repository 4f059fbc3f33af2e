#!/usr/bin/env python3
"""Reference values of tests/unit/test_tree.c, from numpy and scipy.

The gate: the penalised cross-entropy of a tree to shares, as a function of all coefficients, minimised
by a general minimiser, node by node nothing. The data are formulas, so that the C test makes the same.
Made with scipy 1.10.1, numpy 1.24.2.
"""
import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

N, D, K = 80, 2, 5
RIDGE = 0.7
i = np.arange(N)[:, None]
x = (1 + np.arange(D)) * np.sin(1.7 * i + 2.3 * np.arange(D) + 0.45 * i * np.arange(D)) + 3
w = 0.5 + np.arange(N) % 3
W = w.sum()
h = np.exp(log_softmax(1.2 * np.cos(1.1 * i + 1.9 * np.arange(K))
                       + 0.6 * np.arange(K) * (x[:, :1] - 3), axis=1))

# Binary, five leaves: 3 | 2, then 2 | 1 and 1 | 1, then 1 | 1. Node: its parent; leaves from left to right.
parents = [None, 0, 0, 1, 1, 2, 2, 3, 3]
leaves = [7, 8, 4, 5, 6]

mean = np.average(x, axis=0, weights=w)
sd = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=w))


def log_gate(theta, z):
    """Of every row and leaf: each way from the root is followed, sibling by sibling."""
    a = z @ theta[:, 1:].T + theta[:, 0]
    total = np.zeros((len(z), K))
    for k, leaf in enumerate(leaves):
        v = leaf
        while v != 0:
            siblings = [u for u in range(1, len(parents)) if parents[u] == parents[v]]
            total[:, k] += log_softmax(a[:, [u - 1 for u in siblings]], axis=1)[:, siblings.index(v)]
            v = parents[v]
    return total


def objective(flat):
    theta = flat.reshape(len(parents) - 1, 1 + D)
    log_g = log_gate(theta, (x - mean) / sd)
    return (-(w[:, None] * h * log_g).sum() + RIDGE / 2 * (theta**2).sum()) / W


best = minimize(objective, np.zeros((len(parents) - 1) * (1 + D)), method="BFGS", options={"gtol": 1e-9})
theta = best.x.reshape(len(parents) - 1, 1 + D)
print("objective %.12g" % best.fun)
for at in [(2.5, 4.0), (3.5, 1.2), (3.9, 4.9)]:
    log_g = log_gate(theta, ((np.array(at) - mean) / sd)[None, :])
    print(at, ", ".join("%.9g" % g for g in np.exp(log_g[0])))
