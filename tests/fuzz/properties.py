"""The properties by name."""

from collections.abc import Callable
from pathlib import Path

from tests.fuzz.archive import Archive
from tests.fuzz.config import Config
from tests.fuzz.corpus import Corpus
from tests.fuzz.harness import Property
from tests.fuzz.kill import Kill
from tests.fuzz.predict import Predict

PROPERTIES: dict[str, Callable[[Path], Property]] = {
    "archive": Archive,
    "config": Config,
    "corpus": Corpus,
    "kill": Kill,
    "predict": Predict,
}
