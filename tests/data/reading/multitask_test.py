from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError, DataError
from ner_adv_plugin.data.reading import DatasetReader, MultiTaskDatasetReader
from ner_adv_plugin.data.reading.multitask import as_multitask


def reader_of(**readers: Any) -> MultiTaskDatasetReader:
    reader = construct(DatasetReader, {"type": "multitask", "readers": readers}, "dataset_reader")
    assert isinstance(reader, MultiTaskDatasetReader)
    return reader


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "names").write_text("甲\tB-PER\n乙\tO\n\n丙\tO\n", encoding="utf-8")
    (tmp_path / "words").write_text("甲乙  丙\n", encoding="utf-8")
    (tmp_path / "text").write_text("丁\n戊\n", encoding="utf-8")
    return {name: str(tmp_path / name) for name in ("names", "words", "text")}


def test_each_dataset_is_read_by_its_reader(files: dict[str, str]) -> None:
    reader = reader_of(names={"type": "msra", "domain": "news"}, words="msr", text="unlabelled")
    sentences = reader.read_all(
        {"text": files["text"], "names": files["names"], "words": files["words"]}
    )
    # In the order of the paths.
    assert [
        (name, [(sentence.text, sentence.spans) for sentence in table])
        for name, table in sentences.items()
    ] == [
        ("text", [("丁", None), ("戊", None)]),
        ("names", [("甲乙", [(0, 1, "PER")]), ("丙", [])]),
        ("words", [("甲乙丙", [(0, 2, ""), (2, 3, "")])]),
    ]
    assert all(sentence.dataset == name for name, table in sentences.items() for sentence in table)
    # Validation may use only some of the datasets.
    assert list(reader.read_all({"names": files["names"]})) == ["names"]
    assert reader.read_all({}) == {}


def test_head_and_domain_default_to_the_dataset() -> None:
    reader = reader_of(
        a={"type": "msra"},
        b={"type": "msra", "head": "a", "domain": "news"},
        c={"type": "msr", "head": None},
        d={"type": "unlabelled", "domain": "web"},
    )
    assert {name: (single.head, single.domain) for name, single in reader.readers.items()} == {
        "a": ("a", "a"),
        "b": ("a", "news"),
        "c": (None, "c"),
        "d": (None, "web"),
    }


@pytest.mark.parametrize(
    ("readers", "path", "message"),
    [
        ({}, "readers", "expected at least one reader"),
        (
            {"a": {"type": "mrsa"}},
            "readers.a.type",
            '"mrsa" is not a registered DatasetReader. Did you mean "msra"?',
        ),
        (
            {"a": {"type": "msra", "domian": "x"}},
            "readers.a.domian",
            'unknown key. Did you mean "domain"?',
        ),
        (
            {"a": {"type": "msra", "illegal_tags": "fix"}},
            "readers.a.illegal_tags",
            "found 'fix', expected one of ",
        ),
        (
            {"a": {"type": "conll", "tag_column": 0}},
            "readers.a.tag_column",
            "column 0 holds the character",
        ),
        (
            {"a": {"type": "msra", "overlaps": "longest"}},
            "readers.a.overlaps",
            "found 'longest', expected one of ",
        ),
        (
            {"a": {"type": "msra", "training_scheme": "BIO"}},
            "readers.a.training_scheme",
            "unknown key",
        ),
        (
            {"a": {"type": "unlabelled", "lines_per_row": 2}},
            "readers.a.lines_per_row",
            "unknown key. It was renamed to lines_per_sentence.",
        ),
        (
            {"a": {"type": "conll", "tag_scheme": "bio"}},
            "readers.a.tag_scheme",
            'no tag scheme "bio": expected one ',
        ),
        (
            {"a.b": "msra"},
            "readers.a.b.head",
            'found "a.b": a head names files and modules',
        ),
        ({"a": {"type": "msra", "head": "x/y"}}, "readers.a.head", 'found "x/y": a head names'),
        ({"a": {"type": "msra", "head": ""}}, "readers.a.head", 'found "": a head names'),
    ],
)
def test_invalid_readers(readers: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        reader_of(**readers)
    assert error.value.path == f"dataset_reader.{path}"
    assert error.value.message.startswith(message)


def test_unlabelled_datasets_may_have_any_name() -> None:
    assert list(reader_of(**{"a/b.c": "unlabelled"}).readers) == ["a/b.c"]


def test_a_path_without_a_reader(files: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as error:
        reader_of(names="msra", words="msr").read_all({"name": files["names"]})
    assert (
        error.value.message
        == 'no reader for dataset "name". Did you mean "names"? Readers: names, words.'
    )


def test_a_single_path_for_a_multitask_reader(files: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as error:
        reader_of(names="msra").read(files["names"])
    assert (
        error.value.message
        == f"a multitask reader needs an object of paths, found {files['names']!r}"
    )


def test_errors_name_the_file(files: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{tmp_path / 'words'}:1: found"):
        reader_of(names="msra").read_all({"names": files["words"]})
    with pytest.raises(DataError, match="no-such: found 'no such file'"):
        reader_of(names="msra").read_all({"names": str(tmp_path / "no-such")})


@pytest.mark.parametrize(
    ("config", "name", "head"),
    [
        ("msra", "msra", "msra"),
        ({"type": "msra", "domain": "news"}, "msra", "msra"),
        ({"type": "msra", "head": "names"}, "names", "names"),
        ({"type": "unlabelled"}, "unlabelled", None),
        ({"type": "msra", "head": None}, "msra", None),
    ],
)
def test_one_dataset_is_named_after_its_head_or_its_type(
    config: Any, name: str, head: str | None
) -> None:
    single = construct(DatasetReader, config)
    reader = as_multitask(single, config)
    assert reader.readers == {name: single}
    assert single.head == head


def test_as_multitask_returns_a_multitask_reader_unchanged() -> None:
    reader = reader_of(names="msra")
    assert as_multitask(reader, {"type": "multitask"}) is reader
