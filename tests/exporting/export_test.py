"""Exports, compared with prediction by torch for every encoder, tower, head and architecture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnxruntime
import pytest
import torch
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from torch import Tensor

from ner_adv_plugin.archives import Archive, load_archive
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.data.reading.normalisers import CharacterNormaliser, Normaliser
from ner_adv_plugin.exporting import export_archive
from ner_adv_plugin.inference import Predictor as TorchPredictor
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.encoders import CharacterEmbedding, Encoder
from ner_adv_plugin.modules.heads import Head
from ner_adv_plugin.runtime import Predictor
from tests.exporting.exports import TEXTS, archive_of, assert_same
from tests.modules.towers.tower_test import TOWERS
from tests.tiny import DATA, single_task_config, tiny_config

# Towers that compute step by step in Python.
STEPWISE = ("alternating_lstm", "stacked_bidirectional_lstm")
LEXICON = {
    "type": "lexicon",
    "encoder": {"type": "character_embedding", "embedding_dim": 6},
    "words": [str(DATA / "lexicon" / "words.txt")],
    "gazetteers": [str(DATA / "lexicon" / "types.txt")],
    "embedding_dim": 3,
}
HEADS: list[dict[str, Any]] = [
    {"type": "crf", "scheme": "BIOES"},
    {"type": "crf", "constrained": False},
    {"type": "crf", "scheme": "IOB1"},
    {"type": "softmax"},
    {"type": "pytorch_crf"},
    {"type": "global_pointer", "head_size": 6},
    {"type": "global_pointer", "head_size": 6, "flat": True},
    {"type": "biaffine", "hidden_size": 5},
]


def texts_of_fixtures() -> list[str]:
    """The sentences of the embedded corpora, as characters."""
    texts: list[str] = []
    for name in ("weibo/weiboNER_2nd_conll.test", "msra/test.bio", "people_daily/example.test"):
        for block in (DATA / name).read_text(encoding="utf-8").split("\n\n"):
            lines = block.split("\n")
            texts.append("".join(line[0] for line in lines if line.strip()))
    words = (DATA / "msr" / "msr_training.utf8").read_text(encoding="utf-8").splitlines()
    raw = (DATA / "unlabelled" / "reviews.txt").read_text(encoding="utf-8").splitlines()
    return [*texts, *("".join(line.split()) for line in words), *raw]


@pytest.mark.parametrize("head", ["weibo", "msra", "msr"])
def test_tags_of_all_texts_of_the_fixtures(tiny_run: Path, tmp_path: Path, head: str) -> None:
    archive = load_archive(tiny_run / "model.tar.gz", only_heads=[head])
    export_archive(archive, tmp_path / "out", head)
    texts = texts_of_fixtures()
    assert len(texts) > 700
    assert_same(archive, tmp_path / "out", head, texts, None)
    assert_same(archive, tmp_path / "out", head, texts[:40] + TEXTS, 4)


def test_a_transformer_with_windows(transformer_archive: Path, tmp_path: Path) -> None:
    archive = load_archive(transformer_archive)
    settings = export_archive(archive, tmp_path / "out")
    assert settings.subwords is not None and settings.subwords.window == 30
    texts = [*texts_of_fixtures()[:200], "".join(texts_of_fixtures())[:2000]]
    assert_same(archive, tmp_path / "out", "weibo", texts, None)
    assert_same(archive, tmp_path / "out", "weibo", TEXTS, 3)


@pytest.mark.parametrize("settings", HEADS, ids=lambda own: "-".join(map(str, own.values())))
def test_every_head(settings: dict[str, Any], tmp_path: Path) -> None:
    archive = archive_of(single_task_config(), model__head=settings)
    export_archive(archive, tmp_path / "out")
    for n_best in (None, 5):
        assert_same(archive, tmp_path / "out", "weibo", TEXTS, n_best)


def test_heads_are_all_the_registered_ones() -> None:
    own = {n for n in Head.list_available() if Head.by_name(n).__module__.startswith("ner_adv")}
    # A language model predicts no spans: it is refused.
    assert {settings["type"] for settings in HEADS} | {"masked_lm"} == own


@pytest.mark.parametrize("temperature", [0.5, 3.0])
@pytest.mark.parametrize("head", ["crf", "global_pointer"])
def test_scores_of_a_calibrated_head(head: str, temperature: float, tmp_path: Path) -> None:
    archive = archive_of(single_task_config(), model__head={"type": head})
    archive.model.set_temperature("weibo", temperature)
    export_archive(archive, tmp_path / "out")
    for n_best in (None, 2):
        assert_same(archive, tmp_path / "out", "weibo", TEXTS, n_best)


@pytest.mark.filterwarnings("ignore")  # of torch, on how allennlp-light builds its towers
@pytest.mark.parametrize("settings", TOWERS, ids=lambda own: own["type"])
def test_every_tower(settings: dict[str, Any], tmp_path: Path) -> None:
    encoder = {"type": "character_embedding", "embedding_dim": 6}
    archive = archive_of(single_task_config(), model__encoder=encoder, model__tower=settings)
    if settings["type"] in STEPWISE:
        message = f'model.towers.weibo: tower "{settings["type"]}" cannot be exported'
        with pytest.raises(UserError, match=message):
            export_archive(archive, tmp_path / "out")
        assert [*tmp_path.iterdir()] == []
        return

    export_archive(archive, tmp_path / "out")
    assert_same(archive, tmp_path / "out", "weibo", TEXTS, None)


def test_towers_are_all_the_registered_ones() -> None:
    # "augmented_lstm" does not say its size, so that no model can be built with it.
    known = {settings["type"] for settings in TOWERS} | {"augmented_lstm", "compose"}
    own = {
        name
        for name in Seq2SeqEncoder.list_available()
        if Seq2SeqEncoder.by_name(name).__module__.startswith(
            ("allennlp_light.", "ner_adv_plugin.")
        )
    }
    assert own == known


def test_composed_towers(tmp_path: Path) -> None:
    inner = [
        {"type": "lstm", "input_size": 24, "hidden_size": 5, "bidirectional": True},
        {"type": "gru", "input_size": 10, "hidden_size": 4, "bidirectional": True},
    ]
    archive = archive_of(single_task_config(), model__tower={"type": "compose", "encoders": inner})
    export_archive(archive, tmp_path / "out")
    assert_same(archive, tmp_path / "out", "weibo", TEXTS, None)


@pytest.mark.parametrize("combine", ["concatenate", "add"])
@pytest.mark.parametrize("left_out", ["nothing", "words", "gazetteers"])
def test_a_lexicon(combine: str, left_out: str, tmp_path: Path) -> None:
    encoder = {key: value for key, value in LEXICON.items() if key != left_out}
    archive = archive_of(single_task_config(), model__encoder={**encoder, "combine": combine})
    export_archive(archive, tmp_path / "out")
    assert_same(archive, tmp_path / "out", "weibo", [*TEXTS, "北京和上海的长江大桥"], None)


ARCHITECTURES = {"adversarial", "asymmetric", "cross_stitch", "hard_sharing", "mmoe", "ple"}


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_every_architecture(name: str, tmp_path: Path) -> None:
    overrides: dict[str, Any] = {"model__type": name}
    if name == "asymmetric":
        overrides["model__sources"] = {"weibo": ["msra"]}
    archive = archive_of(tiny_config(), **overrides)
    for head in ("weibo", "msr"):
        export_archive(archive, tmp_path / head, head)
        assert_same(archive, tmp_path / head, head, TEXTS, None)


def test_towers_that_read_towers(tmp_path: Path) -> None:
    lstm = {"type": "lstm", "hidden_size": 5, "bidirectional": True}
    archive = archive_of(
        tiny_config(),
        model__towers={"upper": lstm},
        model__inputs={"upper": ["encoder", "shared", "weibo"]},
        model__heads={
            "weibo": {"type": "crf", "reads": ["upper", "shared"]},
            "msra": "crf",
            "msr": "crf",
        },
    )
    export_archive(archive, tmp_path / "out", "weibo")
    assert_same(archive, tmp_path / "out", "weibo", TEXTS, None)


def test_architectures_are_all_the_registered_ones() -> None:
    own = {n for n in Model.list_available() if Model.by_name(n).__module__.startswith("ner_adv")}
    assert own == {"crf_tagger", *ARCHITECTURES}


def test_normalisers(tmp_path: Path) -> None:
    names = ["nfkc", "lowercase", {"type": "markup", "pattern": "#[^#]+#"}]
    config = single_task_config(dataset_reader__normalisers=names)
    archive = archive_of(config)
    settings = export_archive(archive, tmp_path / "out")
    assert [own["type"] for own in settings.normalisers] == ["nfkc", "lowercase", "markup"]
    assert_same(archive, tmp_path / "out", "weibo", [*TEXTS, "#魏勇#ＩＢＭ在Ｂeijing"], None)


def test_int8_is_smaller_and_close(transformer_archive: Path, tmp_path: Path) -> None:
    archive = load_archive(transformer_archive)
    export_archive(archive, tmp_path / "fp32")
    export_archive(archive, tmp_path / "int8", precision="int8")
    sizes = [(tmp_path / name / "encoder.onnx").stat().st_size for name in ("fp32", "int8")]
    assert sizes[1] < 0.4 * sizes[0]

    texts = sorted(TEXTS[1:4], key=len, reverse=True)
    exact, close = (Predictor(tmp_path / name).scores(texts) for name in ("fp32", "int8"))
    assert 0 < np.abs(exact - close).mean() < 0.1 * np.abs(exact).mean()


def test_graphs_have_named_axes_of_any_size(tiny_run: Path, tmp_path: Path) -> None:
    export_archive(load_archive(tiny_run), tmp_path / "out", "weibo")
    session = onnxruntime.InferenceSession(str(tmp_path / "out" / "head.onnx"))
    shapes = {own.name: own.shape for own in session.get_inputs()}
    assert shapes == {
        "states": ["sentences", "characters", 24],
        "mask": ["sentences", "characters"],
    }


class OfAnotherKind(Encoder):
    """An encoder that is none of the known ones."""

    def __init__(self, inner: CharacterEmbedding) -> None:
        super().__init__()
        self.inner, self.alphabet = inner, inner.alphabet

    def get_output_dim(self) -> int:
        return self.inner.get_output_dim()


class Unranked(Head):
    """A head without scores of tags or spans."""


class LengthAsNumber(Seq2SeqEncoder):
    """A tower whose graph would hold the length of the example."""

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        return inputs * float(inputs.shape[1])


class Unsupported(Seq2SeqEncoder):
    """A tower with an operation that ONNX lacks."""

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        return torch.special.bessel_j0(inputs)


@Normaliser.register("of_a_test_of_exports")
class OfAPlugin(CharacterNormaliser):
    """A normaliser that is not part of the package."""

    def __init__(self) -> None:
        self.__post_init__()

    def form(self, character: str) -> str:
        return character


class Shouting(DatasetReader):
    """A reader that changes the text by a method of its own."""

    def shown(self, text: str) -> str:
        return text.upper()


class TestRefused:
    """What cannot be exported is named, and nothing is written."""

    messages: ClassVar[Mapping[str, str]] = {
        "encoder": "model.encoder: OfAnotherKind cannot be exported: expected",
        "head": 'head "weibo": Unranked cannot be exported: expected "crf"',
        "length": 'head "weibo" cannot be exported: its graph gives other scores than the model',
        "operation": 'head "weibo" with its towers cannot be exported to ONNX: .*bessel_j0',
        "normaliser": "normaliser OfAPlugin of dataset weibo cannot be exported: expected one of",
        "reader": "dataset weibo: Shouting changes the text by a method `shown`",
        "model": "model: Linear cannot be exported: expected a model with an encoder",
        "name": 'no head "msra" is loaded; loaded: weibo',
    }

    @pytest.mark.parametrize("what", messages)
    def test_refused(self, what: str, tmp_path: Path) -> None:
        archive = archive_of(single_task_config(), model__tower={"type": "pass_through"})
        model: Any = archive.model
        reader: Any = archive.train_reader.readers["weibo"]
        if what == "encoder":
            model.encoder = OfAnotherKind(model.encoder)
        elif what == "head":
            model.heads["weibo"] = Unranked(model.vocab.label_space("weibo"), 24)
        elif what in ("length", "operation"):
            tower = LengthAsNumber if what == "length" else Unsupported
            model.towers["weibo"] = tower()
        elif what == "normaliser":
            reader.normalisers = [OfAPlugin()]
        elif what == "reader":
            archive.train_reader.readers["weibo"] = Shouting()
        elif what == "model":
            archive.model = torch.nn.Linear(1, 1)  # type: ignore[assignment]
        head = "msra" if what == "name" else "weibo"
        with pytest.raises(UserError, match=self.messages[what]):
            export_archive(archive, tmp_path / "out", head)
        assert [*tmp_path.iterdir()] == []


def test_a_folder_is_replaced_only_by_force_and_as_a_whole(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = load_archive(tiny_run)
    out = tmp_path / "out"
    export_archive(archive, out, "weibo")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(UserError, match="out exists: choose another folder, or replace it"):
        export_archive(archive, out, "msra")

    def fail(path: Path) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("ner_adv_plugin.exporting.export.quantise", fail)
        with pytest.raises(UserError, match="cannot write .*out: no space left on device"):
            export_archive(archive, out, "msra", precision="int8", force=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [*tmp_path.iterdir()] == [out]

    export_archive(archive, out, "msra", force=True)
    assert Predictor(out).head == "msra"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="mine exists and is not an export"):
        export_archive(archive, tmp_path / "mine", "weibo", force=True)


def test_the_same_archive_gives_the_same_files(tiny_run: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export_archive(load_archive(tiny_run), tmp_path / name, "weibo")
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("one", "two")
    )
    assert one == two


@pytest.mark.parametrize("name", ["weibo", "msra"])
def test_tags_of_2000_real_sentences(
    name: str, tiny_run: Path, tmp_path: Path, shared: Path
) -> None:
    files = {"weibo": "weiboNER_2nd_conll.train", "msra": "train.bio"}
    path = next((shared / "data" / name).glob(f"*{files[name]}*"))
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    texts = ["".join(line[0] for line in block.split("\n") if line.strip()) for block in blocks]
    texts = [text for text in texts if text][:2000]
    archive = load_archive(tiny_run, only_heads=[name])
    export_archive(archive, tmp_path / "out", name)

    tagger = TorchPredictor.from_params({"type": "tagger"}, archive=archive, head=name)
    expected = tagger.predict_batch_json([{"sentence": text} for text in texts])
    found = Predictor(tmp_path / "out").predict(texts)
    assert [one["tags"] for one in found] == [one["tags"] for one in expected]


def test_an_archive_is_not_changed(tiny_run: Path, tmp_path: Path) -> None:
    archive: Archive = load_archive(tiny_run)
    before = {name: value.clone() for name, value in archive.model.state_dict().items()}
    export_archive(archive, tmp_path / "out", "weibo")
    after = archive.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
