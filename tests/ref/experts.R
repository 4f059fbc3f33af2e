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

# Standard errors. Regions of mcycle again; of mpg by horsepower and weight, and their squares and
# product, every row as often as its weight 1 + (row mod 3) says.
for (k in 1:4)
    cat("lm errors", k, summary(lm(accel ~ times, mcycle[region == k, ]))$coefficients[, 2], "\n")
often <- mpg[rep(seq_len(nrow(mpg)), 1 + seq_len(nrow(mpg)) %% 3), ]
names(often)[3:4] <- c("h", "w")
for (form in c(Miles_per_Gallon ~ h + w, Miles_per_Gallon ~ h + w + I(h^2) + I(h * w) + I(w^2))) {
    fit <- summary(lm(form, often))$coefficients
    cat("lm mpg", fit[, 1], "\nlm mpg errors", fit[, 2], "\n")
}

# Correct digits of the coefficients of the NIST problems, the fewest of each.
certified <- read.csv("data/nist/certified.csv")
for (problem in unique(certified$problem)) {
    known <- certified[certified$problem == problem, ]
    fit <- coef(lm(y ~ ., read.csv(paste0("data/nist/", problem, ".csv")), tol = 1e-14))
    names(fit)[1] <- "intercept"
    wrong <- abs(fit[known$term] - known$certified) / abs(known$certified)
    cat("nist", problem, min(-log10(pmax(wrong, 1e-16))), "\n")
}

# multinom's search ends early: Newton steps on the likelihood from there. x, and y as classes 1 ..
# C; differences to the first class, by class.
newton <- function(x, y) {
    z <- cbind(1, x)
    b <- t(matrix(coef(multinom(factor(y) ~ x, maxit = 10000, trace = FALSE)), ncol = ncol(z)))
    classes <- max(y)
    for (step in 1:12) {
        p <- exp(cbind(0, z %*% b))
        p <- p / rowSums(p)
        gradient <- c(t(z) %*% (p[, -1, drop = FALSE] - outer(y, 2:classes, "==")))
        hessian <- NULL
        for (a in 2:classes) {
            strip <- NULL
            for (c in 2:classes)
                strip <- cbind(strip, t(z) %*% (z * p[, a] * ((a == c) - p[, c])))
            hessian <- rbind(hessian, strip)
        }
        b <- b - solve(hessian, gradient)
    }
    list(b = b, largest = max(abs(gradient)))
}
fit <- newton(x, mpg$Origin)
cat("multinom, newton", fit$b, "gradient", fit$largest, "\n")
iris <- read.csv("data/iris.csv")
two <- iris$Species != "setosa"
fit <- glm((Species == "virginica") ~ ., binomial, iris[two, ], control = list(epsilon = 1e-15, maxit = 50))
cat("glm iris", coef(fit), "\n")
