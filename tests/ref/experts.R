# Reference values of tests/unit/test_linear.c and test_logistic.c, from R.
# Run in the directory that holds data/: Rscript tests/ref/experts.R
# Made with R 4.2.2 (stats::lm, stats::glm) and nnet 7.3-18 (multinom).
options(digits = 17)

# One line per region of mcycle, cut at 14, 20 and 32 ms; leave-one-out by hatvalues().
mcycle <- read.csv("data/mcycle.csv")
region <- cut(mcycle$times, c(-Inf, 14, 20, 32, Inf), right = FALSE, labels = FALSE)
for (k in 1:4) {
    fit <- lm(accel ~ times, mcycle[region == k, ])
    left_out <- mean((residuals(fit) / (1 - hatvalues(fit)))^2)
    cat("lm", k, sum(region == k), coef(fit), left_out, "\n")
}

# A logistic curve: whether a car of mpg is American (Origin 1), by its standardised horsepower
# and weight.
mpg <- read.csv("data/mpg.csv")
x <- scale(mpg[, c("Horsepower", "Weight_in_lbs")])
fit <- glm((mpg$Origin == 1) ~ x, family = binomial, control = list(epsilon = 1e-14))
cat("glm", coef(fit), deviance(fit) / 2 / nrow(mpg), "\n")

# The three origins by the same, second and third against the first.
library(nnet)
fit <- multinom(factor(mpg$Origin) ~ x, reltol = 1e-16, abstol = 1e-16, maxit = 10000, trace = FALSE)
cat("multinom", t(coef(fit)), fit$deviance / 2 / nrow(mpg), "\n")
