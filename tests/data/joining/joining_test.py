"""Joining of entity types against what a human would join."""

import itertools
import math
from typing import Any

import pytest

from ner_adv_plugin.data.joining import DatasetTypes, JoinedTypes, Match, join_types
from ner_adv_plugin.data.joining.known_types import KNOWN_TYPES
from ner_adv_plugin.data.joining.meanings import meaning_of, similarity

WEIBO = [f"{kind}.{level}" for kind in ("GPE", "LOC", "ORG", "PER") for level in ("NAM", "NOM")]
MSRA = ["LOC", "ORG", "PER"]
PFR = ["nr", "ns", "nt"]
CLUENER = ["address", "book", "company", "game", "government", "movie", "name", "organization"]
CLUENER += ["position", "scene"]
ONTONOTES = ["DATE", "FAC", "GPE", "LOC", "ORG", "PERSON", "TIME", "WORK_OF_ART"]
RESUME = ["CONT", "EDU", "LOC", "NAME", "ORG", "PRO", "RACE", "TITLE"]

UNSURE = "?"
# Target, source, and what the types of the source are: a type of the target, nothing, or "?".
EXPECTED: list[tuple[list[str], list[str], dict[str, str | None]]] = [
    (MSRA, ["PER", "LOC", "ORG"], {"PER": "PER", "LOC": "LOC", "ORG": "ORG"}),
    (MSRA, PFR, {"nr": "PER", "ns": "LOC", "nt": "ORG"}),
    (PFR, MSRA, {"PER": "nr", "LOC": "ns", "ORG": "nt"}),
    (
        MSRA,
        WEIBO,
        {
            **{"PER.NAM": "PER", "LOC.NAM": "LOC", "GPE.NAM": "LOC", "ORG.NAM": "ORG"},
            **dict.fromkeys(("PER.NOM", "LOC.NOM", "GPE.NOM", "ORG.NOM")),
        },
    ),
    (
        MSRA,
        CLUENER,
        {
            **{"name": "PER", "address": "LOC", "scene": "LOC", "organization": "ORG"},
            **{"company": "ORG", "government": "ORG"},
            **dict.fromkeys(("book", "game", "movie", "position")),
        },
    ),
    # Its LOC are countries, too, which Weibo calls GPE.
    (WEIBO, MSRA, {"PER": "PER.NAM", "ORG": "ORG.NAM", "LOC": UNSURE}),
    (
        WEIBO,
        CLUENER,
        {
            **{"name": "PER.NAM", "address": UNSURE, "scene": UNSURE},
            **dict.fromkeys(("organization", "company", "government"), "ORG.NAM"),
            **dict.fromkeys(("book", "game", "movie", "position")),
        },
    ),
    (CLUENER, MSRA, {"PER": "name", "LOC": UNSURE, "ORG": UNSURE}),
    (
        CLUENER,
        WEIBO,
        {
            **{"PER.NAM": "name", "LOC.NAM": UNSURE, "GPE.NAM": UNSURE, "ORG.NAM": UNSURE},
            **dict.fromkeys(("PER.NOM", "LOC.NOM", "GPE.NOM", "ORG.NOM")),
        },
    ),
    (
        MSRA,
        ONTONOTES,
        {
            **{"PERSON": "PER", "ORG": "ORG", "LOC": "LOC", "GPE": "LOC", "FAC": "LOC"},
            **dict.fromkeys(("DATE", "TIME", "WORK_OF_ART")),
        },
    ),
    (
        CLUENER,
        RESUME,
        {
            **{"NAME": "name", "TITLE": "position", "LOC": UNSURE, "ORG": UNSURE, "PRO": UNSURE},
            **dict.fromkeys(("CONT", "EDU", "RACE")),
        },
    ),
    # Companies are some organisations only: the others would be learnt as outside.
    (MSRA, ["company", "PER"], {"company": UNSURE, "PER": "PER"}),
    # All kinds of works, but none that is called so.
    (
        ["WORK_OF_ART"],
        ["book", "movie", "song", "game"],
        dict.fromkeys(["book", "movie", "song", "game"], "WORK_OF_ART"),
    ),
    (["PER", "nr"], ["name"], {"name": UNSURE}),
    (["PER"], ["X1"], {"X1": UNSURE}),
    (["X1"], ["X1"], {"X1": "X1"}),
    (["X1", "PER"], ["book", "nr"], {"book": UNSURE, "nr": "PER"}),
]


