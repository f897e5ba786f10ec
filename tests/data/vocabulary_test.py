import io
import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.label_spaces import DatasetSpace
from ner_adv_plugin.data.labels.spans import Span, tiling
from ner_adv_plugin.data.namespaces import CHARACTERS, DOMAINS, PADDING, UNKNOWN
from ner_adv_plugin.data.reading import ConllReader, DatasetReader, SighanCwsReader
from ner_adv_plugin.data.vocabulary import Vocabulary
from tests.data.sentences import Splits, ner_reader, sentences_of, word_reader, words_of

ODD_CHARACTERS = "\n\t\r\x00\x0b\x1c\x85\u2028\u2029\u3000 \"'\\#{}é字😀\ufffd\ud83d\ufeff"


def tokens(vocab: Vocabulary, namespace: str) -> list[str]:
    """Return the entries of a namespace; check that both directions agree."""
    by_index = vocab.get_index_to_token_vocabulary(namespace)
    assert list(by_index) == list(range(vocab.get_vocab_size(namespace)))
    assert vocab.get_token_to_index_vocabulary(namespace) == {
        token: index for index, token in by_index.items()
    }
    return list(by_index.values())


def assert_same(one: Vocabulary, other: Vocabulary) -> None:
    assert one.datasets == other.datasets
    for head in one.heads:
        assert one.label_space(head) == other.label_space(head)
        assert one.known_words(head) == other.known_words(head)
    for namespace in (CHARACTERS, DOMAINS, *(f"{head}_types" for head in one.heads)):
        assert tokens(one, namespace) == tokens(other, namespace)


def test_datasets_have_their_numbers_of_training_sentences(tmp_path: Path) -> None:
    splits: Splits = {
        "train": {"a": sentences_of(("甲", "B-PER"), ("乙", "O"))},
        "validation": {"a": sentences_of(("丙", "B-LOC")), "b": sentences_of(("丙", "B-LOC"))},
    }
    vocab = Vocabulary.from_instances(splits, {"a": ner_reader("a"), "b": ner_reader("b")})
    vocab.save_to_files(tmp_path)
    for one in (vocab, Vocabulary.from_files(tmp_path)):
        assert {name: space.sentences for name, space in one.datasets.items()} == {
            "a": len(splits["train"]["a"]),
            "b": 0,
        }


def test_types_are_collected_from_all_splits_and_sorted() -> None:
    """The order of types depends neither on the split nor on the order of the data."""
    splits: Splits = {
        "train": {"a": sentences_of(("甲", "B-PER"), ("乙", "O"))},
        "validation": {"a": sentences_of(("丙", "B-LOC"))},
    }
    vocab = Vocabulary.from_instances(splits, {"a": ner_reader("a")})
    space = vocab.label_space("a")
    assert list(space.types) == tokens(vocab, "a_types") == ["LOC", "PER"]
    assert (space.head, space.segmentation) == ("a", False)


def test_words_have_one_type_without_a_name() -> None:
    vocab = Vocabulary.from_instances({"train": {"w": words_of("甲")}}, {"w": word_reader("w")})
    space = vocab.label_space("w")
    assert (space.types, space.segmentation) == (("",), True)


def test_types_that_a_dataset_leaves_unmarked() -> None:
    readers = {
        "a": ConllReader(head="h"),
        "b": ConllReader(head="h", annotated_types=["PER", "ORG"]),
        "c": ConllReader(annotated_types=["LOC"]),
    }
    for name, reader in readers.items():
        reader.bind(name)
    train = {
        "a": sentences_of(("甲乙丙", "B-PER B-LOC B-GPE")),
        "b": sentences_of(("乙", "B-PER")),
        "c": [],
    }
    vocab = Vocabulary.from_instances({"train": train}, readers)
    space = vocab.label_space("h")
    assert space.types == ("GPE", "LOC", "PER")
    assert [space.unannotated(name) for name in "ab"] == [[], [0, 1]]
    assert [space.types[i] for i in space.unannotated("b")] == ["GPE", "LOC"]


def test_datasets_may_share_a_head() -> None:
    splits: Splits = {
        "train": {
            "a": sentences_of(("甲", "B-PER")),
            "b": sentences_of(("乙", "B-LOC")),
            "c": sentences_of(("丙", "B-ORG")),
        },
        "test": {"b": sentences_of(("丁", "B-GPE"))},
    }
    readers = {
        "a": ner_reader("a", head="names", domain="news"),
        "b": ner_reader("b", head="names", domain="social"),
        "c": ner_reader("c", domain="news"),
    }
    vocab = Vocabulary.from_instances(splits, readers)
    assert vocab.heads == ["names", "c"]
    assert vocab.label_space("names").types == ("GPE", "LOC", "PER")
    assert vocab.label_space("c").types == ("ORG",)
    assert vocab.domains == tokens(vocab, DOMAINS) == ["news", "social"]
    assert {name: (space.head, space.domain) for name, space in vocab.datasets.items()} == {
        "a": ("names", "news"),
        "b": ("names", "social"),
        "c": ("c", "news"),
    }


