# The training error that tests/unit/test_mlp.c holds networks to:
#     Rscript tests/ref/mlp.R data/mcycle.csv
# nnet, 8 hidden units, no decay, the best of 20 starts, standardised columns; the mean squared error
# in the data's units. R 4.2.2, nnet 7.3-18: 386.61 with the default tolerances and maxit 500, 389.51
# with reltol 1e-10 and maxit 10000.
library(nnet)
data <- read.csv(commandArgs(TRUE)[1])
x <- scale(data$times)
y <- scale(data$accel)
set.seed(1)
best <- function(...) {
  least <- Inf
  for (start in 1:20) {
    net <- nnet(x, y, size = 8, linout = TRUE, decay = 0, trace = FALSE, ...)
    least <- min(least, mean((net$fitted.values - y)^2))
  }
  least * var(data$accel)
}
tight <- best(maxit = 10000, reltol = 1e-10, abstol = 1e-8)
cat(sprintf("%.2f %.2f\n", best(maxit = 500), tight))