def of(joined: JoinedTypes) -> dict[str, str | None]:
    """Return what becomes of each type."""
    return {own.name: UNSURE if own.verdict == "unsure" else own.target for own in joined.matches}


def joined_with(target: list[str], source: list[str], **settings: Any) -> tuple[JoinedTypes, ...]:
    """Join the types of one dataset with those of the target; descriptions as `source_...`."""
    target_descriptions = settings.pop("target_descriptions", {})
    source_descriptions = settings.pop("source_descriptions", {})
    return join_types(
        DatasetTypes("target", target, descriptions=target_descriptions),
        [DatasetTypes("source", source, descriptions=source_descriptions)],
        **settings,
    )


@pytest.mark.parametrize(("target", "source", "expected"), EXPECTED)
def test_types_are_joined_as_a_human_would(
    target: list[str], source: list[str], expected: dict[str, str | None]
) -> None:
    kept, joined = joined_with(target, source)
    assert of(joined) == expected
    assert of(kept) == {name: name for name in target} and kept.type_map == {}
    assert all(own.reason for own in joined.matches)
    # A type that is not decided neither has a new name nor is annotated.
    assert joined.type_map == {
        name: new for name, new in expected.items() if new not in (UNSURE, name)
    }
    marked = {new for new in expected.values() if new not in (UNSURE, None)}
    everything = marked == set(target) and UNSURE not in expected.values()
    assert joined.annotated_types is None or set(joined.annotated_types) == marked
    assert (joined.annotated_types is None) == (everything or not marked)


def test_types_that_a_source_does_not_tell_apart_can_be_merged() -> None:
    kept, joined = joined_with(WEIBO, MSRA, merge=True)
    assert kept.type_map == {"GPE.NAM": "LOC.NAM"} and kept.annotated_types is None
    assert of(joined) == {"PER": "PER.NAM", "ORG": "ORG.NAM", "LOC": "LOC.NAM"}
    assert joined.annotated_types == ("LOC.NAM", "ORG.NAM", "PER.NAM")

    kept, joined = joined_with(CLUENER, MSRA, merge=True)
    assert kept.type_map == {
        "scene": "address",
        "company": "organization",
        "government": "organization",
    }
    assert of(joined) == {"PER": "name", "LOC": "address", "ORG": "organization"}


def test_another_source_follows_what_is_merged() -> None:
    sources = [DatasetTypes("msra", MSRA), DatasetTypes("other", WEIBO)]
    _, _, other = join_types(DatasetTypes("weibo", WEIBO), sources, merge=True)
    assert of(other) == {**dict(zip(WEIBO, WEIBO, strict=True)), "GPE.NAM": "LOC.NAM"}


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("书名", "book"),
        ("书名，例如《红楼梦》", "book"),
        ("小说和教材的书名", "book"),
        ("演员的姓名", "PER"),
        ("公司、企业的名称", "company"),
        # Not in the target, and close to two of its types.
        ("疾病名称", None),
        ("公司老板的姓名", UNSURE),
    ],
)
def test_the_description_of_a_user_overrides_the_name(
    description: str, expected: str | None
) -> None:
    descriptions = {"name": description}
    _, joined = joined_with(["PER", "book", "company"], ["name"], source_descriptions=descriptions)
    assert of(joined) == {"name": expected}


