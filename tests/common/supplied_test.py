"""Custom components whose constructors do not take what the program supplies."""

from collections.abc import Callable
from typing import Any

import pytest

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.models import Model
from ner_adv_plugin.models.model import LazyModel
from ner_adv_plugin.modules.objectives import Coral, Objective
from ner_adv_plugin.modules.objectives.objective import LazyObjective


@Model.register("other_name")
class OtherName(Model):
    def __init__(self, vocabulary: Any, size: int = 3) -> None:
        super().__init__(vocabulary)


@Model.register("no_vocab")
class NoVocab(Model):
    def __init__(self, size: int = 3) -> None:
        super().__init__()  # type: ignore[call-arg]


@Model.register("forgets_vocab")
class ForgetsVocab(Model):
    def __init__(self, vocab: Any) -> None:
        super().__init__()  # type: ignore[call-arg]


@Model.register("other_mistake")
class OtherMistake(Model):
    def __init__(self, vocab: Any) -> None:
        super().__init__(vocab)
        needs_a_size()  # type: ignore[call-arg]


def needs_a_size(size: int) -> None:
    raise AssertionError


@Model.register("own_arguments")
class OwnArguments(Model):
    def __init__(self, size: int = 3) -> None:
        super().__init__(f"made here {size}")  # type: ignore[arg-type]


@Objective.register("wants_sizes")
class WantsSizes(Objective):
    def __init__(self, sizes: dict[str, int]) -> None:
        super().__init__(["shared"])


@Objective.register("no_sizes")
class NoSizes(Coral):
    def __init__(self, factor: float = 1.0) -> None:
        super().__init__(weight=factor)  # type: ignore[call-arg]


def model(name: str) -> Callable[[], Any]:
    return lambda: construct(LazyModel, {"type": name}, "model").construct(
        vocab="a vocabulary", only_heads=None
    )


def objective(name: str) -> Callable[[], Any]:
    path = "model.objectives.0"
    return lambda: construct(LazyObjective, {"type": name}, path).construct(vocab=None, dims={})


@pytest.mark.parametrize(
    ("make", "path", "message"),
    [
        (
            model("other_name"),
            "model.vocabulary",
            "missing key, required here. If the program should give it: a Model is given"
            ' only_heads, vocab. Did you mean "vocab"?',
        ),
        (
            model("no_vocab"),
            "model",
            "NoVocab.__init__ does not pass on `vocab`, required by Model.__init__. A Model is"
            " given only_heads, vocab: take `vocab` as a parameter and pass it to"
            " super().__init__",
        ),
        (
            model("forgets_vocab"),
            "model",
            "ForgetsVocab.__init__ does not pass on `vocab`, required by Model.__init__.",
        ),
        (
            objective("wants_sizes"),
            "model.objectives.0.sizes",
            "missing key, required here. If the program should give it: an Objective is given"
            " dims, tag_counts, vocab.",
        ),
        (
            objective("no_sizes"),
            "model.objectives.0",
            "NoSizes.__init__ does not pass on `vocab` and `dims`, required by"
            " Alignment.__init__. An Objective is given dims, tag_counts, vocab: ",
        ),
    ],
)
def test_what_the_base_class_is_given(make: Callable[[], Any], path: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        make()
    assert error.value.path == path
    assert error.value.message.startswith(message)


def test_other_errors_are_for_their_author() -> None:
    with pytest.raises(TypeError, match="needs_a_size"):
        model("other_mistake")()


def test_a_component_may_do_without_what_is_supplied() -> None:
    assert model("own_arguments")().vocab == "made here 3"


def test_components_of_this_package_name_only_the_key() -> None:
    with pytest.raises(ConfigurationError) as error:
        construct(LazyModel, {"type": "crf_tagger"}, "model")
    assert "is given" not in error.value.message
