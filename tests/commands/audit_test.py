"""`allennlp audit`."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import Run
from tests.tiny import tiny_config, write_config

FIELDS = {
    "file",
    "known_as",
    "sentences",
    "characters",
    "entities",
    "words",
    "max_length",
    "duplicates",
}
FIELDS |= {"illegal_transitions", "illegal_sentences", "unknown_characters", "fingerprint"}


def write_sentences(path: str, *texts: str) -> None:
    Path(path).write_text(
        "".join("".join(f"{c} O\n" for c in text) + "\n" for text in texts), encoding="utf-8"
    )


def lone_config(**keys: Any) -> dict[str, Any]:
    """Return a config with readers and paths only."""
    return {
        "dataset_reader": "conll",
        "train_data_path": "train",
        "validation_data_path": "dev",
        **keys,
    }


@pytest.fixture
def leaking(run: Run) -> None:
    """Files with two dev sentences in train: one unchanged, one with other punctuation."""
    write_sentences("train", "今天天气很好", "我去上海。", "他来北京", "他来北京")
    write_sentences("dev", "我去上海", "他来北京", "明天见")


@pytest.mark.usefixtures("leaking")
def test_readers_and_paths_are_sufficient(run: Run, tmp_path: Path) -> None:
    result = run(
        "audit", write_config(tmp_path / "c.json", lone_config()), "--output-file", "out/audit.json"
    )
    assert (result.status, result.err) == (0, "")
    found = json.loads(Path("out/audit.json").read_text(encoding="utf-8"))
    assert list(found["datasets"]) == ["conll"] and list(found["datasets"]["conll"]) == [
        "train",
        "validation",
    ]
    train = found["datasets"]["conll"]["train"]
    assert set(train) == FIELDS
    assert (train["sentences"], train["characters"], train["max_length"], train["duplicates"]) == (
        4,
        19,
        6,
        2,
    )
    assert train["unknown_characters"] is None and train["entities"] == {"total": 0, "types": {}}
    assert found["leaked_sentences"] == {"conll": 3}
    assert found["overlaps"][1] == {
        "sentences_of": "conll.validation",
        "found_in": "conll.train",
        "flagged": True,
        "exact": 1,
        "normalised": 2,
        "contained": 2,
        "same_tags": 1,
        "holders": 3,
    }
    assert (
        "! conll.validation in conll.train      1           2          2          1        3"
        in result.out
    )
    assert "unknown" not in result.out


@pytest.mark.usefixtures("leaking")
@pytest.mark.parametrize("flag", ["-o", "--overrides"])
def test_overrides(run: Run, tmp_path: Path, flag: str) -> None:
    config = write_config(tmp_path / "c.json", lone_config())
    result = run(
        "audit",
        config,
        flag,
        '{"dataset_reader": {"type": "conll", "head": "x", "max_instances": 1}}',
    )
    assert result.status == 0
    assert "x.validation" in result.out and "No sentence occurs in two splits." in result.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.json", "dev", "train"]


def test_a_complete_config(run: Run, tmp_path: Path) -> None:
    config = write_config(tmp_path / "tiny.json", tiny_config(data_loader__leakage="error"))
    assert run("audit", config, "--output-file", "audit.json").status == 0
    found = json.loads(Path("audit.json").read_text(encoding="utf-8"))
    assert {name: list(splits) for name, splits in found["datasets"].items()} == {
        "weibo": ["train", "validation", "test"],
        "msra": ["train"],
        "msr": ["train"],
    }
    assert [found["datasets"]["msr"]["train"][key] for key in ("sentences", "entities")] == [
        20,
        None,
    ]
    # An encoder without pretraining knows the characters that it is trained on.
    unknown = {
        name: splits["train"]["unknown_characters"] for name, splits in found["datasets"].items()
    }
    assert unknown == {"weibo": 0, "msra": 0, "msr": 0}
    texts = {
        split: _characters(tiny_config()[f"{split}_data_path"]["weibo"])
        for split in ("validation", "test")
    }
    known = {
        c
        for name, path in tiny_config()["train_data_path"].items()
        for c in _characters(path, name)
    }
    for split, text in texts.items():
        assert found["datasets"]["weibo"][split]["unknown_characters"] == sum(
            c not in known for c in text
        )
    assert len(found["overlaps"]) == 5 * 4


def _characters(path: str, name: str = "weibo") -> list[str]:
    """Return the characters of the first 40 sentences of Weibo, or 20 of another corpus."""
    content = Path(path).read_text(encoding="utf-8")
    if name == "msr":
        return list("".join(content.split("\n")[:20]).replace(" ", ""))
    sentences = content.split("\n\n")[: 40 if name == "weibo" else 20]
    return [line[0] for sentence in sentences for line in sentence.split("\n") if line]


def test_a_pretrained_encoder_without_its_weights(
    run: Run, tmp_path: Path, fixture_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("an audit loads no weights")

    monkeypatch.setattr(
        "ner_adv_plugin.modules.encoders.pretrained_transformer.load_transformer", fail
    )
    write_sentences("dev", "我去ꙮ\u3000\u4dff我")
    encoder = {"type": "pretrained_transformer", "model_name": str(fixture_encoder)}
    config = {"dataset_reader": "conll", "test_data_path": "dev", "model": {"encoder": encoder}}
    result = run("audit", write_config(tmp_path / "c.json", config), "--output-file", "audit.json")
    assert result.status == 0
    found = json.loads(Path("audit.json").read_text(encoding="utf-8"))
    # Including the space, for which the tokenizer has no token.
    assert found["datasets"]["conll"]["test"]["unknown_characters"] == 3
    assert result.out.splitlines()[0].endswith("unknown")


@pytest.mark.usefixtures("leaking")
@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"train_data_path": "tarin"},
            'train_data_path: no such file "tarin". Did you mean "train"?',
        ),
        ({"tset_data_path": "dev"}, 'tset_data_path: unknown key. Did you mean "test_data_path"?'),
        (
            {"dataset_reader": "connl"},
            'dataset_reader.type: "connl" is not a registered DatasetReader.',
        ),
        ({"train_data_path": {"x": "train"}}, "train_data_path.x: no reader for this dataset."),
        (
            {"train_data_path": None, "validation_data_path": None},
            "nothing to read: expected train_data_path",
        ),
        (
            {"model": {"encoder": {"type": "elmo"}}},
            'model.encoder.type: "elmo" is not a registered Encoder.',
        ),
        (
            {"model": {"encoder": {"model_name": "./none"}}},
            "model.encoder.model_name: cannot load encoder",
        ),
        (
            {"dataset_reader": {"type": "multitask", "readers": {"a": "conll", "b": "conll"}}}
            | {"train_data_path": {"a": "train"}, "validation_data_path": None},
            "dataset_reader.readers.b: no path for this reader",
        ),
    ],
)
def test_errors(run: Run, tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    result = run("audit", write_config(tmp_path / "c.json", lone_config(**keys)))
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(f"error: {message}")


def test_a_sentence_that_cannot_be_read(run: Run, tmp_path: Path) -> None:
    write_sentences("dev", "好")
    Path("train").write_text("好 O\n坏\n", encoding="utf-8")
    result = run("audit", write_config(tmp_path / "c.json", lone_config()))
    assert result.status == 2 and result.err.startswith("error: train:2: found")


def test_texts_that_are_labelled_in_different_ways(run: Run, tmp_path: Path) -> None:
    lines = "他 O\n在 O\n北 B-LOC\n京 I-LOC\n\n"
    Path("train").write_text(lines + lines.replace("LOC", "ORG") + lines, encoding="utf-8")
    write_sentences("dev", "明天见", "明天见")
    result = run("audit", write_config(tmp_path / "c.json", lone_config()))
    assert result.status == 0
    shown = """
conll.train: 3 sentences have a text that is labelled in different ways
  他在北京
    train:1: LOC 北京 [2, 4)
    train:6: ORG 北京 [2, 4)
"""
    assert result.out.endswith(shown)


def test_halves_of_surrogate_pairs(run: Run, tmp_path: Path) -> None:
    text = json.dumps("\ud83d王明")
    label = json.dumps({"PER\ud83d": {"王明": [[1, 2]]}})
    lines = [f'{{"text": {text}, "label": {own}}}' for own in (label, "{}")]
    Path("train").write_text("\n".join(lines), encoding="utf-8")
    config = write_config(
        tmp_path / "c.json", {"dataset_reader": "span_json", "train_data_path": "train"}
    )
    result = run("audit", config, "--output-file", "audit.json")
    assert result.status == 0 and "train:1: PER\\ud83d 王明 [1, 3)" in result.out
    found = json.loads(Path("audit.json").read_text(encoding="utf-8"))
    assert list(found["contradictions"]["span_json"]["train"]["examples"]) == ["\ud83d王明"]
