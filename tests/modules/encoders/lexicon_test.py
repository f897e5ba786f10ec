"""The lexicon encoder, against numbers worked out by hand and a plain SoftLexicon."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.commands import main
from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch, collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.lexicon import Lexicon
from ner_adv_plugin.inference import Predictor
from ner_adv_plugin.modules.encoders import LexiconEncoder, Perturbation
from ner_adv_plugin.modules.encoders.encoder import LazyEncoder
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.testing import MultiTaskModelTestCase
from tests.modules.examples import vocabulary
from tests.tiny import single_task_config

pytest.importorskip("ahocorasick")
INNER = {"type": "character_embedding", "embedding_dim": 5}
WORDS = "长江 3\n大桥 2\n桥\n长江大桥\n"


@pytest.fixture
def words(tmp_path: Path) -> str:
    path = tmp_path / "words.txt"
    path.write_text(WORDS, encoding="utf-8")
    return str(path)


def build(**settings: Any) -> LexiconEncoder:
    """A lexicon encoder whose training texts are one sentence."""
    vocab = vocabulary("weibo")
    vocab.training_texts = lambda: iter(["在长江大桥和长江", "大桥的桥"])
    torch.manual_seed(0)
    config = {"type": "lexicon", "encoder": INNER, "embedding_dim": 2, **settings}
    encoder = construct(LazyEncoder, config, "model.encoder").construct(vocab=vocab)
    assert isinstance(encoder, LexiconEncoder)
    return encoder.eval()


def batch_of(encoder: LexiconEncoder, *texts: str) -> Batch:
    sentences = [Instance(text) for text in texts]
    dataset = EncodedDataset("weibo", sentences, vocabulary("weibo"), encoder.alphabet)
    return collate([(dataset, i) for i in range(len(texts))])


def features(encoder: LexiconEncoder, *texts: str) -> Tensor:
    """What the encoder appends to the states of the sentences."""
    return encoder(batch_of(encoder, *texts))[..., 5:]


def test_a_hand_worked_example(words: str) -> None:
    encoder = build(words=[words])
    assert encoder.embedding is not None
    # Rows: none, unknown, then 大桥, 桥, 长江, 长江大桥.
    with torch.no_grad():
        rows = [[1, 1], [9, 9], [10, 0], [0, 10], [20, 0], [0, 30]]
        encoder.embedding.weight.copy_(torch.tensor(rows, dtype=torch.float32))
    found = features(encoder, "长江大桥")[0]
    # 长 begins 长江 (frequency 3) and 长江大桥 (1); the other three sets hold "none": Z = 7.
    first = [60 / 7 * 4, 30 / 7 * 4, *[4 / 7] * 6]
    # 江 is in the middle of 长江大桥 and ends 长江: Z = 1 + 3 + 1 + 1.
    second = [4 / 6, 4 / 6, 0, 30 * 4 / 6, 60 * 4 / 6, 0, 4 / 6, 4 / 6]
    # 大 begins 大桥 (2) and is in the middle of 长江大桥 (1): Z = 2 + 1 + 1 + 1.
    third = [20 * 4 / 5, 0, 0, 30 * 4 / 5, *[4 / 5] * 4]
    # 桥 ends 大桥 (2) and 长江大桥 (1), and is a word by itself (1): Z = 1 + 1 + 3 + 1.
    fourth = [*[4 / 6] * 4, 20 * 4 / 6, 30 * 4 / 6, 0, 10 * 4 / 6]
    expected = torch.tensor([first, second, third, fourth])
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def plain(lexicon: Lexicon, weight: Tensor, text: str) -> Tensor:
    """SoftLexicon, one character and one word at a time."""
    rows = []
    for position in range(len(text)):
        sets: list[list[str]] = [[], [], [], []]
        for word in lexicon.frequencies:
            for start in range(len(text)):
                end = start + len(word)
                if text[start:end] == word and start <= position < end:
                    single, last = len(word) == 1, position == end - 1
                    sets[3 if single else 0 if position == start else 2 if last else 1].append(word)
        total = sum(sum(lexicon.frequencies[word] for word in own) or 1 for own in sets)
        for own in sets:
            vectors = [
                weight[lexicon.known.get(word, 1)] * lexicon.frequencies[word] for word in own
            ] or [weight[0]]
            rows.append(4 / total * torch.stack(vectors).sum(0))
    return torch.stack(rows).view(len(text), -1)


def test_equals_a_plain_soft_lexicon(words: str) -> None:
    encoder = build(words=[words])
    assert encoder.embedding is not None
    texts = ["过长江大桥", "大桥大长江桥桥", "无"]
    together = features(encoder, *texts)
    batch = batch_of(encoder, *texts)
    for row, (i, length) in enumerate(zip(batch.sentence_ids, batch.lengths, strict=True)):
        expected = plain(encoder.lexicon, encoder.embedding.weight, texts[i])
        torch.testing.assert_close(together[row, :length], expected, rtol=1e-5, atol=1e-6)
        alone = features(encoder, texts[i])[0]
        assert torch.equal(alone, together[row, :length])


def test_typed_words(tmp_path: Path) -> None:
    path = tmp_path / "types.txt"
    path.write_text("长江\tLOC\n长江大桥\tWORK\n桥\tLOC\n", encoding="utf-8")
    encoder = build(gazetteers=[str(path)])
    assert encoder.embedding is None and encoder.get_output_dim() == 5 + 8
    assert features(encoder, "长江大桥过")[0].tolist() == [
        [1, 0, 0, 0, 1, 0, 0, 0],
        [0, 0, 1, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 1, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
    ]


def test_added_features_keep_the_size_of_states(words: str) -> None:
    encoder = build(words=[words], combine="add")
    assert encoder.get_output_dim() == 5 and encoder.projection is not None
    batch = batch_of(encoder, "长江大桥")
    features_BLF = encoder._features(batch)
    expected = encoder.encoder(batch) + features_BLF @ encoder.projection.weight.T
    torch.testing.assert_close(encoder(batch), expected)


def test_an_unknown_word_takes_the_place_of_others_in_training(words: str) -> None:
    encoder = build(words=[words], word_dropout=1.0, dropout=0.0).train()
    assert encoder.embedding is not None
    encoder(batch_of(encoder, "长江大桥"))[..., 5:].sum().backward()
    assert encoder.embedding.weight.grad is not None
    assert encoder.embedding.weight.grad.any(1).tolist() == [True, True, *[False] * 4]


def test_characters_are_perturbed_and_no_batch_is_empty(words: str) -> None:
    encoder = build(words=[words])
    batch = batch_of(encoder, "长江")
    plain_states = encoder(batch)
    with encoder.perturbed(Perturbation(torch.ones(1, 2, 5))):
        moved = encoder(batch)
    assert torch.equal(moved[..., :5], plain_states[..., :5] + 1)
    assert torch.equal(moved[..., 5:], plain_states[..., 5:])
    assert encoder(batch.select([])).shape == (0, 0, 13)


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        ({}, "model.encoder.words", "expected"),
        ({"words": ["wrods.txt"]}, "model.encoder.words.0", 'no such file "wrods.txt"'),
        ({"words": [{"path": "no.txt"}]}, "model.encoder.words.0.path", "no such file"),
        ({"gazetteers": ["no.txt"]}, "model.encoder.gazetteers.0", "no such file"),
        ({"vectors": "no.txt"}, "model.encoder.vectors", "no such file"),
        ({"words": ["x"], "combine": "append"}, "model.encoder.combine", "'concatenate'"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], path: str, message: str) -> None:
    config = single_task_config(model__encoder={"type": "lexicon", "encoder": INNER, **settings})
    with pytest.raises(ConfigurationError, match=message) as raised:
        checked_job(config)
    assert raised.value.path == path


class TestLexicon(MultiTaskModelTestCase):
    def test_trains_saves_and_loads(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NER_DATA", raising=False)
        monkeypatch.chdir(root)
        self.set_up_model(root / "fixtures/configs/lexicon.jsonnet")
        self.ensure_model_can_train_save_and_load()
        self.ensure_batch_predictions_are_consistent()


def test_an_archive_carries_its_lexicon_and_takes_a_users(
    tmp_path: Path, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("长江 1 2 3\n大桥 4 5 6\n", encoding="utf-8")
    types = tmp_path / "types.txt"
    types.write_text("北京\tLOC\n", encoding="utf-8")
    settings = {"words": [words], "gazetteers": [str(types)], "vectors": str(vectors)}
    encoder = {"type": "lexicon", "encoder": INNER, **settings}
    config = single_task_config(model__encoder=encoder, trainer__num_epochs=1)
    train_model(config, tmp_path / "run")
    for path in (words, vectors, types):
        Path(path).unlink()

    archive = tmp_path / "run" / "model.tar.gz"
    model = load_archive(archive).model
    sentence = {"sentence": "他在火星大桥"}
    before = Predictor.from_path(archive).predict_json(sentence)
    assert model.encoder.lexicon.frequencies["长江"] == 3

    mine = tmp_path / "mine.txt"
    mine.write_text("火星 50\n", encoding="utf-8")
    typed = tmp_path / "typed.txt"
    typed.write_text("火星\tLOC\n", encoding="utf-8")
    given = tmp_path / "in.jsonl"
    given.write_text(json.dumps(sentence) + "\n", encoding="utf-8")

    def predicted(*arguments: str) -> Any:
        main(["predict", str(archive), str(given), *arguments])
        return json.loads(capsys.readouterr().out)

    assert predicted() == before
    with_words = predicted("--lexicon", str(mine), "--lexicon", str(typed))
    model.add_words(mine)
    batch = batch_of(model.encoder, "他在火星大桥")
    assert batch.inputs["words"][0].tolist() == [[2, 4, 1, 50], *model_rows(model, "大桥")]
    assert with_words["sentence"] == sentence["sentence"]

    typed.write_text("火星\tLOCC\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["predict", str(archive), str(given), "--lexicon", str(typed)])
    assert 'unknown type "LOCC"' in capsys.readouterr().err


def model_rows(model: Any, word: str) -> list[list[int]]:
    """The matches of 大桥 and 桥 at the end of 他在火星大桥."""
    lexicon = model.encoder.lexicon
    return [[4, 6, lexicon.known[word], 2], [5, 6, lexicon.known.get("桥", 1), 1]]


def test_a_resumed_run_keeps_its_lexicon(tmp_path: Path, words: str) -> None:
    encoder = {"type": "lexicon", "encoder": INNER, "words": [words]}
    config = single_task_config(model__encoder=encoder, trainer__num_epochs=1)
    train_model(config, tmp_path / "run")
    Path(words).write_text(f"{WORDS}黄河\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"model\.encoder\.words\.0"):
        train_model(config, tmp_path / "run", recover=True)


def test_a_model_without_a_lexicon_takes_no_words(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("火星\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["predict", str(tiny_run), str(mine), "--lexicon", str(mine)])
    assert "the model has no lexicon" in capsys.readouterr().err
