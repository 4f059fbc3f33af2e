"""The terms on which both sides of a comparison run. To be imported before NumPy, which reads the
variables when it is."""
import os
import sys

THREADS = 2

for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    if name in os.environ:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {name} is set: times would say nothing")
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = str(THREADS)
