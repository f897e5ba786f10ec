"""Run benchmarks and print their figures: `python -m benchmarks [NAME ...] [--json FILE]`."""

import argparse
import dataclasses
import importlib
import json
import os
import sys
import time
from pathlib import Path

NAMES = (
    "step",
    "padding",
    "tasks",
    "crf",
    "prediction",
    "serve",
    "scoring",
    "reading",
    "scale",
    "processes",
    "precision",
    "heads",
    "methods",
    "memory",
    "runtime",
)


def main() -> None:
    """Run the chosen benchmarks, all by default; exit status 1 if a figure misses its limit."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Run benchmarks and check their figures."
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all by default"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the figures to FILE")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch (2)")
    parser.add_argument(
        "--repeats", type=int, default=3, help="rounds of which the median is taken (3)"
    )
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in NAMES]:
        parser.error(f"unknown benchmark {', '.join(unknown)}; known: {', '.join(NAMES)}")

    # Set before torch is imported; inherited by child processes.
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    import transformers

    import ner_adv_plugin.components  # noqa: F401
    from benchmarks.options import Options
    from benchmarks.report import machine, verdict

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    options = Options(repeats=arguments.repeats)
    setting = machine(arguments.threads)
    print(", ".join(f"{name} {value}" for name, value in setting.items()), flush=True)

    reports = {}
    for name in arguments.names or NAMES:
        started = time.monotonic()
        reports[name] = importlib.import_module(f"benchmarks.{name}").run(options)
        seconds = time.monotonic() - started
        print(f"\n{reports[name].text(f'{name} ({seconds:.0f} s)')}", flush=True)

    passed, limited = verdict(list(reports.values()))
    print(f"\n{passed} of {limited} figures are within their limits")
    if arguments.json:
        figures = {name: dataclasses.asdict(report) for name, report in reports.items()}
        text = json.dumps({"machine": setting, "benchmarks": figures}, ensure_ascii=False, indent=2)
        arguments.json.write_text(text + "\n", encoding="utf-8")
    sys.exit(passed < limited)


if __name__ == "__main__":
    main()
