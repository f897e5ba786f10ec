"""Packaging of ner_adv_plugin."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(
    r'__version__ = "(.+)"', (ROOT / "ner_adv_plugin" / "__init__.py").read_text(encoding="utf-8")
)
assert VERSION is not None

setup(
    name="ner_adv_plugin",
    version=VERSION[1],
    description="Multi-task and adversarial transfer learning for Chinese named entity recognition",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["ner_adv_plugin", "ner_adv_plugin.*"]),
    package_data={
        "ner_adv_plugin": ["py.typed"],
        "ner_adv_plugin.studies.report": ["*.j2", "*.css", "*.js"],
    },
    python_requires=">=3.11",
    install_requires=[
        "torch>=2.6",
        "transformers>=5.0",
        "allennlp-light>=1.0.0",
        "ai2-tango>=1.2",
        "cached_path>=1.1",
        "accelerate>=1.0",
        "pytorch-crf>=0.7.2",
        "jinja2>=3.1",
        "jsonnet>=0.20",
        "matplotlib>=3.8",
        "numpy>=1.26",
        "tensorboard>=2.15",
        "tqdm>=4.60",
    ],
    extras_require={
        "test": [
            "pytest",
            "pytest-xdist",
            "hypothesis",
            "seqeval",
            "ruff",
            "mypy",
            "import-linter",
        ],
        "opencc": ["opencc>=1.1.9"],
        "torchjd": ["torchjd[quadprog-projector]>=0.18"],
        "wandb": ["wandb>=0.16"],
    },
    entry_points={"console_scripts": ["allennlp=ner_adv_plugin.commands:main"]},
)
