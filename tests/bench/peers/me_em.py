#!/usr/bin/env python3
"""Mixtures of experts by EM beside R's flexmix and mixtools: the log-likelihoods that each comes to, and the time
of an EM step.

    tests/bench/peers/me_em.py [DIRECTORY OF mele-fit] [likelihood|time]

Needs numpy, Rscript, flexmix and mixtools. Ridges are 0, as the peers have none. Likelihoods: tonedata, and mixtures
of regressions that are drawn here; each program takes 10 starts. mixtools' regmixEM has constant proportions, hmeEM two
experts, and one start of 60 iterations, as it is slow. A peer's likelihood that is larger is told, with the least
number of rows of an expert of ours.
Time: 10 iterations of one start, 16 experts, 20000 rows of 16 features, on the same data and in the same run.
"""
import csv
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy

HERE = os.path.dirname(os.path.abspath(__file__))
TONEDATA = os.path.join(HERE, '..', '..', '..', 'data', 'tonedata.csv')
STARTS, STEPS = 10, 10


def regressions(seed, rows, columns, experts, noise):
    """Planes whose rows the nearest of some centres tells, with a part of the rows dealt at random."""
    r = numpy.random.default_rng(seed)
    x = r.normal(size=(rows, columns))
    centres = 1.5 * r.normal(size=(experts, columns))
    home = ((x[:, None] - centres) ** 2).sum(2).argmin(1)
    home = numpy.where(r.uniform(size=rows) < 0.1, r.integers(experts, size=rows), home)
    b = 2 * r.normal(size=(experts, columns + 1))
    sd = noise * (0.5 + r.uniform(size=experts))
    y = (b[home, 1:] * x).sum(1) + b[home, 0] + sd[home] * r.normal(size=rows)
    return numpy.c_[x, y]


def write(path, table):
    names = ','.join('x%d' % j for j in range(table.shape[1] - 1)) + ',y'
    numpy.savetxt(path, table, delimiter=',', header=names, comments='', fmt='%.10g')


def ours(program, path, experts, more):
    target = next(csv.reader(open(path)))[-1]
    with tempfile.TemporaryDirectory() as place:
        report = os.path.join(place, 'report')
        began = time.time()
        subprocess.run([program, '-q', '--family', 'me-em', '-t', target, '-k', str(experts), '--ridge', '0',
                        '--gate-ridge', '0', '-o', os.path.join(place, 'model'), '--report', report, path] + more,
                       check=True)
        took = time.time() - began
        told = json.load(open(report))
    return told['family'], told['experts'], took


def peers(what, path, experts, count):
    said = subprocess.run(['Rscript', os.path.join(HERE, 'me_em.R'), what, path, str(experts), str(count)],
                          check=True, capture_output=True, text=True).stdout.split()
    return [float(s) for s in said[-3 if what == 'likelihood' else -1:]]


def likelihoods(program, place):
    cases = [('tonedata', TONEDATA, 2)]
    for seed, rows, columns, experts, noise in [(1, 300, 1, 2, 0.3), (2, 400, 2, 2, 0.5), (3, 500, 2, 3, 0.3),
                                                (4, 600, 3, 3, 0.5), (5, 800, 3, 4, 0.3)]:
        path = os.path.join(place, 'mixture%d.csv' % seed)
        write(path, regressions(seed, rows, columns, experts, noise))
        cases.append(('seed %d: %d x %d, K %d' % (seed, rows, columns, experts), path, experts))
    print('%-26s %12s %12s %12s %12s' % ('', 'me-em', 'flexmix', 'hmeEM', 'regmixEM'))
    for name, path, experts in cases:
        family, parts, _ = ours(program, path, experts, ['--restarts', str(STARTS)])
        others = peers('likelihood', path, experts, STARTS)
        line = '%-26s %12.4f %12.4f %12.4f %12.4f' % (name, family['log_likelihood'], *others)
        if max(others) > family['log_likelihood'] + 1e-3:
            line += '  a peer is above; rows of ours %.1f' % min(e['rows'] for e in parts)
        print(line, flush=True)


def times(program, place):
    path = os.path.join(place, 'large.csv')
    write(path, regressions(1, 20000, 16, 16, 0.3))
    _, _, took = ours(program, path, 16, ['--restarts', '1', '--em-iter', str(STEPS), '--threads', '1'])
    theirs = peers('time', path, 16, STEPS)[0]
    print('%d steps, 16 experts, 20000 x 16: mele-fit, with reading and refits for variances, %.2f s, flexmix %.2f s, '
          '%.0f x' % (STEPS, took, theirs, theirs / took))


def main():
    program = os.path.join(sys.argv[1] if len(sys.argv) > 1 else 'build/bin', 'mele-fit')
    what = sys.argv[2] if len(sys.argv) > 2 else ''
    with tempfile.TemporaryDirectory() as place:
        if what != 'time':
            likelihoods(program, place)
        if what != 'likelihood':
            times(program, place)


if __name__ == '__main__':
    main()
