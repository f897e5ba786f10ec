"""python -m benchmarks [NAME ...] [--json FILE]: run benchmarks, print what they found."""

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
    "scoring",
    "reading",
    "precision",
    "heads",
)


def main() -> None:
    """Run the benchmarks that are named, all by default; the exit status is 1 where a figure is not as asked."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="What things cost, and what they may."
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all by default"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there, too")
    parser.add_argument("--threads", type=int, default=2, help="of torch; 2 by default")
    parser.add_argument(
        "--repeats", type=int, default=3, help="rounds of which the median counts; 3 by default"
    )
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in NAMES]:
        parser.error(f"no benchmark {', '.join(unknown)}: there are {', '.join(NAMES)}")
    # Before torch is imported, and for the processes that are started.
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
        print(f"\n{reports[name].text(f'{name} ({time.monotonic() - started:.0f} s)')}", flush=True)
    passed, asked = verdict(list(reports.values()))
    print(f"\n{passed} of {asked} figures are as asked")
    if arguments.json:
        found = {name: dataclasses.asdict(report) for name, report in reports.items()}
        text = json.dumps({"machine": setting, "benchmarks": found}, ensure_ascii=False, indent=2)
        arguments.json.write_text(text + "\n", encoding="utf-8")
    sys.exit(passed < asked)


if __name__ == "__main__":
    main()
