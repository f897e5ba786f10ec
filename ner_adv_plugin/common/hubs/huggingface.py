"""The Hugging Face Hub and its mirrors."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ner_adv_plugin.common.errors import nearest
from ner_adv_plugin.common.hubs.hub_path import HubPath

if TYPE_CHECKING:
    from huggingface_hub import HfApi

LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"
# What to do without a connection.
REMEDY = (
    "set HF_ENDPOINT to a mirror that can be reached, such as https://hf-mirror.com, or pass a "
    "local folder"
)


def is_offline() -> bool:
    """Return whether HF_HUB_OFFLINE forbids downloads."""
    from huggingface_hub import constants

    # Read again, as it may have been set after the library was imported.
    value = os.environ.get("HF_HUB_OFFLINE", "").upper()
    return constants.HF_HUB_OFFLINE or value in constants.ENV_VARS_TRUE_VALUES


def endpoint() -> str:
    """Return the address of the hub: HF_ENDPOINT, or the hub's own."""
    from huggingface_hub import constants

    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def cache() -> Path:
    """Return the folder of the cache."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def api() -> "HfApi":
    """Return the client of the hub. Its token is that of HF_TOKEN or of `hf auth login`."""
    from huggingface_hub import HfApi

    return HfApi(endpoint=endpoint(), library_name="ner_adv_plugin")


def fetch_file(path: HubPath, file: str) -> Path:
    """Return a file of a repository; see `fetching.fetch_file`."""
    from huggingface_hub import hf_hub_download

    found = hf_hub_download(
        path.repo,
        file,
        revision=path.revision,
        endpoint=endpoint(),
        local_files_only=is_offline(),
        library_name="ner_adv_plugin",
    )
    return Path(found)


def fetch_folder(path: HubPath, patterns: Sequence[str]) -> Path:
    """Return a folder with the files of a repository that match a pattern, without subfolders."""
    from huggingface_hub import snapshot_download

    found = snapshot_download(
        path.repo,
        revision=path.revision,
        allow_patterns=list(patterns),
        ignore_patterns=["*/*"],
        endpoint=endpoint(),
        local_files_only=is_offline(),
        library_name="ner_adv_plugin",
    )
    return Path(found)


def reason(path: HubPath, file: str | None, error: Exception) -> str:
    """Return why a download failed, and what to do.

    # Parameters

    path, file : what was asked for.
    error : of the library.
    """
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return f"its authors grant access: ask for it on {endpoint()}/{path.repo}, then {LOG_IN}"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f'{endpoint()} has no model "{path.repo}", or it is private: then {LOG_IN}'
    if isinstance(error, errors.RevisionNotFoundError):
        return f'{path.repo} has no revision "{path.revision}" on {endpoint()}'
    if isinstance(error, (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled)):
        missing = f"it is not in the cache ({cache()})"
        if is_offline():
            return f"{missing}, and HF_HUB_OFFLINE is set: unset it, or pass a local folder"
        return f"{missing}, and {endpoint()} did not answer ({innermost(error)}): {REMEDY}"
    if isinstance(error, errors.EntryNotFoundError):
        return f'the repository has no "{file}".{_files(path, str(file))}'
    return f"{endpoint()} did not answer as expected ({innermost(error)}): {REMEDY}"


def _files(path: HubPath, file: str) -> str:
    """Return a hint with the files of a repository."""
    try:
        found = api().list_repo_files(path.repo, revision=path.revision)
    except Exception:  # it is only a hint
        return ""
    shown = ", ".join(found[:6]) + (", ..." if len(found) > 6 else "")
    return f"{nearest(file, found)} It has {shown or 'no files'}."


def innermost(error: BaseException) -> str:
    """Return the first line of the error that caused the others, or the name of its type."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    lines = str(error).strip().splitlines()
    return lines[0][:200].rstrip(" .:") if lines else type(error).__name__
