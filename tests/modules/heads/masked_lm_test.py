"""Masked language model: the loss of transformers on the same ids, weights of the checkpoint."""

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoConfig, BertForMaskedLM, RobertaConfig, RobertaForMaskedLM

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.commands import main
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.common.overrides import with_overrides
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.inference import Predictor
from ner_adv_plugin.modules.heads import MaskedLmHead
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.testing import MultiTaskModelTestCase
from tests.same_run import differences
from tests.stopping import stopping_before
from tests.tiny import ROOT, model_and_loader

CONFIG = ROOT / "fixtures/configs/masked_lm.jsonnet"


def config_with(**overrides: Any) -> dict[str, Any]:
    settings = {name.replace("__", "."): value for name, value in overrides.items()}
    return with_overrides(load_config(CONFIG), settings)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT with a language model's head of random weights."""
    folder = tmp_path_factory.mktemp("bert")
    source = ROOT / "fixtures/encoder"
    torch.manual_seed(5)
    bert = BertForMaskedLM(AutoConfig.from_pretrained(source))
    for parameter in bert.cls.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    torch.nn.init.normal_(bert.bert.embeddings.word_embeddings.weight, std=0.3)
    bert.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        shutil.copy(source / name, folder)
    return folder


def head_of(model: Any) -> MaskedLmHead:
    head = model.heads["reviews"]
    assert isinstance(head, MaskedLmHead)
    return head


def batches_of(loader: Any) -> list[Batch]:
    return [batch for planned in loader.plan(0) for batch in loader.batches([planned])]


def transformers_loss(checkpoint: Path, batch: Batch) -> Tensor:
    """The loss of `BertForMaskedLM` on the raw text of a batch, with the same masks."""
    bert = BertForMaskedLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
    own = batch.owned_by("heads.reviews").select(batch.sentences_of("reviews"))
    masks_BL = own.targets["masks"]
    inputs_BL = torch.where(masks_BL > 0, masks_BL - 1, own.token_ids_BL)
    labels_BL = own.token_ids_BL.masked_fill(masks_BL == 0, -100)

    vocab = (checkpoint / "vocab.txt").read_text(encoding="utf-8").splitlines()
    cls, sep = vocab.index("[CLS]"), vocab.index("[SEP]")
    rows, columns = inputs_BL.shape
    ids = torch.zeros(rows, columns + 2, dtype=torch.long)
    labels = torch.full((rows, columns + 2), -100)
    mask = torch.zeros(rows, columns + 2, dtype=torch.long)
    for row, length in enumerate(own.lengths):
        ids[row, : length + 2] = torch.tensor([cls, *inputs_BL[row, :length].tolist(), sep])
        labels[row, 1 : length + 1] = labels_BL[row, :length]
        mask[row, : length + 2] = 1
    output = bert(input_ids=ids, attention_mask=mask, labels=labels)
    loss: Tensor = output.loss
    return loss


def test_the_loss_is_that_of_transformers(checkpoint: Path) -> None:
    config = config_with(model__encoder__model_name=str(checkpoint))
    model, loader = model_and_loader(config)
    model.eval()
    seen = 0
    for batch in batches_of(loader):
        if batch.sentences_of("reviews") and batch.units["heads.reviews"]:
            expected = transformers_loss(checkpoint, batch)
            torch.testing.assert_close(model(batch)["losses"]["heads.reviews"], expected)
            loss, count = model(batch)["statistics"]["reviews_loss"]
            torch.testing.assert_close(loss / count, expected)
            seen += 1
    assert seen > 1


def test_micro_batches_add_up(checkpoint: Path) -> None:
    config = config_with(model__encoder__model_name=str(checkpoint))
    model, loader = model_and_loader(config)
    model.eval()
    groups = loader.plan(0)[:2]
    whole = sum(
        model(batch)["losses"].get("heads.reviews", torch.zeros(()))
        for batch in loader.batches(groups)
    )
    (together,) = loader.batches([[*groups[0], *groups[1]]])
    torch.testing.assert_close(whole, model(together)["losses"]["heads.reviews"])
    # Of several processes, each has its share of the sentences.
    shares = [loader.batches([[*groups[0], *groups[1]]], rank, 2)[0] for rank in range(2)]
    parts = [model(share)["losses"]["heads.reviews"] for share in shares]
    torch.testing.assert_close(sum(parts), whole)


def test_starts_with_the_head_of_the_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    model, _ = model_and_loader(config_with(model__encoder__model_name=str(checkpoint)))
    head = head_of(model)
    bert = BertForMaskedLM.from_pretrained(checkpoint, dtype=torch.float32)
    transform = bert.cls.predictions.transform
    for own, theirs in (
        (head.dense.weight, transform.dense.weight),
        (head.norm.bias, transform.LayerNorm.bias),
        (head.bias, bert.cls.predictions.bias),
    ):
        torch.testing.assert_close(own, theirs)
    names = {name for name, _ in head.named_parameters()}
    assert names == {"dense.weight", "dense.bias", "norm.weight", "norm.bias", "bias"}

    # RoBERTa names its parameters differently.
    folder = tmp_path / "roberta"
    shutil.copytree(checkpoint, folder)
    (folder / "model.safetensors").unlink()
    sizes = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kept = ("vocab_size", "hidden_size", "intermediate_size", "num_attention_heads")
    roberta = RobertaForMaskedLM(
        RobertaConfig(**{k: sizes[k] for k in kept}, num_hidden_layers=1, pad_token_id=0)
    )
    roberta.save_pretrained(folder)
    model, _ = model_and_loader(config_with(model__encoder__model_name=str(folder)))
    torch.testing.assert_close(head_of(model).dense.weight, roberta.lm_head.dense.weight)


