#!/usr/bin/env python3
"""Reference values of tests/unit/test_tree.c and of tests/unit/test_hme.c, from numpy and scipy.

The gate: the penalised cross-entropy of a tree to shares, as a function of all coefficients, minimised
by a general minimiser, node by node nothing. The data are formulas, so that the C test makes the same.
EM: steps of five linear experts below a tree of two levels, from responsibilities that are a formula.
Experts are ridge regressions with weights, each node's softmax is found by Newton's method, variances are those
of maximum (penalised) likelihood; lib/fit/em.c states the penalties.
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

# ---- EM ----

EXPERT_RIDGE, GATE_RIDGE, LEAST = 0.7, 0.5, 1e-6
parents = [None, 0, 0, 0, 1, 1, 2, 2]
leaves = [4, 5, 6, 7, 3]
x = np.c_[1.7 * np.sin(1.3 * i) + 0.4 * np.cos(0.37 * i**2), 1 + np.cos(2.1 * i + 1)]
y = np.where(i % 3 == 0, 0.5 + 0.2 * x[:, :1] + 0.3 * np.sin(5.1 * i),
             -1 + 1.4 * x[:, :1] - 0.5 * x[:, 1:] + 0.5 * np.sin(2.3 * i + 1))[:, 0]
w = np.where(np.arange(N) % 4 == 0, 2.0, 1.0)
mean = np.average(x, axis=0, weights=w)
sd = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=w))
z = (x - mean) / sd
at = np.array([[0.3, 0.5], [-1.2, 1.7], [1.5, 1.1]])


def expert(h):
    total = (w * h).sum()
    mx, my = (w * h) @ x / total, (w * h) @ y / total
    xc = x - mx
    slope = np.linalg.solve((xc.T * (w * h)) @ xc + EXPERT_RIDGE * np.eye(D), (xc.T * (w * h)) @ (y - my))
    off = y - my - xc @ slope
    penalty = EXPERT_RIDGE * slope @ slope
    return my - mx @ slope, slope, max(((w * h) @ off**2 + penalty) / total, LEAST), penalty


def softmax_fit(shares, weight):
    """Multinomial logistic regression on z with a penalty on all coefficients, by Newton's method."""
    design = np.c_[np.ones(N), z]
    C, P = shares.shape[1], 1 + D
    theta = np.zeros((C, P))
    for _ in range(100):
        s = np.exp(log_softmax(design @ theta.T, axis=1))
        gradient = (w[:, None] * (weight[:, None] * s - shares)).T @ design + GATE_RIDGE * theta
        hessian = GATE_RIDGE * np.eye(C * P)
        for a in range(C):
            for b in range(C):
                c = w * weight * (s[:, a] * (a == b) - s[:, a] * s[:, b])
                hessian[a * P:(a + 1) * P, b * P:(b + 1) * P] += (design.T * c) @ design
        move = np.linalg.solve(hessian, gradient.ravel()).reshape(C, P)
        theta -= move
        if abs(move).max() < 1e-14:
            break
    return theta


def below(v):
    return [k for k, leaf in enumerate(leaves) if leaf == v or parents[leaf] == v or v == 0]


def tree_fit(h):
    theta = np.zeros((len(parents) - 1, 1 + D))
    for v in range(len(parents)):
        children = [u for u in range(1, len(parents)) if parents[u] == v]
        if children:
            shares = np.stack([h[:, below(u)].sum(axis=1) for u in children], axis=1)
            theta[[u - 1 for u in children]] = softmax_fit(shares, shares.sum(axis=1))
    return theta


h = np.exp(log_softmax(1.5 * np.cos(1.1 * i + 1.9 * np.arange(K)) + 0.4 * np.arange(K) * x[:, :1], axis=1))
for step in range(3):
    experts = [expert(h[:, k]) for k in range(K)]
    theta = tree_fit(h)
    f = np.stack([a + x @ b for a, b, _, _ in experts], axis=1)
    v = np.array([e[2] for e in experts])
    joint = log_gate(theta, z) - (y[:, None] - f) ** 2 / (2 * v) - np.log(2 * np.pi * v) / 2
    value = np.log(np.exp(joint).sum(axis=1))
    h = np.exp(joint - value[:, None])
    penalty = sum(e[3] / (2 * e[2]) for e in experts) + GATE_RIDGE / 2 * (theta**2).sum()
    print("step %d: log-likelihood %.12f, penalised %.12f" % (step, w @ value, w @ value - penalty))
    if step == 0:
        print("variances", ", ".join("%.12g" % a for a in v))
        said = np.stack([e[0] + at @ e[1] for e in experts], axis=1)
        print("means", ", ".join("%.12g" % a for a in said.ravel()))
        print("gate", ", ".join("%.12g" % a for a in np.exp(log_gate(theta, (at - mean) / sd)).ravel()))
        print("responsibilities of row 7", ", ".join("%.12g" % a for a in h[7]))
