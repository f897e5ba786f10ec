"""Downloads from model hubs, with errors that say what was asked where, and what to do."""

import functools
from pathlib import Path
from types import ModuleType

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.hubs import huggingface, modelscope
from ner_adv_plugin.common.hubs.hub_path import ARCHIVE, HUGGING_FACE, HubPath

# Files of an encoder. Weights of other libraries are left out, and so is code.
_DESCRIPTION = ("*.json", "*.txt", "*.model", "*.tiktoken")
_WEIGHTS = (("model*.safetensors",), ("pytorch_model*.bin",))


def fetch_file(path: HubPath) -> Path:
    """Return a file of a repository in the hub's cache, downloading it if it has changed.

    # Parameters

    path : the file, or a repository, whose `model.tar.gz` is returned.

    # Raises

    UserError : if it is neither in the cache nor on the hub.
    """
    hub = _hub(path)
    file = path.file or ARCHIVE
    try:
        return hub.fetch_file(path, file)
    except UserError:
        raise
    except Exception as error:  # the libraries and their clients raise many kinds
        raise _explained(path, file, error) from error


@functools.cache
def fetch_encoder(path: HubPath) -> Path:
    """Return the folder of a pretrained encoder in the hub's cache, downloading what has changed.

    A process asks the hub once, so that its tokenizer and weights are of the same revision.

    # Parameters

    path : the repository.

    # Raises

    UserError : if it is neither in the cache nor on the hub.
    """
    hub = _hub(path)
    if path.file is not None:
        raise UserError(
            f"{path} is a file, but an encoder is a repository: {path.scheme}://ORG/NAME"
        )
    try:
        for weights in _WEIGHTS:
            folder: Path = hub.fetch_folder(path, (*_DESCRIPTION, *weights))
            if any(file for pattern in weights for file in folder.glob(pattern)):
                break
    except UserError:
        raise
    except Exception as error:  # see above
        raise _explained(path, None, error) from error
    if not folder.is_dir():
        raise UserError(f"{path} has no configuration, tokenizer or weights of an encoder")
    return folder


def _hub(path: HubPath) -> ModuleType:
    return huggingface if path.scheme == HUGGING_FACE else modelscope


def _explained(path: HubPath, file: str | None, error: Exception) -> UserError:
    return UserError(f"cannot get {path}: {_hub(path).reason(path, file, error)}")
