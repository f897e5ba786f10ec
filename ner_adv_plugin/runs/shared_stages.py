"""Stages that several runs have in common, trained by the first of them and taken by the others."""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ner_adv_plugin import __version__
from ner_adv_plugin.common.digests import digest, json_digest
from ner_adv_plugin.common.files import write_folder
from ner_adv_plugin.common.stages import has_stages, stages_of
from ner_adv_plugin.data.namespaces import DOMAINS
from ner_adv_plugin.runs.data import collect_vocabulary, read_data
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.runs.run_files import file_digests
from ner_adv_plugin.runs.spent import Clock, Spent
from ner_adv_plugin.runs.staging import heads_trained, is_finished

logger = logging.getLogger(__name__)
PRETRAINED = "pretrained_transformer"


def first_stages(config: Mapping[str, Any]) -> str | None:
    """Return a key that is equal for configs with the same stages before the last; None if none.

    # Parameters

    config : a whole config.
    """
    earlier = stages_of(config)[:-1] if has_stages(config) else []
    return json_digest([stage.config for stage in earlier]) if earlier else None


class SharedStages:
    """Finished stages by what they were trained on.

    A stage is another one's if their configs, those of the stages before them, all files that they
    read and the vocabulary of what they train are equal: then both give the same weights.

    # Parameters

    folder : of the stages; made when the first is kept.
    clock : of the run. What a stage that is taken cost elsewhere is added to it, and what the run
        has spent waiting for it is not counted.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self.clock = clock

    @contextmanager
    def stage(self, job: TrainJob, own: Path) -> Iterator[bool]:
        """Take a stage into its folder, or keep it after the caller has trained it there.

        A run that needs a stage that another one is training waits for it.

        # Parameters

        job : of the stage.
        own : its folder in the run.

        # Returns

        A context manager that yields whether the stage was taken.
        """
        kept = self.folder / _key(job)
        self.folder.mkdir(parents=True, exist_ok=True)
        began = Spent.now()
        with kept.with_suffix(".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.clock.add(began - Spent.now())
            if kept.is_dir():
                logger.info("stage %s: trained by another run", own.name)
                _copy(kept, own)
                self.clock.add(Spent.read(own))
                yield True
                return
            of_stage = Clock(own)
            try:
                yield False
            finally:
                of_stage.note()
            if is_finished(own):
                _copy(own, kept)


def _key(job: TrainJob) -> str:
    """Return the name of a stage: a hash of all on which its weights depend."""
    assert job.stages_of_run is not None
    until = [*job.earlier, job]
    weights = job.stages_of_run.weights[: len(until)]
    configs = [own.config for own in until]
    # No stage trains on what another one is scored by, so that the files of all stages matter.
    files = sorted(file_digests(job.stages_of_run.jobs[-1]).items())
    return json_digest([__version__, configs, weights, files, _vocabulary(job)])[:16]


def _vocabulary(job: TrainJob) -> dict[str, Any]:
    """Return what of the vocabulary matters to a stage and to those before it, as digests.

    Types and words of heads that only later stages train do not. Objectives may weigh domains by
    the sentences of all datasets, and only pretrained encoders have no entries for the characters
    or words of the training texts: otherwise the whole vocabulary and all subsets matter.
    """
    assert job.stages_of_run is not None
    vocab = collect_vocabulary(job, read_data(job))
    contents = {name: digest(content) for name, content in vocab.contents().items()}
    until = [*job.earlier, job]
    plain = all(
        own.model.filled["encoder"]["type"] == PRETRAINED and not own.model.filled.get("objectives")
        for own in until
    )
    if not plain:
        subsets = [dict(own.data_loader.subset) for own in job.stages_of_run.jobs]
        return {**contents, "subsets": subsets}
    spaces = (f"{head}_{space}" for head in heads_trained(until) for space in ("types", "words"))
    kept = {DOMAINS, *spaces}
    return {name: value for name, value in contents.items() if Path(name).stem in kept}


def _copy(source: Path, target: Path) -> None:
    """Copy a folder whole or not at all, as links to the same files if the disk allows them."""

    def write(partial: Path) -> None:
        shutil.copytree(source, partial, copy_function=_link, dirs_exist_ok=True)

    write_folder(target, write)


def _link(source: str, target: str) -> None:
    """Link a file, which is never changed in place, or else copy it with its times."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
