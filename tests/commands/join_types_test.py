"""`allennlp join-types`."""

import json
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.data import collect_vocabulary, read_data
from tests.commands.conftest import Run
from tests.tiny import DATA, tiny_config, write_config

KNOWN = {"PER.NAM", "PER.NOM", "LOC.NAM", "LOC.NOM", "GPE.NAM", "GPE.NOM", "ORG.NAM", "ORG.NOM"}


def config_with(tmp_path: Path, output: str) -> dict[str, Any]:
    """Paste what the command printed into the config."""
    pasted = output.split("\n\n", 1)[1]
    path = tmp_path / "pasted.jsonnet"
    path.write_text(f"(import 'tiny.json') {{\n{pasted}\n}}", encoding="utf-8")
    return load_config(path)


def small_config() -> dict[str, Any]:
    """Weibo and MSRA entities, and MSR words; the readers read whole files."""
    config = tiny_config(model__objectives=[], model__type="hard_sharing")
    for reader in config["dataset_reader"]["readers"].values():
        reader.pop("max_instances", None)
    return config


def test_what_it_prints_is_a_config(run: Run, tmp_path: Path) -> None:
    path = write_config(tmp_path / "tiny.json", small_config())
    result = run("join-types", path, "--merge")
    assert result.status == 0
    lines = result.out.splitlines()
    assert lines[0] == "weibo (target)" and "msra" in lines and "msr" not in lines
    assert "  LOC  -> LOC.NAM  joined  both mean location" in lines

    job = checked_job(config_with(tmp_path, result.out))
    data = read_data(job)
    space = collect_vocabulary(job, data).label_space("weibo")
    assert set(space.types) == KNOWN - {"GPE.NAM"}
    # What MSRA does not annotate is unknown there.
    assert set(space.annotated_types["msra"]) == {"PER.NAM", "LOC.NAM", "ORG.NAM"}
    assert "weibo" not in space.annotated_types


def test_a_reader_stops_at_types_that_are_undecided(run: Run, tmp_path: Path) -> None:
    path = write_config(tmp_path / "tiny.json", small_config())
    result = run("join-types", path)
    assert "  LOC  -> ?        unsure  may hold what the target calls GPE.NAM" in result.out
    assert "// Undecided: LOC: 'LOC.NAM' or 'GPE.NAM' or null" in result.out
    config = config_with(tmp_path, result.out)
    with pytest.raises(DataError, match="entities of type LOC"):
        read_data(checked_job(config))

    # It can be asked again.
    again = run("join-types", write_config(tmp_path / "again.json", config), "--merge")
    assert "  LOC  -> LOC.NAM  joined" in again.out
    assert "  PER  -> PER.NAM  given   type_map of the reader" in again.out


def test_descriptions_and_target(run: Run, tmp_path: Path) -> None:
    path = write_config(tmp_path / "tiny.json", small_config())
    override = {"dataset_reader.readers.weibo.type_descriptions": {"PER.NAM": "机构名"}}
    result = run("join-types", path, "--target", "msra", "-o", json.dumps(override))
    assert result.out.startswith("msra (target)")
    assert "  PER.NAM  -> ORG   joined   both mean organization" in result.out
    assert "  PER.NOM  -> null  dropped  no such type in the target" in result.out

    override = {"dataset_reader.readers.weibo.type_descriptions": {"PER.NAN": "人名"}}
    result = run("join-types", path, "-o", json.dumps(override))
    assert 'weibo.type_descriptions: no type "PER.NAN". Did you mean "PER.NAM"?' in result.err


def test_annotated_files(run: Run) -> None:
    files = [DATA / name for name in ("msra/train.bio", "cluener/train.json")]
    result = run("join-types", *files)
    assert result.status == 0
    assert result.out.splitlines()[0] == "msra_train (target)"
    assert "  address       -> LOC  joined  both mean location" in result.out
    assert (
        "  cluener_train+: {\n    head: 'msra_train',\n    type_map: { address: 'LOC'" in result.out
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "msr"], '--target: no dataset with entities "msr". Did you mean "msra"?'),
        (["--threshold", "2"], "--threshold: expected 0 to 1, found 2"),
        (
            ["-o", '{"dataset_reader.readers.msra.type_descriptions": {"PER": " "}}'],
            'dataset_reader.readers.msra.type_descriptions.PER: found " ": expected a description',
        ),
        (["-o", '{"validation_data_path": null}'], "Name it by --target: msra, weibo"),
    ],
)
def test_errors(run: Run, tmp_path: Path, arguments: list[str], message: str) -> None:
    path = write_config(tmp_path / "tiny.json", small_config())
    result = run("join-types", path, *arguments)
    assert result.status == 2 and message in result.err


def test_files_of_one_name(run: Run) -> None:
    result = run("join-types", *[DATA / "msra" / "train.bio"] * 2)
    assert result.status == 2 and '2 files would have the name "msra_train"' in result.err


def test_one_dataset_is_not_enough(run: Run, tmp_path: Path) -> None:
    config = {"dataset_reader": "msra", "train_data_path": str(DATA / "msra/train.bio")}
    result = run("join-types", write_config(tmp_path / "one.json", config))
    assert result.status == 2
    assert "expected two datasets with entities or more, found msra" in result.err
