"""Optional packages: what needs one says so before it starts work."""

import importlib
from types import ModuleType

from ner_adv_plugin.common.errors import UserError

# The modules of optional packages, and what to install for each.
INSTALL = {
    "argcomplete": '"ner_adv_plugin[completion]"',
    "opencc": "opencc",
    "torchjd": '"ner_adv_plugin[torchjd]"',
    "wandb": "wandb",
    "jieba": '"ner_adv_plugin[jieba]"',
    "ahocorasick": '"ner_adv_plugin[lexicon]"',
    "optuna": '"ner_adv_plugin[tune]"',
    "modelscope": '"ner_adv_plugin[modelscope]"',
    "submitit": '"ner_adv_plugin[slurm]"',
    "spacy": '"ner_adv_plugin[spacy]"',
    "datasets": '"ner_adv_plugin[datasets]"',
    "pyarrow": '"ner_adv_plugin[datasets]"',
    "onnx": '"ner_adv_plugin[onnx]"',
    "onnxruntime": '"ner_adv_plugin[runtime]"',
    "tokenizers": '"ner_adv_plugin[runtime]"',
    "fastapi": '"ner_adv_plugin[serve]"',
    "uvicorn": '"ner_adv_plugin[serve]"',
    "prometheus_client": '"ner_adv_plugin[serve]"',
    # Installed with the package; may be missing beside a copy of its source.
    "seqeval": "seqeval",
}


def require_extra(module: str, user: str) -> ModuleType:
    """Import an optional package.

    Call it in a `check` hook, a constructor of what is built before data is read, or first in a
    command, so that nobody waits for work whose result is lost.

    # Parameters

    module : name of the module to import, one of `INSTALL` or inside of one.
    user : what needs it, as the user knows it, such as `callback "wandb"`.

    # Returns

    The module.

    # Raises

    UserError : it is not installed, with the command that installs it, or cannot be imported.
    """
    name = module.partition(".")[0]
    try:
        importlib.import_module(name)
        return importlib.import_module(module)
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] == name:
            problem = "needs a package that is not installed"
        else:
            problem = f"needs {name}, which cannot be imported ({error})"
        raise UserError(f"{user} {problem}: pip install {INSTALL[name]}") from error
