"""The terms on which both sides of a comparison run. To be imported before NumPy, which reads the
variables when it is."""
import os
import sys
import time

THREADS = 2
PAUSE = 0.3  # seconds

for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    if name in os.environ:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {name} is set: times would say nothing")
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = str(THREADS)


def rest():
    """Before a program of ours is timed: threads of this process' BLAS wait for more work for a
    tenth of a second, each on a processor that it needs."""
    time.sleep(PAUSE)
