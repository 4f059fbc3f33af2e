# e1071::cmeans on the standardised flowers, from rows 11, 61 and 111, beside partition_fuzzy_map.py.
# usage: Rscript fcm.R DIRECTORY   (that of the data sets)
library(e1071)
x <- as.matrix(read.csv(file.path(commandArgs(TRUE)[1], "iris.csv"))[, 1:4])
x <- scale(x) * sqrt(nrow(x) / (nrow(x) - 1)) # the population's deviation
for (m in c(2, 1.5, 3)) {
    w <- if (m == 1.5) 0.5 + (0:149) %% 3 else rep(1, 150)
    fit <- cmeans(x, x[c(11, 61, 111), ], iter.max = 100000, m = m, weights = w,
                  control = list(reltol = 1e-300))
    cat("m", m, "objective", format(fit$withinerror * sum(w) / 1, digits = 17), "\n")
    print(format(fit$centers[order(fit$centers[, 1]), ], digits = 17), quote = FALSE)
    print(format(fit$membership[52, order(fit$centers[, 1])], digits = 17), quote = FALSE)
}
