import subprocess
import sys

import pytest

import ner_adv_plugin.data


def test_all_names_are_exported():
    for name in ner_adv_plugin.data.__all__:
        assert getattr(ner_adv_plugin.data, name) is not None

    assert set(ner_adv_plugin.data.__all__) <= set(dir(ner_adv_plugin.data))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"'ner_adv_plugin.data' has no attribute 'Bacth'"):
        ner_adv_plugin.data.Bacth  # noqa: B018


def test_labels_need_no_torch():
    code = "import sys, ner_adv_plugin.data.labels.spans; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
