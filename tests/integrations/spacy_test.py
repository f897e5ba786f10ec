"""The component for spaCy sets the entities that the predictor finds."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

spacy = pytest.importorskip("spacy")

from spacy.tokens import Doc, Span  # noqa: E402

from ner_adv_plugin.common.errors import ConfigurationError, UserError  # noqa: E402
from ner_adv_plugin.inference import Predictor  # noqa: E402
from ner_adv_plugin.integrations.spacy import EntityTagger, make_entity_tagger  # noqa: E402
from tests.tiny import ROOT  # noqa: E402


@pytest.fixture(scope="module")
def archive(tiny_run: Path) -> str:
    return str(tiny_run / "model.tar.gz")


@pytest.fixture(scope="module")
def answers(archive: str) -> list[dict[str, Any]]:
    """What the predictor finds in sentences of a corpus, those with entities first."""
    lines = (ROOT / "fixtures/data/weibo/weiboNER_2nd_conll.train").read_text(encoding="utf-8")
    sentences = ["".join(line[0] for line in s.split("\n") if line) for s in lines.split("\n\n")]
    predictor = Predictor.from_path(archive)
    found = predictor.predict_batch_json([{"sentence": text} for text in sentences[:40] if text])
    assert sum(bool(answer["entities"]) for answer in found) > 5
    return sorted(found, key=lambda answer: -len(answer["entities"]))


def pipeline(archive: str | None, **config: Any) -> Any:
    nlp = spacy.blank("zh")
    nlp.add_pipe("ner_adv", config={"archive": archive, **config})
    return nlp


def entities(doc: Any) -> list[tuple[int, int, str, str]]:
    return [(span.start_char, span.end_char, span.label_, span.text) for span in doc.ents]


def expected(answer: dict[str, Any]) -> list[tuple[int, int, str, str]]:
    return [
        tuple(entity[k] for k in ("start", "end", "type", "text")) for entity in answer["entities"]
    ]


def in_words(nlp: Any, text: str, *cuts: int) -> Any:
    """A document whose tokens end at these characters."""
    ends = [*cuts, len(text)]
    words = [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return Doc(nlp.vocab, words=words, spaces=[False] * len(words))


def test_entities_and_scores_are_those_of_the_predictor(
    archive: str, answers: list[dict[str, Any]]
) -> None:
    nlp = pipeline(archive)
    docs = list(nlp.pipe([answer["sentence"] for answer in answers], batch_size=7))
    assert [entities(doc) for doc in docs] == list(map(expected, answers))
    scores = [[span._.score for span in doc.ents] for doc in docs]
    assert scores[0] == pytest.approx(
        [entity["score"] for entity in answers[0]["entities"]], abs=1e-4
    )
    assert all(doc.has_annotation("ENT_IOB") for doc in docs)
    component = nlp.get_pipe("ner_adv")
    assert {label for doc in docs for _, _, label, _ in entities(doc)} <= set(component.labels)
    assert component.lost.total() == 0

    assert entities(nlp(answers[0]["sentence"])) == expected(answers[0])
    assert entities(nlp("")) == []
    # Spaces and characters beyond the basic plane keep their positions.
    text = f" \U0001f600\n {answers[0]['sentence']}"
    for span in nlp(text).ents:
        assert text[span.start_char : span.end_char] == span.text


def test_the_head_is_chosen(archive: str, answers: list[dict[str, Any]]) -> None:
    text = answers[0]["sentence"]
    answer = Predictor.from_path(archive, head="msra").predict_json({"sentence": text})
    assert entities(pipeline(archive, head="msra")(text)) == expected(answer)
    with pytest.raises(UserError, match='head "msr" segments words.*weibo, msra, msr'):
        pipeline(archive, head="msr")(text)
    with pytest.raises(UserError, match="has no head"):
        pipeline(archive, head="wiebo").initialize()


def test_wrong_settings(archive: str, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r'ner_adv.alignment_mode: .*Did you mean "strict"'
    ):
        pipeline(archive, alignment_mode="stric")
    with pytest.raises(
        ConfigurationError, match=r"ner_adv.batch_size: expected 1 or more, found 0"
    ):
        pipeline(archive, batch_size=0)
    Span.set_extension("computed", getter=lambda span: 1)
    with pytest.raises(ConfigurationError, match='extension "computed" of Span is a method'):
        pipeline(archive, score_attribute="computed")
    Span.remove_extension("computed")
    with pytest.raises(UserError, match='component "ner_adv" has no archive: set "archive"'):
        pipeline(None)("北京")
    with pytest.raises(UserError, match="no archive at nowhere.tar.gz"):
        pipeline("nowhere.tar.gz")("北京")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match=r"neither model.tar.gz nor meta.json"):
        EntityTagger(archive=str(tmp_path)).to_bytes()


class Fixed:
    """A predictor that finds the same entities in each text."""

    def __init__(self, *spans: tuple[int, int, str]) -> None:
        self.spans = spans

    def predict_batch_json(self, inputs: list[dict[str, str]]) -> list[dict[str, Any]]:
        spans = [{"start": s, "end": e, "type": t, "score": (s + 1) / 10} for s, e, t in self.spans]
        return [{"entities": spans} for _ in inputs]


def fixed(*spans: tuple[int, int, str], **settings: Any) -> EntityTagger:
    component = EntityTagger(**settings)
    component._predictor = Fixed(*spans)  # type: ignore[assignment]
    return component


def test_spans_are_aligned_with_words() -> None:
    text, nlp = "我在北京大学读书", spacy.blank("zh")
    # 北京 is inside of the word 北京大学, 大学读 ends inside of 读书.
    spans = [(0, 1, "PER"), (2, 4, "LOC"), (4, 7, "ORG")]

    strict = fixed(*spans)
    with pytest.warns(
        UserWarning, match=r'LOC "北京" \(characters 2 to 4\) does not end .*expand'
    ) as told:
        doc = strict(in_words(nlp, text, 1, 2, 6))
        strict(in_words(nlp, text, 1, 2, 6))
    assert entities(doc) == [(0, 1, "PER", "我")]
    assert strict.lost["misaligned"] == 4 and len(told) == 1

    contract = fixed((1, 7, "ORG"), (2, 4, "LOC"), alignment_mode="contract")
    with pytest.warns(UserWarning, match="LOC"):
        doc = contract(in_words(nlp, text, 1, 2, 6))
    assert entities(doc) == [(1, 6, "ORG", "在北京大学")]
    assert contract.lost["misaligned"] == 1

    # Both LOC and ORG touch the word 北京大学; ORG is longer.
    expand = fixed(*spans, alignment_mode="expand", spans_key="all")
    with pytest.warns(UserWarning, match='LOC "北京大学" .* overlaps another entity'):
        doc = expand(in_words(nlp, text, 1, 2, 6))
    assert entities(doc) == [(0, 1, "PER", "我"), (2, 8, "ORG", "北京大学读书")]
    assert expand.lost == {"overlapping": 1, "existing": 0}
    group = doc.spans["all"]
    assert [(span.text, span.label_) for span in group] == [
        ("我", "PER"),
        ("北京大学", "LOC"),
        ("北京大学读书", "ORG"),
    ]
    assert group.attrs["scores"] == [0.1, 0.3, 0.5]


def test_existing_entities_are_kept_or_overwritten() -> None:
    nlp = spacy.blank("zh")

    def annotated() -> Any:
        doc = nlp.make_doc("我在北京大学见到王小明")
        known = [Span(doc, 2, 4, "GPE", kb_id="Q956"), Span(doc, 8, 11, "PER")]
        doc.set_ents(known, blocked=[doc[0:1]], default="missing")
        return doc

    predictions = [(0, 1, "PER"), (2, 6, "ORG"), (6, 7, "X")]
    keeps = fixed(*predictions)
    doc = keeps(annotated())
    assert entities(doc) == [(2, 4, "GPE", "北京"), (6, 7, "X", "见"), (8, 11, "PER", "王小明")]
    assert keeps.lost["existing"] == 2
    assert doc.ents[0].kb_id_ == "Q956" and doc.ents[0]._.score is None
    assert doc.ents[1]._.score == 0.7
    assert doc[0].ent_iob_ == "B" and doc[0].ent_type_ == ""

    doc = fixed(*predictions, overwrite_ents=True)(annotated())
    assert entities(doc) == [(2, 6, "ORG", "北京大学"), (6, 7, "X", "见"), (8, 11, "PER", "王小明")]
    assert doc[0].ent_iob_ == "B" and doc[0].ent_type_ == ""


def test_a_failed_batch_goes_to_the_error_handler(archive: str) -> None:
    nlp = pipeline(archive, head="msr")
    failed: list[str] = []
    nlp.set_error_handler(lambda name, proc, docs, error: failed.extend(doc.text for doc in docs))
    assert list(nlp.pipe(["北京", "上海"])) == []
    assert failed == ["北京", "上海"]


def test_bytes_and_folders_carry_the_archive(
    archive: str, answers: list[dict[str, Any]], tmp_path: Path
) -> None:
    text = answers[0]["sentence"]
    copy = tmp_path / "copied.tar.gz"
    shutil.copy(archive, copy)
    nlp = pipeline(str(copy))
    data = nlp.to_bytes()
    nlp.to_disk(tmp_path / "one")
    copy.unlink()

    other = spacy.blank("zh")
    other.add_pipe("ner_adv")
    other.from_bytes(data)
    assert entities(other(text)) == expected(answers[0])
    other.to_disk(tmp_path / "two")

    loaded = spacy.load(tmp_path / "two")
    # Writing a pipeline over itself, and over another one.
    loaded.to_disk(tmp_path / "two")
    loaded.to_disk(tmp_path / "one")
    assert entities(spacy.load(tmp_path / "one")(text)) == expected(answers[0])
    assert loaded.meta["labels"]["ner_adv"] == list(loaded.get_pipe("ner_adv").labels)
    written = sorted(path.name for path in (tmp_path / "one" / "ner_adv").iterdir())
    assert written == ["model.tar.gz"]


@pytest.mark.parametrize("unpacked", [False, True])
def test_folders_of_runs_and_archives_are_packed(
    unpacked: bool, tiny_run: Path, answers: list[dict[str, Any]], tmp_path: Path
) -> None:
    folder = tiny_run
    if unpacked:
        folder = tmp_path / "unpacked"
        shutil.unpack_archive(tiny_run / "model.tar.gz", folder, filter="data")
        (folder / "README.md").write_text("not of the archive")
    other = EntityTagger().from_bytes(EntityTagger(archive=str(folder)).to_bytes())
    doc = other(spacy.blank("zh").make_doc(answers[0]["sentence"]))
    assert entities(doc) == expected(answers[0])


def test_scores_and_displacy(archive: str, answers: list[dict[str, Any]]) -> None:
    nlp = pipeline(archive)
    examples = []
    for answer in answers[:5]:
        doc = nlp.make_doc(answer["sentence"])
        gold = {"entities": [(start, end, label) for start, end, label, _ in expected(answer)[1:]]}
        examples.append(spacy.training.Example.from_dict(doc, gold))
    scores = nlp.evaluate(examples)
    total = sum(len(answer["entities"]) for answer in answers[:5])
    assert scores["ents_p"] == pytest.approx((total - 5) / total) and scores["ents_r"] == 1

    html = spacy.displacy.render(nlp(answers[0]["sentence"]), style="ent", jupyter=False)
    marked = re.findall(r"<mark[^>]*>\s*(\S+?)\s*<span", html)
    assert marked == [text for *_, text in expected(answers[0])]


def test_the_package_declares_the_factory() -> None:
    code = (
        "import sys, setuptools\nsetuptools.setup = lambda **kw: print(repr(kw['entry_points']))\n"
    )
    code += "exec(open('setup.py', encoding='utf-8').read(), {'__file__': 'setup.py'})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    (line,) = eval(done.stdout)["spacy_factories"]
    assert line == f"ner_adv={make_entity_tagger.__module__}:{make_entity_tagger.__name__}"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder that makes the entry point visible, as an installed package does."""
    info = tmp_path / "site" / "ner_adv_plugin_here-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ner_adv_plugin_here\nVersion: 1\n")
    point = "ner_adv = ner_adv_plugin.integrations.spacy:make_entity_tagger"
    (info / "entry_points.txt").write_text(f"[spacy_factories]\n{point}\n")
    return info.parent


def test_a_new_process_finds_the_factory_and_loads(
    archive: str, answers: list[dict[str, Any]], tmp_path: Path, installed: Path
) -> None:
    copy = tmp_path / "copied.tar.gz"
    shutil.copy(archive, copy)
    pipeline(str(copy)).to_disk(tmp_path / "model")
    copy.unlink()
    code = f"""
import json, sys
sys.path[:0] = {[str(installed), str(ROOT)]!r}
import spacy
spacy.blank("zh")
# A pipeline without the component does not pay for it.
assert "ner_adv_plugin.archives" not in sys.modules
nlp = spacy.load("model")
docs = nlp.pipe(json.load(sys.stdin), n_process=2)
print(json.dumps([[[s.start_char, s.end_char, s.label_, s._.score] for s in d.ents] for d in docs]))
"""
    texts = json.dumps([answer["sentence"] for answer in answers[:6]])
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        input=texts,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    keys = ("start", "end", "type")
    gold = [
        [[entity[key] for key in keys] for entity in answer["entities"]] for answer in answers[:6]
    ]
    assert [[span[:3] for span in spans] for spans in found] == gold
    assert all(0 < span[3] <= 1 for spans in found for span in spans)
