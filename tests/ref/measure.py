#!/usr/bin/env python3
"""Reference values of tests/unit/test_measure.c, from scikit-learn.

The data are formulas, so that the C test makes the same. Prints what the test holds.
Made with scikit-learn 1.2.1, numpy 1.24.2.
"""
import numpy as np
from sklearn import metrics

N, M, C = 53, 2, 3
i = np.arange(N)[:, None]
w = 0.25 + (np.arange(N) * 7) % 5

m = np.arange(M)[None, :]
truth = 1e6 * (1 + m) + 3 * np.sin(1.3 * i + m)
predicted = truth + 0.7 * np.cos(2.1 * i + 2 * m) + 0.1

for t in range(M):
    mse = metrics.mean_squared_error(truth[:, t], predicted[:, t], sample_weight=w)
    print(f"target {t}:", "mae %.12g" % metrics.mean_absolute_error(truth[:, t], predicted[:, t], sample_weight=w),
          "rmse %.12g" % np.sqrt(mse),
          "r2 %.12g" % metrics.r2_score(truth[:, t], predicted[:, t], sample_weight=w))
print("pooled:", "mae %.12g" % metrics.mean_absolute_error(truth, predicted, sample_weight=w),
      "rmse %.12g" % np.sqrt(metrics.mean_squared_error(truth, predicted, sample_weight=w)),
      "r2 %.12g" % metrics.r2_score(truth, predicted, sample_weight=w))

c = np.arange(C)[None, :]
p = np.exp(np.sin(1.1 * i + 2.3 * c))
p /= p.sum(axis=1, keepdims=True)
p[5] = [1, 0, 0]
y = (np.arange(N) * 5 // 3) % C
y[5] = 2
one_hot = np.eye(C)[y]
print("classes:", "accuracy %.12g" % metrics.accuracy_score(y, p.argmax(axis=1), sample_weight=w),
      "log_loss %.12g" % metrics.log_loss(y, p, sample_weight=w, eps=2.0 ** -52),
      "brier %.12g" % np.average(((p - one_hot) ** 2).sum(axis=1), weights=w))
brier = sum(metrics.brier_score_loss(one_hot[:, k], p[:, k], sample_weight=w) for k in range(C))
print("brier by classes: %.12g" % brier)
