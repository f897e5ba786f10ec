"""Publishing a trained model: its archive with a model card, in a folder or on a hub."""

import contextlib
import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ner_adv_plugin.archives.extraction import opened
from ner_adv_plugin.archives.portable import single_file
from ner_adv_plugin.archives.writing import ARCHIVE, CONFIG
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import is_url, write_file, write_text
from ner_adv_plugin.common.hubs import huggingface
from ner_adv_plugin.common.hubs.fetching import fetch_file
from ner_adv_plugin.common.hubs.hub_path import MODELSCOPE, HubPath, parse_hub_path
from ner_adv_plugin.publishing.facts import facts_of
from ner_adv_plugin.publishing.model_card import MARKER, model_card

logger = logging.getLogger(__name__)

CARD = "README.md"


@dataclass(frozen=True, kw_only=True)
class Publication:
    """How a trained model is published.

    # Parameters

    language : codes of its languages.
    license_name : identifier of its licence, such as "apache-2.0".
    card : file to use as model card; None to write one.
    with_data : audit the corpora and compute intervals of the test scores for the card.
    private : make a new repository private.
    message : message of the commit.
    """

    language: Sequence[str] = ("zh",)
    license_name: str | None = None
    card: str | None = None
    with_data: bool = True
    private: bool = False
    message: str = "Upload a trained model"


def publish(path: str | Path, target: str, how: Publication) -> str:
    """Publish an archive or a run: `model.tar.gz`, its `config.json` and a model card.

    A model card that people have changed is kept.

    # Parameters

    path : `model.tar.gz`, its URL, or the folder of a run.
    target : `hf://ORG/NAME`, which may be followed by `@BRANCH`, or a folder.
    how : settings.

    # Returns

    Where it is: the address of the commit, or the folder.

    # Raises

    UserError : if the archive is damaged, or the hub refuses the upload.
    """
    hub_path = _checked_target(target)
    if how.card is not None and not Path(how.card).is_file():
        raise UserError(f"--card: no such file {how.card}")

    with single_file(path) as archive, opened(archive) as folder:
        config = (folder / CONFIG).read_bytes()
        _warn_of_paths(config)
        old = _old_card(target, hub_path)
        if how.card is not None:
            card: str | None = Path(how.card).read_text(encoding="utf-8")
        elif old is not None and MARKER not in old:
            logger.warning("%s has a %s of its own, which is kept", target, CARD)
            card = None
        else:
            title = (
                Path(target).resolve().name if hub_path is None else hub_path.repo.split("/")[-1]
            )
            # Of a folder only its name, as it will be elsewhere.
            source = title if hub_path is None else str(hub_path)
            facts = facts_of(path, archive, how.with_data)
            card = model_card(facts, title, source, how.language, how.license_name)
        if hub_path is None:
            return _write(Path(target), archive, config, card)
        return _upload(hub_path, archive, config, card, how)


def _checked_target(target: str) -> HubPath | None:
    hub_path = parse_hub_path(target)
    if hub_path is None:
        if is_url(target):
            raise UserError(f"{target}: expected hf://ORG/NAME or a folder")
        if Path(target).is_file():
            raise UserError(f"{target} is a file: expected hf://ORG/NAME or a folder")
        return None

    if hub_path.scheme == MODELSCOPE:
        raise UserError(
            f"{target}: push to a folder instead, and upload that: "
            f"`modelscope upload {hub_path.repo} FOLDER`"
        )
    if huggingface.is_offline():
        raise UserError(f"cannot push to {target}: HF_HUB_OFFLINE is set")
    if hub_path.file is not None:
        raise UserError(f"{target} is a file in a repository: expected hf://ORG/NAME")
    return hub_path


def _warn_of_paths(config: bytes) -> None:
    """Warn of paths of this machine in the config of an archive, which is published, too."""

    def paths(value: object) -> list[str]:
        if isinstance(value, dict):
            return [path for own in value.values() for path in paths(own)]
        if isinstance(value, list):
            return [path for own in value for path in paths(own)]
        return [value] if isinstance(value, str) and value.startswith(("/", "~")) else []

    if found := paths(json.loads(config)):
        logger.warning(
            "the config in the archive names paths of this machine, such as %s", found[0]
        )


def _old_card(target: str, hub_path: HubPath | None) -> str | None:
    """Return the model card at the target; None if it has none."""
    if hub_path is None:
        file = Path(target) / CARD
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else None

    with _refused(hub_path):
        found = huggingface.api().file_exists(hub_path.repo, CARD, revision=hub_path.revision)
    if not found:
        return None
    file = fetch_file(HubPath(hub_path.scheme, hub_path.repo, hub_path.revision, CARD))
    return file.read_text(encoding="utf-8", errors="replace")


def _write(folder: Path, archive: Path, config: bytes, card: str | None) -> str:
    """Write the files of a repository into a folder."""
    target = folder / ARCHIVE
    if not (target.exists() and target.samefile(archive)):
        write_file(target, lambda partial: _copy(archive, partial))
    write_text(folder / CONFIG, config.decode("utf-8"))
    if card is not None:
        write_text(folder / CARD, card)
    return str(folder)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def _upload(
    hub_path: HubPath, archive: Path, config: bytes, card: str | None, how: Publication
) -> str:
    """Commit the files to a repository, which is created if it does not exist."""
    from huggingface_hub import CommitOperationAdd

    contents: dict[str, str | bytes] = {ARCHIVE: str(archive), CONFIG: config}
    if card is not None:
        contents[CARD] = card.encode("utf-8")
    api = huggingface.api()
    with _refused(hub_path):
        api.create_repo(hub_path.repo, private=how.private, exist_ok=True)
        if hub_path.revision is not None:
            api.create_branch(hub_path.repo, branch=hub_path.revision, exist_ok=True)
        commit = api.create_commit(
            hub_path.repo,
            [CommitOperationAdd(name, content) for name, content in contents.items()],
            commit_message=how.message,
            revision=hub_path.revision,
        )
    return str(commit.commit_url)


@contextlib.contextmanager
def _refused(hub_path: HubPath) -> Iterator[None]:
    """Turn every error of the hub's library into a `UserError` that says what to do."""
    try:
        yield
    except Exception as error:  # of the library and its clients
        status = getattr(getattr(error, "response", None), "status_code", None)
        shown, where = huggingface.innermost(error), huggingface.endpoint()
        if status in (401, 403):
            reason = f"{where} does not let you write ({shown}): {huggingface.LOG_IN}"
        else:
            reason = (
                f"{where} did not accept it ({shown}). Mirrors usually serve downloads only: unset "
                "HF_ENDPOINT to upload"
            )
        raise UserError(f"cannot push to {hub_path}: {reason}") from error
