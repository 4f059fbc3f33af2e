#!/usr/bin/env python3
"""The objectives of tests/unit/test_coupled.c, written out from their formulas, with derivatives by complex
steps: a line for each problem and form, "PROBLEM FORM VALUE SLOPE", SLOPE being the derivative along
cos(i), i = 0, 1, ... Needs numpy."""

import numpy as np

ROWS, COLUMNS, K, HIDDEN, LEAST, RIDGE, GATE_RIDGE = 150, 3, 3, 3, 1e-3, 0.3, 0.7
i = np.arange(ROWS)
w = 1 + 0.5 * np.sin(i)
x = np.sin(1.7 * np.outer(i + 1, np.arange(1, COLUMNS + 1))) + 0.3 * np.arange(COLUMNS)


def weighted(a):
    mean = (w[:, None] * a).sum(0) / w.sum()
    return mean, np.sqrt((w[:, None] * (a - mean) ** 2).sum(0) / w.sum())


def log_softmax(a):
    top = a.real.max(-1, keepdims=True)
    return a - top - np.log(np.exp(a - top).sum(-1, keepdims=True))


def log_sum(a):
    top = a.real.max(-1, keepdims=True)
    return (top + np.log(np.exp(a - top).sum(-1, keepdims=True)))[..., 0]


class Problem:
    def __init__(self, kind, outputs, classes):
        self.kind, self.M, self.classes = kind, outputs, classes
        if classes:
            self.y = i * i % 7 % 3
        else:
            self.y = np.cos(0.9 * np.outer(i + 2, np.arange(1, outputs + 1)))
        self.mean, self.sd = weighted(x)
        self.shift, self.unit = (0, np.ones(outputs)) if classes else weighted(self.y)
        self.size = (outputs * (COLUMNS + 1) if kind == "affine"
                     else HIDDEN * (COLUMNS + 1) + outputs * (HIDDEN + 1))

    def expert(self, b):
        """Outputs, and the squares that the ridge counts of each part."""
        M = self.M
        if self.kind == "affine":
            b = b.reshape(M, COLUMNS + 1)
            out = b[:, 0] + (x - self.mean) @ b[:, 1:].T
            squares = (b[:, 1:] ** 2).sum(1)
            return out, squares.sum(keepdims=True) if self.classes else squares
        at = HIDDEN * (COLUMNS + 1)
        hidden, output = b[:at].reshape(HIDDEN, -1), b[at:].reshape(M, -1)
        t = np.tanh(hidden[:, 0] + (x - self.mean) / self.sd @ hidden[:, 1:].T)
        total = (hidden[:, 1:] ** 2).sum() + (output[:, 1:] ** 2).sum()
        out = self.shift + self.unit * (output[:, 0] + t @ output[:, 1:].T)
        return out, np.array([total]) if self.classes else total * self.unit ** 2 / M

    def objective(self, theta, form, lam):
        experts = [self.expert(theta[k * self.size:(k + 1) * self.size]) for k in range(K)]
        f = np.stack([e[0] for e in experts], 1)                       # rows x K x M
        scales = 0 if self.classes or form == "ncl" else (K + (form == "mnce")) * self.M
        at = K * self.size
        s2 = (LEAST + np.exp(theta[at:at + scales])).reshape(-1, self.M) if scales else None
        factor = np.ones((K, 1 if self.classes else self.M))
        penalty = 0
        if form != "ncl":
            gate = theta[at + scales:].reshape(K, COLUMNS + 1)
            log_g = log_softmax(gate[:, 0] + (x - self.mean) / self.sd @ gate[:, 1:].T)
            penalty += GATE_RIDGE / 2 * (gate ** 2).sum()
        if self.classes:
            own = -log_softmax(f)[np.arange(ROWS), :, self.y]           # errors e_k
        elif form == "ncl":
            own = None
        else:
            own = (np.log(2 * np.pi * s2[:K]) + (f - self.y[:, None]) ** 2 / s2[:K]).sum(2) / 2
            factor = 1 / s2[:K] + 1
        if form == "me":
            loss = -log_sum(log_g - own)
        elif form == "mnce":
            if self.classes:
                blend = -log_sum(log_g - own)
            else:
                mean = (np.exp(log_g)[:, :, None] * f).sum(1)
                blend = (np.log(2 * np.pi * s2[K]) + (mean - self.y) ** 2 / s2[K]).sum(1) / 2
                factor = (1 - lam) / s2[:K] + lam / s2[K] + 1
            loss = -log_sum(log_g - (1 - lam) * own) + lam * blend
        elif self.classes:
            loss = (1 - lam) * own.sum(1) + lam * K * -(log_sum(-own) - np.log(K))
        else:
            mean = f.mean(1, keepdims=True)
            loss = (((f - self.y[:, None]) ** 2 - lam * (f - mean) ** 2) / 2).sum((1, 2))
        penalty += RIDGE / 2 * sum((factor[k] * experts[k][1]).sum() for k in range(K))
        return ((w * loss).sum() + penalty) / w.sum()

    def count(self, form):
        scales = 0 if self.classes or form == "ncl" else (K + (form == "mnce")) * self.M
        return K * self.size + scales + (0 if form == "ncl" else K * (COLUMNS + 1))


PROBLEMS = [("linear", Problem("affine", 1, 0)), ("linear, two targets", Problem("affine", 2, 0)),
            ("logistic", Problem("affine", 3, 3)), ("mlp", Problem("mlp", 1, 0)),
            ("mlp, two targets", Problem("mlp", 2, 0)), ("mlp, classes", Problem("mlp", 3, 3))]
FORMS = [("me", "me", 0), ("mnce", "mnce", 0.3), ("mnce of lambda 1", "mnce", 1), ("ncl", "ncl", 0.3),
         ("ncl of lambda 1", "ncl", 1)]

if __name__ == "__main__":
    for what, problem in PROBLEMS:
        for name, form, lam in FORMS:
            n = np.arange(problem.count(form))
            theta = 0.5 * np.cos(2.3 * (n + 1))
            value = problem.objective(theta + 0j, form, lam).real
            slope = problem.objective(theta + 1e-30j * np.cos(n), form, lam).imag / 1e-30
            print(f'{what:20} {name:18} {value:.15g} {slope:.15g}')
