# Reference values of tests/unit/test_significance.c, from R.
# usage: Rscript tests/ref/significance.R | fold -s -w 100 | sed "s, *$,," > tests/unit/significance_reference.h
# Made with R 4.2.2, and its lines folded. What R has no function for is computed here in another way
# than in mele: the corrected t by scaling R's own, Fieller's interval by a search for the bounds, the
# standardized difference's by pt(), F by the analysis of variance of ranks. Ranges of many numbers are
# integrate()'s: ptukey(q, k, Inf) itself is off by 1e-8 from k = 13 on, and by 1e-6 at k = 50.
options(digits = 17, warn = -1)
number <- function(x) ifelse(is.na(x), "NAN", sprintf("%.17g", x))
entry <- function(...) cat("    {", paste(c(...), collapse = ", "), "},\n", sep = "")
array <- function(x) paste0("{", paste(number(x), collapse = ", "), "}")

samples <- list(
    few = c(0.31, -0.12, 0.47, 0.08, 0.22),
    plain = c(1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30) -
        c(0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29),
    ties = c(0.02, -0.01, 0.03, 0.01, -0.02, 0.04, 0.01, 0.02, 0.05, -0.01, 0.03, 0.01),
    zeros = c(0, 1.5, -0.25, 0, 2.25, 0.75, 3, -1.25, 0.5, 1.75, 2.5),
    below = -c(3.1, 0.2, 1.7, 2.9, 0.4, 1.1, 5.3, 2.2, 0.9, 1.4, 2.6, 4.8),
    most = sin(1:49) + 0.2 * cos(7 * (1:49)) + 0.3,
    many = sin(1:60) + 0.2 * cos(7 * (1:60)) + 0.15)
other <- lapply(samples, function(d) 5 + 0.3 * cos(3 * seq_along(d)))

cat("/* Written by tests/ref/significance.R. */\n")
cat("static const struct {\n    const char *name;\n    size_t count;\n",
    "    double difference[60], other[60];\n} samples[] = {\n", sep = "")
for (name in names(samples))
    entry(paste0('"', name, '"'), length(samples[[name]]), array(samples[[name]]),
          array(other[[name]]))
cat("};\n\n")

cat("/* t.test() with its standard error times sqrt(1 + J share). */\n",
    "static const struct {\n    size_t sample;\n    double null, level, share, lower, upper, ",
    "t, p, p_below, p_above;\n} resampled_t[] = {\n", sep = "")
for (i in seq_along(samples))
    for (null in c(0, 0.25))
        for (share in c(0, 1 / 9)) {
            d <- samples[[i]]
            J <- length(d)
            level <- if (null == 0) 0.95 else 0.9
            stretch <- sqrt(1 + J * share)
            plain <- t.test(d, mu = null, conf.level = level)
            t <- unname(plain$statistic) / stretch
            bounds <- mean(d) + (plain$conf.int - mean(d)) * stretch
            p <- if (share == 0) plain$p.value else 2 * pt(-abs(t), J - 1)
            entry(i - 1, number(c(null, level, share, bounds, t, p, pt(t, J - 1),
                                  pt(t, J - 1, lower.tail = FALSE))))
        }
cat("};\n\n")

# The interval of the normal approximation is found by uniroot(), to the tolerance. One that cannot
# be had at the level R narrows, and mele leaves without bounds. The estimate is R's in the exact case only.
walsh <- function(x) { w <- outer(x, x, "+") / 2; median(w[!lower.tri(w)]) }
cat("static const struct {\n    size_t sample;\n    double null, level;\n    size_t count;\n",
    "    bool exact;\n",
    "    double v, p, p_below, p_above, estimate, lower, upper;\n} signed_rank[] = {\n", sep = "")
for (i in seq_along(samples))
    for (null in c(0, 0.25)) {
        d <- samples[[i]]
        left <- d[d - null != 0]
        level <- if (names(samples)[i] == "few") 0.9 else 0.95
        test <- function(...) wilcox.test(d, mu = null, ...)
        two <- test(conf.int = TRUE, conf.level = level, tol.root = 1e-13)
        stopifnot(attr(two$conf.int, "conf.level") == level)
        entry(i - 1, number(c(null, level)), length(left),
              if (grepl("exact", two$method)) "true" else "false",
            number(c(two$statistic, two$p.value, test(alternative = "less")$p.value,
                     test(alternative = "greater")$p.value, walsh(left), two$conf.int)))
    }
cat("};\n\n")

cat("static const struct {\n    size_t sample;\n    double level, share;\n",
    "    double standardized[3], percent[3], rank_biserial[3];\n} effects[] = {\n", sep = "")
