"""Export of one head of an archive."""

import dataclasses
from pathlib import Path
from typing import Literal

from ner_adv_plugin.archives import Archive
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.extras import require_extra
from ner_adv_plugin.common.files import write_folder
from ner_adv_plugin.exporting.checking import check_same
from ner_adv_plugin.exporting.quantising import quantise
from ner_adv_plugin.exporting.settings import settings_of
from ner_adv_plugin.exporting.writing import write_encoder, write_head
from ner_adv_plugin.models.sharing_model import SharingModel
from ner_adv_plugin.runtime.files import ENCODER, HEAD, SETTINGS, Settings, write_settings

Precision = Literal["fp32", "int8"]


def export_archive(
    archive: Archive,
    folder: Path,
    head: str | None = None,
    precision: Precision = "fp32",
    force: bool = False,
) -> Settings:
    """Write what `ner_adv_plugin.runtime.Predictor` needs to predict with one head.

    The graphs are compared with the model on texts of many lengths before the folder is put in
    place: an export that exists gives the same scores.

    # Parameters

    archive : the trained model, on the CPU.
    folder : the folder to write; it is written whole or not at all.
    head : name of the head; by default the head of `validation_metric`.
    precision : "int8" makes the files a quarter as large, and predictions faster and less exact.
    force : replace an earlier export.

    # Returns

    The settings of the export.

    # Raises

    UserError : a part of the model cannot be exported, with its name, or the folder exists.
    """
    require_extra("onnx", "export to ONNX")
    head = head or archive.default_head
    check_folder(folder, force)
    model = archive.model
    if not isinstance(model, SharingModel):
        raise UserError(
            f"model: {type(model).__name__} cannot be exported: expected a model with an encoder,"
            " towers and heads (`SharingModel`)"
        )
    if head not in model.heads:
        raise UserError(f'no head "{head}" is loaded; loaded: {", ".join(model.heads)}')
    settings = settings_of(archive, model, head)

    def write(partial: Path) -> None:
        write_encoder(model.encoder, model.vocab, partial)
        write_head(model, head, partial)
        write_settings(partial, settings)
        check_same(model, head, partial)
        if precision == "int8":
            for name in (ENCODER, HEAD):
                quantise(partial / name)
            write_settings(partial, dataclasses.replace(settings, precision=precision))

    write_folder(folder, write)
    return dataclasses.replace(settings, precision=precision)


def check_folder(folder: Path, force: bool) -> None:
    """Refuse to replace anything but an empty folder or, if wanted, an earlier export.

    # Parameters

    folder : the folder to write.
    force : whether to replace an earlier export.

    # Raises

    UserError : if the folder cannot be written.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        if not (folder / SETTINGS).is_file():
            raise UserError(f"{folder} exists and is not an export: choose another folder")
        if not force:
            raise UserError(f"{folder} exists: choose another folder, or replace it with --force")