@pytest.mark.parametrize(
    ("readers", "message"),
    [
        (
            {"a": ner_reader("a", head="h"), "c": ner_reader("c"), "b": word_reader("b", head="h")},
            'datasets "a" (ner) and "b" (segmentation) share head "h" but have different tasks',
        ),
        (
            {"a": word_reader("a", head="h"), "b": ner_reader("b", head="h")},
            'datasets "a" (segmentation) and "b" (ner) share head "h" but have different tasks',
        ),
    ],
)
def test_datasets_that_share_a_head_must_agree(
    readers: dict[str, DatasetReader], message: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        Vocabulary.from_instances({"train": {name: [] for name in readers}}, readers)
    assert error.value.path == "dataset_reader.readers.b.head"
    assert error.value.message == f"{message}: one of them needs another head"


def test_unlabelled_text_has_a_domain_and_no_head() -> None:
    splits: Splits = {
        "train": {"a": sentences_of(("甲", "B-PER")), "u": sentences_of(("乙", None))}
    }
    vocab = Vocabulary.from_instances(
        splits, {"a": ner_reader("a"), "u": ner_reader("u", head=None)}
    )
    assert vocab.heads == ["a"] and vocab.domains == ["a", "u"]
    assert vocab.datasets["u"].head is None


def test_characters_and_words_come_from_training_sentences_only() -> None:
    splits: Splits = {
        "train": {"w": words_of("乙 甲乙"), "u": sentences_of(("丁", None))},
        "validation": {"w": words_of("丙乙")},
        "test": {"w": words_of("戊")},
    }
    vocab = Vocabulary.from_instances(
        splits, {"w": word_reader("w"), "u": ner_reader("u", head=None)}
    )
    assert tokens(vocab, CHARACTERS) == [PADDING, UNKNOWN, "丁", "乙", "甲"]
    assert vocab.known_words("w") == {"乙", "甲乙"}
    assert vocab.known_words("u") == frozenset()


def test_unknown_namespaces_are_empty() -> None:
    vocab = Vocabulary.from_instances(
        {"train": {"a": sentences_of(("甲", "O"))}}, {"a": ner_reader("a")}
    )
    assert tokens(vocab, "no_such") == []


def odd_vocabulary(texts: list[str], types: list[str]) -> Vocabulary:
    """Collect a vocabulary of texts, each an entity of every type and a word."""
    named = [Instance(text, [Span(0, len(text), name)]) for text in texts for name in types]
    words = [Instance(text, [Span(0, len(text))]) for text in texts]
    readers = {"a": ner_reader("a", head="甲 head.", domain="domain\n甲"), "w": word_reader("w")}
    return Vocabulary.from_instances({"train": {"a": named, "w": words}}, readers)


def test_files_with_unusual_characters(tmp_path: Path) -> None:
    vocab = odd_vocabulary([ODD_CHARACTERS, *ODD_CHARACTERS], ["PER", "a-b.c", "O", "\u2028", '"'])
    vocab.save_to_files(tmp_path / "deep" / "vocabulary")
    read = Vocabulary.from_files(tmp_path / "deep" / "vocabulary")
    assert_same(vocab, read)
    assert set(ODD_CHARACTERS) <= set(tokens(read, CHARACTERS))
    assert ODD_CHARACTERS in read.known_words("w")
    assert read.directory == tmp_path / "deep" / "vocabulary"
    # The file is human-readable: one entry per line, characters unescaped.
    lines = (tmp_path / "deep" / "vocabulary" / "characters.txt").read_bytes().split(b"\n")
    assert len(lines) == vocab.get_vocab_size(CHARACTERS) + 1 and '"字"'.encode() in lines


@settings(max_examples=50)
@given(
    st.lists(st.text(st.characters(), min_size=1), min_size=1, max_size=5),
    st.text(st.characters(), min_size=1),
)
def test_files_with_any_text(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], type_name: str
) -> None:
    vocab = odd_vocabulary(texts, [type_name])
    folder = tmp_path_factory.mktemp("vocabulary")
    vocab.save_to_files(folder)
    assert_same(vocab, Vocabulary.from_files(folder))


def test_from_a_config(tmp_path: Path) -> None:
    vocab = odd_vocabulary(["甲"], ["PER"])
    vocab.save_to_files(tmp_path)
    assert_same(vocab, construct(Vocabulary, {"type": "from_files", "directory": str(tmp_path)}))
    splits: Splits = {"train": {"a": sentences_of(("甲", "B-PER"))}}
    collected = construct(Vocabulary, {}, instances=splits, readers={"a": ner_reader("a")})
    assert collected.heads == ["a"]


