#!/usr/bin/env python3
"""AdaBoost from its formulas, for tests/unit/test_boosting.c: python3 boosting.py DATA > boosting_reference.h

Independent of mele in all but the data: SAMME (Zhu, Rosset, Zou, Hastie 2009, algorithm 2) over logistic
experts, AdaBoost.M1 as Freund and Schapire (1997) write it for two classes (beta, hypotheses that are right
multiply their weights by it), and AdaBoost.R2 as Drucker (1997) writes it, but that its experts take the
distribution as weights, over linear experts. Experts are fitted by Newton's method to 1e-13 on columns of mean
0 and variance 1, weights of a mean of 1, ridge L: L/2 (linear: L) times the squares of all coefficients but
the intercepts; of the linear expert the target is scaled, too. Needs numpy.
"""
import csv
import sys

import numpy as np

RIDGE = 0.5


def table(path):
    with open(path) as lines:
        rows = list(csv.reader(lines))
    return rows[0], rows[1:]


def scaled(x):
    return (x - x.mean(0)) / x.std(0)


def softmax(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def logistic(x, y, classes, weights):
    """(1 + d) x C coefficients."""
    n, d = x.shape
    z = np.hstack([np.ones((n, 1)), x])
    size = (d + 1) * classes
    beta = np.zeros((d + 1, classes))
    target = np.eye(classes)[y]
    ridge = np.tile(np.r_[0, np.full(d, RIDGE)][:, None], (1, classes))

    def loss(b):
        p = softmax(z @ b)
        return -(weights * np.log(p[np.arange(n), y])).sum() + (ridge * b**2).sum() / 2

    for _ in range(200):
        p = softmax(z @ beta)
        gradient = z.T @ (weights[:, None] * (p - target)) + ridge * beta
        if abs(gradient).max() < 1e-12 * n:
            break
        hessian = np.zeros((d + 1, classes, d + 1, classes))
        for a in range(classes):
            for b in range(classes):
                w = weights * p[:, a] * ((a == b) - p[:, b])
                hessian[:, a, :, b] = z.T @ (w[:, None] * z)
        hessian = hessian.reshape(size, size) + np.diag(ridge.ravel())
        step = np.linalg.lstsq(hessian, gradient.ravel(), rcond=None)[0].reshape(beta.shape)
        length = 1.0
        while loss(beta - length * step) > loss(beta) + 1e-9 and length > 1e-6:
            length /= 2
        beta = beta - length * step
    return beta


def said_class(x, beta):
    return (np.hstack([np.ones((len(x), 1)), x]) @ beta).argmax(1)


def samme(x, y, classes, rounds):
    n = len(y)
    w = np.full(n, 1 / n)
    votes, errors, score = [], [], np.zeros((n, classes))
    for _ in range(rounds):
        h = said_class(x, logistic(x, y, classes, w * n))
        wrong = h != y
        error = w[wrong].sum() / w.sum()
        if error >= 1 - 1 / classes:
            break
        alpha = np.log((1 - error) / error) + np.log(classes - 1)
        errors.append(error)
        votes.append(alpha)
        score[np.arange(n), h] += alpha
        w = w * np.exp(alpha * wrong)
        w /= w.sum()
    return errors, votes, score


def adaboost_m1(x, y, rounds):
    """Algorithm AdaBoost.M1: D_t, e_t, beta_t, and h_fin = argmax_y sum_{t: h_t = y} log 1 / beta_t."""
    n = len(y)
    distribution = np.full(n, 1 / n)
    errors, votes, score = [], [], np.zeros((n, 2))
    for _ in range(rounds):
        h = said_class(x, logistic(x, y, 2, distribution * n))
        error = distribution[h != y].sum()
        if error > 0.5:
            break
        beta = error / (1 - error)
        distribution = distribution * np.where(h == y, beta, 1)
        distribution /= distribution.sum()
        errors.append(error)
        votes.append(np.log(1 / beta))
        score[np.arange(n), h] += votes[-1]
    return errors, votes, score


def linear(x, y, weights):
    z = np.hstack([np.ones((len(x), 1)), x])
    ridge = np.diag(np.r_[0, np.full(x.shape[1], RIDGE)])
    return np.linalg.solve(z.T @ (weights[:, None] * z) + ridge, z.T @ (weights * y))


def weighted_median(values, weights):
    """Row by row: the least value with sum of the weights at and below it >= half of all."""
    out = []
    for row in values:
        order = np.argsort(row, kind="stable")
        cumulated = np.cumsum(weights[order])
        out.append(row[order[np.argmax(cumulated >= cumulated[-1] / 2)]])
    return np.array(out)


def adaboost_r2(x, y, rounds):
    n = len(y)
    w = np.ones(n)
    errors, votes, said = [], [], []
    for _ in range(rounds):
        p = w / w.sum()
        beta = linear(x, y, p * n)
        said.append(np.hstack([np.ones((n, 1)), x]) @ beta)
        loss = abs(said[-1] - y)
        loss = loss / loss.max()
        mean = (p * loss).sum()
        if mean >= 0.5:
            break
        confidence = mean / (1 - mean)
        w = w * confidence ** (1 - loss)
        errors.append(mean)
        votes.append(np.log(1 / confidence))
    return errors, votes, weighted_median(np.array(said).T, np.array(votes))


def numbers(name, values):
    print("static const double %s[] = {" % name)
    values = [repr(float(v)) for v in np.ravel(values)]
    for at in range(0, len(values), 4):
        print("    " + ", ".join(values[at:at + 4]) + ",")
    print("};\n")


def probabilities(score):
    return (1 + score) / (score.shape[1] + score.sum(1, keepdims=True))


def main():
    data = sys.argv[1]
    header, rows = table(data + "/iris.csv")
    x = np.array([[float(v) for v in row[:4]] for row in rows])
    names = sorted({row[4] for row in rows})
    y = np.array([names.index(row[4]) for row in rows])

    print("/* Made by tests/ref/boosting.py, which has the formulas. */\n")
    errors, votes, score = samme(scaled(x), y, 3, 8)
    numbers("samme_errors", errors)
    numbers("samme_votes", votes)
    numbers("samme_probabilities", probabilities(score)[::7])

    header, rows = table(data + "/concrete.csv")
    all_of_it = np.array([[float(v) for v in row] for row in rows])
    x, y = all_of_it[:, :-1], all_of_it[:, -1]
    errors, votes, score = adaboost_m1(scaled(x), (y > 35).astype(int), 8)
    numbers("m1_errors", errors)
    numbers("m1_votes", votes)
    numbers("m1_probabilities", probabilities(score)[::50])

    errors, votes, median = adaboost_r2(scaled(x), scaled(y), 8)
    numbers("r2_errors", errors)
    numbers("r2_votes", votes)
    numbers("r2_medians", (y.mean() + y.std() * median)[::50])


if __name__ == "__main__":
    main()
