"""Names of repositories and files on model hubs."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from ner_adv_plugin.common.errors import UserError

HUGGING_FACE = "hf"
MODELSCOPE = "modelscope"
SCHEMES = (HUGGING_FACE, MODELSCOPE)
# The file that a repository of a trained model is loaded from.
ARCHIVE = "model.tar.gz"
_NAME = re.compile(r"[\w.-]+", re.ASCII)


@dataclass(frozen=True)
class HubPath:
    """A repository on a hub, or a file in it.

    # Parameters

    scheme : "hf" for the Hugging Face Hub, "modelscope" for ModelScope.
    repo : name of the repository, such as "org/name".
    revision : branch, tag or commit; None for the hub's default branch.
    file : path of a file in the repository; None for the repository.
    """

    scheme: str
    repo: str
    revision: str | None = None
    file: str | None = None

    def __str__(self) -> str:
        revision = "" if self.revision is None else f"@{quote(self.revision, safe='')}"
        file = "" if self.file is None else f"/{self.file}"
        return f"{self.scheme}://{self.repo}{revision}{file}"


def parse_hub_path(path: str | Path) -> HubPath | None:
    """Parse `hf://ORG/NAME@REVISION/FILE`, or the same of `modelscope://`.

    Revision and file may be left out. A slash in a revision is written as `%2F`. A name without an
    organisation can be followed by a revision, but not by a file.

    # Returns

    The repository or file; None for any other path or URL.

    # Raises

    UserError : if the path begins like one of a hub, but is not of this form.

    # Examples

    >>> parse_hub_path("hf://hfl/chinese-macbert-base@main/config.json")
    HubPath(scheme='hf', repo='hfl/chinese-macbert-base', revision='main', file='config.json')
    >>> str(parse_hub_path("modelscope://org/name"))
    'modelscope://org/name'
    >>> parse_hub_path("https://example.org/model.tar.gz")
    """
    scheme, separator, rest = str(path).partition("://")
    if not isinstance(path, str) or not separator or scheme not in SCHEMES:
        return None

    parts = rest.split("/")
    owner, named = ([], parts[:1]) if len(parts) == 1 else (parts[:1], parts[1:2])
    name, at, revision = named[0].partition("@")
    file = parts[2:]
    whole = [*owner, name]
    if (
        any(not _NAME.fullmatch(part) or ".." in part for part in whole)
        or (at and not revision)
        or any(part in ("", ".", "..") for part in file)
    ):
        raise UserError(
            f"{path}: expected {scheme}://ORG/NAME, which may be followed by @REVISION and by /FILE"
        )
    return HubPath(
        scheme, "/".join(whole), unquote(revision) if at else None, "/".join(file) or None
    )
