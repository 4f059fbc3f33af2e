#!/usr/bin/env python3
"""The objective of a sparsely gated mixture on all rows of tests/unit/coupled_support.h, written out from
lib/family/sparse/batch.c, without noise, with derivatives by complex steps: a line for each problem and number of
active experts, "PROBLEM ACTIVE VALUE SLOPE", SLOPE being the derivative along cos(i), i = 0, 1, ... What a row
chooses, and the loads f, are held. Needs numpy, and coupled.py beside it."""

import numpy as np

from coupled import (COLUMNS, GATE_RIDGE, K, LEAST, PROBLEMS, RIDGE, ROWS, log_softmax, log_sum, w, x)

BALANCE = 0.4


def objective(p, theta, active):
    experts = [p.expert(theta[k * p.size:(k + 1) * p.size]) for k in range(K)]
    f = np.stack([e[0] for e in experts], 1)
    at, scales = K * p.size, 0 if p.classes else K * p.M
    factor = np.ones((K, 1 if p.classes else p.M))
    gate = theta[at + scales:].reshape(K, COLUMNS + 1)
    logits = gate[:, 0] + (x - p.mean) / p.sd @ gate[:, 1:].T
    if p.classes:
        own = -log_softmax(f)[np.arange(ROWS), :, p.y]
    else:
        s2 = (LEAST + np.exp(theta[at:at + scales])).reshape(K, p.M)
        own = (np.log(2 * np.pi * s2) + (f - p.y[:, None]) ** 2 / s2).sum(2) / 2
        factor = 1 / s2 + 1
    chosen = np.argsort(-logits.real, axis=1, kind="stable")[:, :active]
    log_g = log_softmax(np.take_along_axis(logits, chosen, 1))
    loss = -log_sum(log_g - np.take_along_axis(own, chosen, 1))
    seen = np.zeros((ROWS, K))
    np.put_along_axis(seen, chosen, 1, 1)
    load = (w[:, None] * seen).sum(0) / (active * w.sum())
    probability = (w[:, None] * np.exp(log_softmax(logits))).sum(0) / w.sum()
    ridges = GATE_RIDGE / 2 * (gate ** 2).sum()
    ridges += RIDGE / 2 * sum((factor[k] * experts[k][1]).sum() for k in range(K))
    return ((w * loss).sum() + ridges) / w.sum() + BALANCE * K * (load * probability).sum()


for what, problem in PROBLEMS:
    for active in range(1, K + 1):
        n = np.arange(problem.count("me"))
        theta = 0.5 * np.cos(2.3 * (n + 1))
        value = objective(problem, theta + 0j, active).real
        slope = objective(problem, theta + 1e-30j * np.cos(n), active).imag / 1e-30
        print(f'{what:20} {active} {value:.15g} {slope:.15g}')
