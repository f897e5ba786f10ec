"""The command; see the package's docstring."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import torch

import ner_adv_plugin.components  # noqa: F401
from tests.fuzz.harness import quiet, run
from tests.fuzz.properties import PROPERTIES


def main() -> None:
    """Check inputs; the exit status is 1 if any fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("property", choices=PROPERTIES)
    parser.add_argument("--n", type=int, default=1000, help="how many inputs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"), help="folder")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        with quiet():
            checked = PROPERTIES[arguments.property](Path(folder))
        numbers = range(arguments.first, arguments.first + arguments.n)
        report = run(arguments.property, checked, numbers, arguments.seed, arguments.failures)
    for line in report.failures:
        print(line)
    print("\n".join(report.lines()))
    print(f"{arguments.property}, seed {arguments.seed}: {time.monotonic() - started:.0f} s")
    sys.exit(bool(report.failures))


if __name__ == "__main__":
    main()