search <- function(f, bounds) uniroot(f, bounds, tol = 1e-14, maxiter = 1e4, extendInt = "yes")$root
for (i in seq_along(samples))
    for (share in c(0, 1 / 9)) {
        d <- samples[[i]]
        b <- other[[i]]
        J <- length(d)
        level <- if (share == 0) 0.95 else 0.9
        tail <- (1 - level) / 2
        scale <- sqrt(1 / J + share)
        value <- mean(d) / sd(d)
        t <- value / scale
        centre <- function(p) scale * search(function(c) pt(t, J - 1, c) - p, t + c(-1, 1))
        ratio <- mean(d) / mean(b)
        off <- function(r) abs(mean(d - r * b)) / (sd(d - r * b) * scale) - qt(1 - tail, J - 1)
        bounds <- c(search(off, c(ratio - 2, ratio)), search(off, c(ratio, ratio + 2)))
        left <- d[d != 0]
        n <- length(left)
        all <- n * (n + 1) / 2
        r <- sum(rank(abs(left)) * sign(left)) / all
        inside <- max(min(r, 1 - 1 / all), -1 + 1 / all)
        error <- sqrt((2 * n^3 + 3 * n^2 + n) / 6) / all
        turned <- tanh(atanh(inside) + c(-1, 1) * qnorm(1 - tail) * error)
        if (r == -1) turned[1] <- -1
        entry(i - 1, number(c(level, share)), array(c(value, centre(1 - tail), centre(tail))),
            array(100 * c(ratio, bounds)), array(c(r, turned)))
    }
cat("};\n\n")

cat("static const double holm_p[] = ")
p <- c(0.01, 0.04, NA, 0.03, 0.005, 0.9, 0.04, 0.2, 1)
cat(array(p), ", holm_adjusted[] = ", array(p.adjust(p, "holm")), ";\n\n", sep = "")

# Demsar 2006, table 6 (C4.5 and its variants, by area: here losses are 1 - area), and sets with ties.
demsar <- 1 - matrix(c(
    .763, .768, .771, .798, .599, .591, .590, .569, .954, .971, .968, .967, .628, .661, .654, .657,
    .882, .888, .886, .898, .936, .931, .916, .931, .661, .668, .609, .685, .583, .583, .563, .625,
    .775, .838, .866, .875, 1, 1, 1, 1, .940, .962, .965, .962, .619, .666, .614, .669, .972, .981, .9751, .975,
    .957, .978, .946, .970), ncol = 4, byrow = TRUE)
ties <- matrix(c(1, 2, 2, 3, 1, 4, 1, 1, 2, 2, 3, 3, 1, 5, 2, 4, 2, 1, 3, 3), ncol = 5, byrow = TRUE)
cat("static const struct {\n    size_t sets, methods;\n",
    "    double losses[56], mean_rank[5], chi_square, p, f, f_p;\n} friedman[] = {\n", sep = "")
for (losses in list(demsar, ties)) {
    test <- friedman.test(losses)
    ranks <- t(apply(losses, 1, rank))
    cells <- expand.grid(set = factor(seq_len(nrow(losses))),
                         method = factor(seq_len(ncol(losses))))
    cells$rank <- c(ranks)
    f <- anova(lm(rank ~ set + method, cells))["method", ]
    entry(nrow(losses), ncol(losses), array(t(losses)), array(colMeans(ranks)),
        number(c(test$statistic, test$p.value, f[["F value"]], f[["Pr(>F)"]])))
}
cat("};\n\n")

# The chance of a range up to q, and beyond it; which function says so.
within <- function(q, k) {
    density <- function(z) k * dnorm(z) * (pnorm(z) - pnorm(z - q))^(k - 1)
    integrate(density, -9, 9 + q / 2, rel.tol = 1e-13, subdivisions = 5000)$value
}
cat("static const struct {\n    size_t numbers;\n    double q, below, above;\n} ranges[] = {\n")
for (k in c(2, 3, 5, 8, 12))
    for (q in c(0.1, 0.5, 1, 2, 3, 3.7, 4.5, 6, 8, 10, 15))
        entry(k, number(c(q, ptukey(q, k, Inf), ptukey(q, k, Inf, lower.tail = FALSE))))
for (k in c(20, 35, 50))
    for (q in c(0.1, 0.5, 1, 2, 3, 3.7, 4.5, 6, 8, 10, 15))
        entry(k, number(c(q, within(q, k), 1 - within(q, k))))
cat("};\n\n")
cat("/* qtukey(1 - chance, k, Inf), which stops searching at 4 digits. */\n",
    "static const struct {\n    size_t numbers;\n    double chance, q;\n} quantiles[] = {\n",
    sep = "")
for (k in c(2, 4, 10, 20))
    for (chance in c(0.1, 0.05, 0.01))
        entry(k, number(c(chance, qtukey(1 - chance, k, Inf))))
cat("};\n")
