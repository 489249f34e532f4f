#!/usr/bin/env python3
"""PyTorch's side of the benchmarks: one JSON line in (work, arguments), one out (seconds, or error)."""
import argparse
import json
import os
import resource
import sys

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--threads", type=int, default=1)
options = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(options.threads)

import torch

import work

torch.set_num_threads(options.threads)


def blas():
    """Which library multiplies: what the process has mapped."""
    try:
        with open("/proc/self/maps", encoding="utf-8") as maps:
            names = maps.read()
    except OSError:
        return "BLAS unknown"
    for word, name in (("openblas", "OpenBLAS"), ("mkl_core", "MKL"), ("libblas.so", "reference BLAS")):
        if word in names:
            return name
    return "MKL" if torch.backends.mkl.is_available() else "BLAS unknown"


def main():
    torch.mm(torch.ones(2, 2), torch.ones(2, 2))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps({"name": f"PyTorch {torch.__version__} ({blas()}, {options.threads} thread{'s' * (options.threads > 1)})"}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(work, request["work"])(**request["arguments"])
            answer["peak_bytes"] = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        except Exception as error:  # The benchmark shows it; the next request may still work.
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