def test_a_checkpoint_without_a_head_gets_a_fresh_one() -> None:
    one, other = (head_of(model_and_loader(load_config(CONFIG))[0]) for _ in range(2))
    torch.testing.assert_close(one.dense.weight, other.dense.weight)
    assert 0.01 < one.dense.weight.std() < 0.03 and not one.bias.any()


def test_embeddings_are_shared_and_other_sentences_stay_as_they_are() -> None:
    model, loader = model_and_loader(load_config(CONFIG))
    head = head_of(model)
    (batch,) = loader.batches([[("weibo", 0), ("reviews", 1), ("reviews", 2)]])
    inputs = head.inputs(batch.owned_by("heads.reviews"))
    (weibo,) = batch.sentences_of("weibo")
    assert inputs[weibo].equal(batch.token_ids_BL[weibo])
    assert not inputs.equal(batch.token_ids_BL)

    model(batch)["losses"]["heads.reviews"].backward()
    rows = model.encoder.transformer.get_input_embeddings().weight.grad.abs().sum(1)
    # The output layer gives every token a gradient, not only those of the text.
    assert (rows > 0).sum() > batch.token_ids_BL.unique().numel()


class TestMaskedLm(MultiTaskModelTestCase):
    def test_trains_saves_and_loads(self) -> None:
        self.set_up_model(CONFIG)
        self.ensure_model_can_train_save_and_load()
        self.ensure_batch_predictions_are_consistent()

    def test_reads_towers_over_characters(self) -> None:
        settings = {
            "model.encoder": {"type": "character_embedding", "embedding_dim": 12},
            "model.towers": {"shared": {"type": "lstm", "hidden_size": 6, "bidirectional": True}},
            "model.heads.weibo": {"type": "crf", "reads": ["shared"]},
            "model.heads.reviews.reads": ["shared"],
        }
        self.set_up_model(with_overrides(load_config(CONFIG), settings))
        self.ensure_model_can_train_save_and_load()


def test_a_stage_of_raw_text_then_entities(tmp_path: Path, capsys: Any) -> None:
    config = load_config(ROOT / "fixtures/configs/masked_lm_staged.jsonnet")
    metrics = train_model(config, tmp_path / "run")
    assert metrics["stage_text_training_reviews_loss"] > 0
    assert metrics["stage_text_best_validation_reviews_perplexity"] > 1
    assert "training_reviews_loss" not in metrics and metrics["training_weibo_loss"] > 0

    archive = tmp_path / "run/model.tar.gz"
    part = load_archive(archive, only_heads=["weibo"]).model
    assert not any(name.startswith("heads.reviews") for name in part.state_dict())
    assert "entities" in Predictor.from_path(archive).predict_json({"sentence": "魏勇在深圳"})
    with pytest.raises(UserError, match='"reviews" is a language model.* expected weibo'):
        Predictor.from_path(archive, head="reviews")
    path = ROOT / "fixtures/data/unlabelled/reviews.txt"
    files = json.dumps({"reviews": str(path)})
    main(["evaluate", str(archive), files])
    assert "reviews_perplexity" in capsys.readouterr().out


@pytest.mark.parametrize("step", [2, 5])
def test_a_resumed_run_has_the_same_masks(tmp_path: Path, step: int) -> None:
    config = config_with(
        trainer__num_epochs=2,
        trainer__num_gradient_accumulation_steps=1,
        trainer__checkpointer={"save_every_num_batches": 1},
        trainer__callbacks=[{"type": "tensorboard", "summary_interval": 1}],
    )
    train_model(config, tmp_path / "whole")
    with stopping_before(step):
        train_model(config, tmp_path / "run")
    # Event files of the two processes must have different names.
    time.sleep(1.0 - time.time() % 1.0)
    train_model(config, tmp_path / "run", recover=True)
    assert differences(tmp_path / "run", tmp_path / "whole") == []


def test_heads_and_datasets_must_fit() -> None:
    with pytest.raises(ConfigurationError) as error:
        checked_job(config_with(model__heads__reviews="crf"))
    assert error.value.path == "model.heads.reviews.type"
    assert 'expected "masked_lm", or head: null' in str(error.value)
    with pytest.raises(ConfigurationError) as error:
        checked_job(config_with(model__heads__weibo={"type": "masked_lm"}))
    assert error.value.path == "model.heads.weibo.type"
    with pytest.raises(ConfigurationError, match=r"reviews\.probability: expected a probability"):
        checked_job(config_with(model__heads__reviews__probability=1.5))
    with pytest.raises(ConfigurationError, match=r"reviews\.random: masked and random"):
        checked_job(config_with(model__heads__reviews__random=0.5))


def test_metrics_are_over_masked_characters(checkpoint: Path) -> None:
    config = config_with(model__encoder__model_name=str(checkpoint))
    model, loader = model_and_loader(config)
    head = head_of(model)
    (batch,) = loader.batches([[("reviews", i) for i in range(4)]])
    own = batch.owned_by("heads.reviews")
    guesses = head(model.eval().encoder(replace(own, token_ids_BL=head.inputs(own))), own)
    loss = right = 0.0
    for logits, token in zip(guesses.logits_MV, guesses.tokens_M, strict=True):
        loss -= logits.double().log_softmax(-1)[token].item()
        right += float(logits.argmax() == token)
    found = head.statistics(guesses, head.loss(guesses, own).detach(), own)
    assert found["loss"] == (pytest.approx(loss, rel=1e-5), len(guesses.tokens_M))
    assert found["accuracy"] == (right, len(guesses.tokens_M))
