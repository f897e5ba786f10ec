"""ModelScope, the hub of models in China."""

import glob
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.extras import require_extra
from ner_adv_plugin.common.hubs.hub_path import HubPath
from ner_adv_plugin.common.hubs.huggingface import innermost, is_offline

_USER = "modelscope://"
DEFAULT_ENDPOINT = "https://modelscope.cn"


def endpoint() -> str:
    """Return the address of the hub: MODELSCOPE_ENDPOINT, or the hub's own."""
    return (os.environ.get("MODELSCOPE_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")


def fetch_file(path: HubPath, file: str) -> Path:
    """Return a file of a repository; see `fetching.fetch_file`."""
    # The library's function for a single file does not notice that the file has changed.
    found = _download(path, [glob.escape(file)], []) / file
    if not found.is_file():
        raise FileNotFoundError(file)
    return found


def fetch_folder(path: HubPath, patterns: Sequence[str]) -> Path:
    """Return a folder with the files of a repository that match a pattern, without subfolders."""
    return _download(path, patterns, ["*/*"])


def _download(path: HubPath, allowed: Sequence[str], ignored: Sequence[str]) -> Path:
    library = require_extra("modelscope.hub.snapshot_download", _USER)
    return _online_or_cached(
        lambda local: library.snapshot_download(
            path.repo,
            revision=path.revision,
            allow_patterns=list(allowed),
            ignore_patterns=list(ignored) or None,
            local_files_only=local,
            endpoint=os.environ.get("MODELSCOPE_ENDPOINT") or None,
        )
    )


def _online_or_cached(fetch: Callable[[bool], Any]) -> Path:
    """Fetch from the hub or, if it cannot be reached, from the cache.

    # Parameters

    fetch : returns a path; called with whether to look into the cache alone.
    """
    if is_offline():
        return Path(fetch(True))
    try:
        return Path(fetch(False))
    except Exception as error:
        if not _is_unreachable(error):
            raise
        try:
            return Path(fetch(True))
        except Exception:  # the first error is the reason
            raise error from None


def reason(path: HubPath, file: str | None, error: Exception) -> str:
    """Return why a download failed, and what to do; see `huggingface.reason`."""
    if isinstance(error, FileNotFoundError) and not is_offline():
        return f'the repository has no "{file}"'
    remedy = "set MODELSCOPE_ENDPOINT to an address that can be reached, or pass a local folder"
    if is_offline():
        return (
            "it is not in the cache of ModelScope (MODELSCOPE_CACHE), and HF_HUB_OFFLINE is set: "
            "unset it, or pass a local folder"
        )
    if _is_unreachable(error):
        return (
            "it is not in the cache of ModelScope (MODELSCOPE_CACHE), and "
            f"{endpoint()} did not answer ({innermost(error)}): {remedy}"
        )
    what = f'"{path.repo}"' if file is None else f'"{file}" of "{path.repo}"'
    revision = "" if path.revision is None else f' at "{path.revision}"'
    return (
        f"{endpoint()} does not give {what}{revision} ({innermost(error)}). If it is private, log "
        "in with `modelscope login`, or set MODELSCOPE_API_TOKEN"
    )


def _is_unreachable(error: BaseException | None) -> bool:
    """Return whether an error, or what caused it, is one of the connection."""
    while error is not None:
        if isinstance(error, (ConnectionError, TimeoutError)):
            return True
        names = {base.__name__ for base in type(error).__mro__}
        if names & {"ConnectionError", "Timeout", "ProxyError"}:
            return True
        error = error.__cause__ or error.__context__
    return False
