"""Packaging of ner_adv_plugin."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
VERSION = re.search(
    r'__version__ = "(.+)"', (ROOT / "ner_adv_plugin" / "__init__.py").read_text(encoding="utf-8")
)
assert VERSION is not None

# Folders of the project that `allennlp recipes --copy` copies from an installed package.
RECIPES = ("training_configs", "fixtures", "studies")

TEST = [
    "argcomplete>=3.2",
    "datasets>=3.0",
    "fastapi>=0.115",
    "httpx>=0.27",
    "hypothesis",
    "import-linter",
    "ipykernel>=6.29",
    "jieba>=0.42",
    "modelscope>=1.40",
    "mypy",
    "nbclient>=0.10",
    "onnx>=1.16",
    "onnxruntime>=1.18",
    "optuna>=4.0",
    "playwright>=1.45",
    "prometheus_client>=0.20",
    "pyahocorasick>=2.1",
    "pytest",
    "pytest-xdist",
    "ruff",
    "setuptools>=77",
    "spacy>=3.8",
    "submitit>=1.5",
    "uvicorn>=0.30",
]
DOCS = ["sphinx", "furo", "myst-parser", "sphinx-copybutton"]
OPTIONAL = {
    "completion": ["argcomplete>=3.2"],
    "datasets": ["datasets>=3.0"],
    "jieba": ["jieba>=0.42"],
    "lexicon": ["pyahocorasick>=2.1"],
    "modelscope": ["modelscope>=1.40"],
    "onnx": ["onnx>=1.16", "onnxruntime>=1.18"],
    "opencc": ["opencc>=1.1.9"],
    "runtime": ["onnxruntime>=1.18", "tokenizers>=0.20"],
    "serve": ["fastapi>=0.115", "prometheus_client>=0.20", "uvicorn>=0.30"],
    "slurm": ["submitit>=1.5"],
    "spacy": ["spacy>=3.8"],
    "torchjd": ["torchjd[quadprog-projector]>=0.18"],
    "tune": ["optuna>=4.0"],
    "wandb": ["wandb>=0.16"],
}


class BuildWithRecipes(build_py):
    """Build the package with the recipes and the embedded corpora in it."""

    def run(self) -> None:
        """Copy the folders to `ner_adv_plugin/_recipes`; an editable install needs no copy."""
        super().run()
        if self.editable_mode:
            return

        target = Path(self.build_lib) / "ner_adv_plugin" / "_recipes"
        shutil.rmtree(target, ignore_errors=True)
        for name in RECIPES:
            ignored = shutil.ignore_patterns("__pycache__", "results")
            shutil.copytree(ROOT / name, target / name, ignore=ignored)


setup(
    name="ner_adv_plugin",
    version=VERSION[1],
    description="Multi-task and adversarial transfer learning for Chinese named entity recognition",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="ner_adv_plugin contributors",
    license_expression="Apache-2.0",
    license_files=["LICENSE"],
    keywords=[
        "adversarial training",
        "Chinese",
        "domain adaptation",
        "multi-task learning",
        "named entity recognition",
        "NLP",
        "transfer learning",
        "word segmentation",
    ],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Environment :: GPU :: NVIDIA CUDA",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Natural Language :: Chinese (Simplified)",
        "Natural Language :: English",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Text Processing :: Linguistic",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["ner_adv_plugin", "ner_adv_plugin.*"]),
    package_data={
        "ner_adv_plugin": ["py.typed"],
        "ner_adv_plugin.serving": ["page.html"],
        "ner_adv_plugin.studies.report": ["*.j2", "*.css", "*.js"],
    },
    cmdclass={"build_py": BuildWithRecipes},
    python_requires=">=3.11",
    install_requires=[
        "torch>=2.6",
        "transformers>=5.0",
        "tokenizers>=0.20",
        "allennlp-light>=1.0.0",
        "ai2-tango>=1.2",
        "cached_path>=1.1",
        "charset-normalizer>=3.3",
        "accelerate>=1.0",
        "pytorch-crf>=0.7.2",
        "huggingface_hub>=1.0",
        "jinja2>=3.1",
        "jsonnet>=0.20",
        "matplotlib>=3.8",
        "numpy>=1.26",
        "regex>=2023.0",
        "rich>=13.0",
        "scipy>=1.13",
        "seqeval>=1.2.2",
        "tensorboard>=2.15",
        "tqdm>=4.60",
    ],
    extras_require={
        "test": TEST,
        "docs": DOCS,
        **OPTIONAL,
        "all": [requirement for group in OPTIONAL.values() for requirement in group],
    },
    entry_points={
        "console_scripts": ["allennlp=ner_adv_plugin.commands:main"],
        "spacy_factories": ["ner_adv=ner_adv_plugin.integrations.spacy:make_entity_tagger"],
    },
)