def test_descriptions_of_both_sides() -> None:
    targets = {"T1": "汽车和摩托车的型号", "T2": "化学元素、化合物"}
    _, joined = joined_with(
        ["T1", "T2"],
        ["A", "B"],
        target_descriptions=targets,
        source_descriptions={"A": "汽车型号", "B": "化合物"},
    )
    assert of(joined) == {"A": "T1", "B": "T2"}
    scores = [own.score for own in joined.matches]
    assert all(score is not None and 0.5 <= score < 1 for score in scores)
    _, joined = joined_with(
        ["T1"],
        ["A"],
        target_descriptions=targets,
        source_descriptions={"A": "汽车型号"},
        threshold=1.0,
    )
    assert of(joined) == {"A": UNSURE} and joined.matches[0].candidates == ("T1",)


def test_the_type_map_of_a_reader_stays() -> None:
    target = DatasetTypes("weibo", WEIBO, {"PER.NAM": "人", "GPE.NAM": "LOC.NAM", "ORG.NOM": None})
    source = DatasetTypes("msra", MSRA, {"ORG": None})
    kept, joined = join_types(target, [source])
    assert kept.type_map == target.type_map
    # "人" is a known name; with GPE.NAM mapped, LOC is clear.
    assert of(joined) == {"PER": "人", "LOC": "LOC.NAM", "ORG": None}
    assert [own.verdict for own in joined.matches] == ["joined", "given", "joined"]

    renamed = DatasetTypes("weibo", ["PER.NAM"], {"PER.NAM": "K1"})
    assert of(join_types(renamed, [DatasetTypes("msra", ["PER"])])[1]) == {"PER": "K1"}


def test_a_part_follows_the_whole_that_a_user_decided() -> None:
    scenes = {None: UNSURE, "LOC.NAM": "LOC.NAM"}
    for new, expected in scenes.items():
        source = DatasetTypes("cluener", ["address", "scene"], {"address": new})
        found = of(join_types(DatasetTypes("weibo", WEIBO), [source])[1])
        assert found == {"address": new, "scene": expected}


def test_types_that_only_a_source_has_are_unknown_in_the_target() -> None:
    source = DatasetTypes("cluener", ["book", "name"], {"book": "book"})
    kept, joined = join_types(DatasetTypes("msra", MSRA), [source])
    assert kept.annotated_types == ("LOC", "ORG", "PER")
    assert joined.annotated_types == ("book", "PER")


def test_an_ambiguous_name_names_what_it_may_be() -> None:
    (found,) = joined_with(["PER"], ["PRO"])[1].matches
    assert (
        isinstance(found, Match) and found.reason == "may be profession or procedure: describe it"
    )


def test_the_table_of_known_types_is_sound() -> None:
    names = [own.name for own in KNOWN_TYPES]
    assert len(set(names)) == len(names)
    assert {own.part_of for own in KNOWN_TYPES} - {None} <= set(names)
    ambiguous = {
        name for own in KNOWN_TYPES for name in own.names if len(meaning_of(name).known) > 1
    }
    assert ambiguous == {"PRO", "pro"}
    for own in KNOWN_TYPES:
        assert all(own in meaning_of(name).known for name in (own.name, *own.names))


def test_similarity_is_a_cosine() -> None:
    meanings = [meaning_of(own.name) for own in KNOWN_TYPES]
    for one, other in itertools.combinations(meanings, 2):
        assert 0 <= similarity(one, other) <= 1 + 1e-9
        assert similarity(one, other) == pytest.approx(similarity(other, one))
    assert all(similarity(own, own) == pytest.approx(1) for own in meanings)
    # Characters and bigrams that no known type has weigh the same: a plain cosine of sets.
    one, other = {"魑", "魅", "魑魅"}, {"魑", "魅", "魍", "魑魅", "魅魍"}
    expected = len(one & other) / math.sqrt(len(one) * len(other))
    found = similarity(meaning_of("A", "魑魅"), meaning_of("B", "魑魅魍"))
    assert found == pytest.approx(expected)
