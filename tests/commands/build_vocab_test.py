"""`allennlp build-vocab`."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.data.vocabulary import Vocabulary
from tests.commands.conftest import Run
from tests.tiny import DATA, single_task_config, write_config


def config_of(sentences: int, **overrides: Any) -> dict[str, Any]:
    return single_task_config(
        dataset_reader__max_instances=sentences, trainer__num_epochs=1, **overrides
    )


@pytest.fixture
def config(tmp_path: Path) -> str:
    return write_config(tmp_path / "config.json", config_of(30))


def contents(archive: str) -> dict[str, bytes]:
    """Return the files of an archive."""
    with tarfile.open(archive) as tar:
        files = {member.name: tar.extractfile(member) for member in tar}
        return {name: file.read() for name, file in files.items() if file is not None}


def characters(archive: str) -> set[str]:
    lines = contents(archive)["characters.txt"].decode().splitlines()
    return {json.loads(line) for line in lines} - {"@@PADDING@@", "@@UNKNOWN@@"}


def characters_of_sentences(sentences: int) -> set[str]:
    """Return the characters of the first sentences of the corpus, read independently."""
    blocks = (
        (DATA / "weibo" / "weiboNER_2nd_conll.train")
        .read_text(encoding="utf-8")
        .strip()
        .split("\n\n")
    )
    return {line[0] for block in blocks[:sentences] for line in block.splitlines()}


def test_the_vocabulary_is_that_of_training(run: Run, config: str) -> None:
    result = run("build-vocab", config, "deep/vocab.tar.gz")
    assert (result.status, result.out) == (0, "vocabulary: deep/vocab.tar.gz\n")
    assert [path.name for path in Path("deep").iterdir()] == ["vocab.tar.gz"]
    assert run("train", config, "-s", "run").status == 0
    made = {path.name: path.read_bytes() for path in Path("run/vocabulary").iterdir()}
    assert contents("deep/vocab.tar.gz") == made
    assert characters("deep/vocab.tar.gz") == characters_of_sentences(30)


@pytest.mark.parametrize("flag", ["-o", "--overrides"])
def test_overrides_are_applied(run: Run, config: str, flag: str) -> None:
    assert (
        run(
            "build-vocab", config, "vocab.tar.gz", flag, '{"dataset_reader.max_instances": 5}'
        ).status
        == 0
    )
    assert characters("vocab.tar.gz") == characters_of_sentences(5) < characters_of_sentences(30)


def test_an_existing_file_is_kept_without_force(run: Run, config: str) -> None:
    Path("vocab.tar.gz").write_text("precious")
    result = run("build-vocab", config, "vocab.tar.gz")
    assert (result.status, result.err) == (
        2,
        "error: vocab.tar.gz exists: use --force to overwrite it\n",
    )
    assert Path("vocab.tar.gz").read_text() == "precious"
    for flag in ("-f", "--force"):
        assert run("build-vocab", config, "vocab.tar.gz", flag).status == 0
        assert characters("vocab.tar.gz") == characters_of_sentences(30)


def test_the_same_vocabulary_gives_the_same_archive(run: Run, config: str) -> None:
    for name in ("one", "other"):
        assert run("build-vocab", config, f"{name}/vocab.tar.gz").status == 0
    assert Path("one/vocab.tar.gz").read_bytes() == Path("other/vocab.tar.gz").read_bytes()


@pytest.mark.parametrize("output", ["vocab", "vocab.zip", "vocab/"])
def test_another_ending(run: Run, config: str, output: str) -> None:
    result = run("build-vocab", config, output)
    assert result.status == 2 and "output_path: expected a path ending in .tar.gz" in result.err
    assert [path.name for path in Path().iterdir()] == ["config.json"]


def of_version_0_1(folder: Path) -> None:
    datasets = json.loads((folder / "datasets.json").read_text(encoding="utf-8"))
    datasets["weibo"]["scheme"] = "BIO"
    datasets["weibo"]["sentences"] = datasets["weibo"].pop("sentences")
    (folder / "datasets.json").write_text(json.dumps(datasets), encoding="utf-8")
    (folder / "weibo_types.txt").rename(folder / "weibo_labels.txt")


def of_another_config(folder: Path) -> None:
    text = (folder / "datasets.json").read_text(encoding="utf-8").replace('"weibo": {', '"web": {')
    (folder / "datasets.json").write_text(text, encoding="utf-8")


def without_types(folder: Path) -> None:
    (folder / "weibo_types.txt").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            of_version_0_1,
            "cannot read the vocabulary in {}: datasets.json was written by ner_adv_plugin 0.1, ",
        ),
        (without_types, "cannot read the vocabulary in {}: weibo_types.txt is missing"),
        (of_another_config, 'it has no dataset "weibo". Did you mean "web"? Datasets: web.'),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_vocabulary_that_a_run_cannot_use(
    run: Run, config: str, tmp_path: Path, spoil: Callable[[Path], None], message: str, packed: bool
) -> None:
    assert run("build-vocab", config, "vocab.tar.gz").status == 0
    with tarfile.open("vocab.tar.gz") as tar:
        tar.extractall("vocab", filter="data")
    spoil(Path("vocab"))
    directory = "vocab"
    if packed:
        directory = "spoilt.tar.gz"
        with tarfile.open(directory, "w:gz") as tar:
            tar.add("vocab", "")
    vocabulary = {"type": "from_files", "directory": directory}
    spoilt = write_config(tmp_path / "spoilt.json", config_of(5, vocabulary=vocabulary))
    for command in (["train", spoilt, "-s", "run"], ["build-vocab", spoilt, "again.tar.gz"]):
        result = run(*command)
        assert result.status == 2 and "Traceback" not in result.err
        assert result.err.splitlines()[-1].startswith(
            f"error: vocabulary: {message.format(directory)}"
        )


@pytest.mark.parametrize("unpacked", [False, True])
def test_a_run_uses_the_vocabulary(run: Run, config: str, tmp_path: Path, unpacked: bool) -> None:
    """A run on fewer sentences, which lack most characters, has those of the vocabulary."""
    assert run("build-vocab", config, "vocab.tar.gz").status == 0
    directory = "vocab.tar.gz"
    if unpacked:
        directory = "unpacked"
        with tarfile.open("vocab.tar.gz") as tar:
            tar.extractall(directory, filter="data")
    small = config_of(5, vocabulary={"type": "from_files", "directory": directory})
    result = run("train", write_config(tmp_path / "small.json", small), "-s", "run")
    assert result.status == 0, result.err
    lines = Path("run/vocabulary/characters.txt").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line) for line in lines[2:]} == characters_of_sentences(30)
    Path("in.jsonl").write_text('{"sentence": "我在北京"}\n', encoding="utf-8")
    answer = run("predict", "run/model.tar.gz", "in.jsonl")
    assert answer.status == 0 and len(json.loads(answer.out)["tags"]) == 4
    # The archive of a model also holds its vocabulary.
    again = Vocabulary.from_files("run/model.tar.gz")
    assert set(again.get_token_to_index_vocabulary("characters")) > characters_of_sentences(30)