def test_a_missing_vocabulary(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=f"no vocabulary in {tmp_path}: datasets.json is missing"
    ):
        Vocabulary.from_files(tmp_path)
    (tmp_path / "datasets.json").write_text(json.dumps({}))
    assert Vocabulary.from_files(tmp_path).heads == []


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("a_types.txt", None, "a_types.txt is missing"),
        (
            "a_types.txt",
            "5\n",
            "a_types.txt: expected one JSON string per line, found other values",
        ),
        ("a_types.txt", "PER\n", "Expecting value"),
        ("datasets.json", "[]", "expected an object"),
        (
            "datasets.json",
            '{"a": {"head": "a", "domian": "a", "task": "ner"}}',
            'Did you mean "domain"?',
        ),
        (
            "datasets.json",
            '{"a": {"head": "a", "scheme": "BIO"}}',
            "0.1, which stored tags instead of types",
        ),
    ],
)
def test_a_vocabulary_that_cannot_be_read(
    tmp_path: Path, file: str, content: str | None, message: str
) -> None:
    splits: Splits = {"train": {"a": sentences_of(("甲", "B-PER"))}}
    Vocabulary.from_instances(splits, {"a": ner_reader("a")}).save_to_files(tmp_path)
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(content)
    with pytest.raises(ConfigurationError) as error:
        Vocabulary.from_files(tmp_path)
    assert error.value.message.startswith(f"cannot read the vocabulary in {tmp_path}: ")
    assert message in error.value.message


def packed(path: Path, members: dict[str, bytes]) -> Path:
    """Write an archive of these files."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("folder", ["", "./", "vocabulary/"])
def test_an_archive_is_read_like_its_folder(tmp_path: Path, folder: str) -> None:
    vocab = odd_vocabulary([ODD_CHARACTERS, *ODD_CHARACTERS], ["PER", "LOC"])
    vocab.save_to_files(tmp_path / "saved")
    members = {f"{folder}{path.name}": path.read_bytes() for path in (tmp_path / "saved").iterdir()}
    # Other members are ignored, and nothing is written.
    others = {
        "../outside.txt": b"{",
        "/root.txt": b"{",
        "deep/other.txt": b"{",
        "weights.th": b"{",
        "config.json": b"{",
    }
    archive = packed(tmp_path / "vocab.tar.gz", {**others, **members})
    before = sorted(tmp_path.parent.rglob("*"))
    read = construct(Vocabulary, {"type": "from_files", "directory": str(archive)})
    assert sorted(tmp_path.parent.rglob("*")) == before and not Path("/root.txt").exists()
    assert_same(vocab, read)
    assert set(read._tokens) == set(vocab._tokens) and read.directory is None


def test_archives_without_a_vocabulary(tmp_path: Path) -> None:
    archive = packed(tmp_path / "vocab.tar.gz", {"characters.txt": b'"a"\n'})
    with pytest.raises(ConfigurationError, match="vocab.tar.gz: datasets.json is missing"):
        Vocabulary.from_files(archive)
    whole = packed(
        archive, {"datasets.json": b"{}", "characters.txt": bytes(range(256)) * 200}
    ).read_bytes()
    for damaged in (b"no archive", whole[:-20], whole[:100], whole[:60] + b"????" + whole[64:]):
        archive.write_bytes(damaged)
        with pytest.raises(ConfigurationError, match="vocab.tar.gz is not a valid archive: "):
            Vocabulary.from_files(archive)


def test_a_dataset_with_the_name_of_a_head_determines_its_task() -> None:
    readers = {"a": word_reader("a", head="b"), "b": ner_reader("b")}
    with pytest.raises(
        ConfigurationError, match='^dataset_reader.readers.a.head: datasets "b" .* and "a" .*'
    ):
        Vocabulary.from_instances({"train": {name: [] for name in readers}}, readers)


@given(
    st.lists(
        st.tuples(st.lists(st.text("甲乙丙丁", min_size=1, max_size=4), max_size=4), st.booleans()),
        max_size=5,
    )
)
def test_words_come_from_labelled_sentences(drawn: list[tuple[list[str], bool]]) -> None:
    sentences = [
        Instance("".join(words), tiling(map(len, words)) if labelled else None)
        for words, labelled in drawn
    ]
    reader = SighanCwsReader()
    reader.bind("w")
    vocab = Vocabulary.from_instances({"train": {"w": sentences}}, {"w": reader})
    assert vocab.known_words("w") == {
        word for words, labelled in drawn if labelled for word in words
    }


def test_an_unknown_head_is_named() -> None:
    vocab = Vocabulary({"weibo": DatasetSpace("weibo", "social", "ner")}, {"weibo_types": ["PER"]})
    with pytest.raises(UserError, match='^no head "weibbo". Did you mean "weibo"'):
        vocab.label_space("weibbo")
