# Mixtures of regressions by flexmix (a concomitant multinomial model) and mixtools (hmeEM, regmixEM), for
# me_em.py beside it:
#
#     Rscript me_em.R likelihood DATA K STARTS    the largest log-likelihood of so many starts each
#     Rscript me_em.R time DATA K STEPS           seconds of so many iterations of flexmix
#
# DATA is a CSV file whose last column is the target.
suppressMessages({library(flexmix); library(mixtools)})
argument <- commandArgs(TRUE)
data <- read.csv(argument[2]); K <- as.integer(argument[3]); count <- as.integer(argument[4])
target <- names(data)[ncol(data)]; features <- names(data)[-ncol(data)]
form <- reformulate(features, target); gate <- FLXPmultinom(reformulate(features))

by_flexmix <- function(steps, tolerance)
    flexmix(form, data = data, k = K, concomitant = gate,
            control = list(iter.max = steps, minprior = 0, tolerance = tolerance))

if (argument[1] == "time") {
    set.seed(1)
    cat(system.time(by_flexmix(count, 0))[["elapsed"]], "\n")
} else {
    best <- c(flexmix = -Inf, hmeEM = -Inf, regmixEM = -Inf)
    y <- data[[target]]; x <- as.matrix(data[features])
    for (start in seq_len(count)) {
        set.seed(start)
        said <- c(
            tryCatch(as.numeric(logLik(by_flexmix(1000, 1e-9))), error = function(e) -Inf),
            if (K != 2 || start > 1) -Inf # its time is minutes
            else tryCatch({capture.output(m <- hmeEM(y, x, k = 2, maxit = 60)); m$loglik},
                                           error = function(e) -Inf),
            tryCatch({capture.output(m <- regmixEM(y, x, k = K, maxit = 5000)); m$loglik},
                     error = function(e) -Inf))
        best <- pmax(best, said)
    }
    cat(best, "\n")
}
