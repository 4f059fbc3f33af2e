#!/usr/bin/env python3
"""EM of a mixture of two linear experts under a softmax gate on the feature, in plain Python: the
penalised log-likelihoods of tests/unit/test_em.c.

    tests/ref/em.py

The experts' M step is the closed form of two unknowns, the gate's is Newton's method for the one
difference of its two logits; both have the penalties that lib/fit/em.c states. Nothing is taken from mele.
"""
import math

ROWS, RIDGE, GATE_RIDGE, STEPS, LEAST = 80, 0.7, 0.5, 12, 1e-6


def made():
    x, y, w, label = [], [], [], []
    for i in range(ROWS):
        x.append(1.7 * math.sin(1.3 * i) + 0.4 * math.cos(0.37 * i * i))
        y.append(0.5 + 0.2 * x[i] + 0.3 * math.sin(5.1 * i) if i % 3 == 0
                 else -1 + 1.4 * x[i] + 0.5 * math.sin(2.3 * i + 1))
        w.append(2 if i % 4 == 0 else 1)
        label.append(1 if x[i] > 0.2 else 0)
    return x, y, w, label


def line(x, y, w):
    """Weighted ridge regression: intercept, slope, sum of squares."""
    total = sum(w)
    mx = sum(a * b for a, b in zip(w, x)) / total
    my = sum(a * b for a, b in zip(w, y)) / total
    sxx = sum(c * (a - mx) ** 2 for a, c in zip(x, w))
    sxy = sum(c * (a - mx) * (b - my) for a, b, c in zip(x, y, w))
    slope = sxy / (sxx + RIDGE)
    intercept = my - slope * mx
    rss = sum(c * (b - intercept - slope * a) ** 2 for a, b, c in zip(x, y, w))
    return intercept, slope, rss


def gate_fit(z, w, share, b, v):
    """Minimise sum w (-h log g - (1 - h) log(1 - g)) + ridge (b^2 + v^2), g = sigmoid(2 b + 2 v z)."""
    for _ in range(50):
        gb = 2 * GATE_RIDGE * b
        gv = 2 * GATE_RIDGE * v
        hbb = hvv = 2 * GATE_RIDGE
        hbv = 0.0
        for zi, wi, h in zip(z, w, share):
            g = 1 / (1 + math.exp(-2 * (b + v * zi)))
            r, c = 2 * wi * (g - h), 4 * wi * g * (1 - g)
            gb, gv = gb + r, gv + r * zi
            hbb, hbv, hvv = hbb + c, hbv + c * zi, hvv + c * zi * zi
        det = hbb * hvv - hbv * hbv
        db, dv = (hvv * gb - hbv * gv) / det, (hbb * gv - hbv * gb) / det
        b, v = b - db, v - dv
        if abs(db) + abs(dv) < 1e-14:
            break
    return b, v


def main():
    x, y, w, label = made()
    total = sum(w)
    mean = sum(a * b for a, b in zip(w, x)) / total
    sd = math.sqrt(sum(c * (a - mean) ** 2 for a, c in zip(x, w)) / total)
    z = [(a - mean) / sd for a in x]
    experts = []
    for k in range(2):
        mine = [c if lk == k else 0 for c, lk in zip(w, label)]
        i, s, rss = line(x, y, mine)
        experts.append((i, s, rss / sum(mine)))
    b = v = 0.0
    for step in range(STEPS + 1):
        value, share = 0.0, []
        for xi, yi, zi, wi in zip(x, y, z, w):
            g = [1 / (1 + math.exp(-2 * (b + v * zi)))]
            g.append(1 - g[0])
            p = [gk * math.exp(-(yi - e[0] - e[1] * xi) ** 2 / (2 * e[2])) / math.sqrt(2 * math.pi * e[2])
                 for gk, e in zip(g, experts)]
            value += wi * math.log(p[0] + p[1])
            share.append(p[0] / (p[0] + p[1]))
        penalty = sum(RIDGE * e[1] ** 2 / (2 * e[2]) for e in experts) + GATE_RIDGE * (b * b + v * v)
        print(f'{step:2d} {value - penalty:.12f} {value:.12f}')
        experts = []
        for h in (share, [1 - s for s in share]):
            mine = [a * c for a, c in zip(w, h)]
            i, s, rss = line(x, y, mine)
            experts.append((i, s, max((rss + RIDGE * s * s) / sum(mine), LEAST)))
        b, v = gate_fit(z, w, share, b, v)


if __name__ == '__main__':
    main()
