"""What the package exports, and what its import costs."""

import subprocess
import sys

import pytest

import ner_adv_plugin
from ner_adv_plugin import api
from tests.tiny import ROOT


def test_all_names_are_exported() -> None:
    for name in ner_adv_plugin.__all__:
        assert getattr(ner_adv_plugin, name) is not None
    assert set(ner_adv_plugin.__all__) - {"__version__"} <= set(api.__all__)
    with pytest.raises(AttributeError, match="'ner_adv_plugin' has no attribute 'trian'"):
        ner_adv_plugin.trian  # noqa: B018


def _loaded(code: str) -> set[str]:
    ask = f"import sys; {code}; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_package_imports_nothing_but_its_lazy_names() -> None:
    loaded = _loaded("import ner_adv_plugin")
    own = {name for name in loaded if name.partition(".")[0] == "ner_adv_plugin"}
    assert own == {"ner_adv_plugin", "ner_adv_plugin.common", "ner_adv_plugin.common.lazy"}
    assert not {"torch", "numpy", "typing"} & (loaded - _loaded("pass"))


def test_components_and_plugins_are_imported_with_the_functions() -> None:
    code = (
        "from ner_adv_plugin import Predictor; "
        "from ner_adv_plugin.models import Model; assert 'crf_tagger' in Model.list_available()"
    )
    assert "ner_adv_plugin.components" in _loaded(code)
