"""What is printed and logged, of this package and of libraries."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny import ROOT

LOG_TO = "from ner_adv_plugin.common.logging import log_to; log_to(Path(sys.argv[1]))"
# It prints its messages by itself, and passes them on to the root logger.
IMPORT = "import huggingface_hub.utils"
LOG = """
logging.getLogger("huggingface_hub.utils._http").warning("of the hub")
logging.getLogger("another_library").warning("of another")
logging.getLogger("another_library").info("a notice")
logging.getLogger("ner_adv_plugin.training").info("of ours")
"""


@pytest.mark.parametrize("steps", [[LOG_TO, IMPORT], [IMPORT, LOG_TO]])
def test_every_message_is_printed_and_logged_once(steps: list[str], tmp_path: Path) -> None:
    code = "\n".join(["import logging, sys", "from pathlib import Path", *steps, LOG])
    command = [sys.executable, "-c", code, str(tmp_path)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    logged = (tmp_path / "out.log").read_text(encoding="utf-8")
    for message in ("of the hub", "of another", "of ours"):
        assert process.stderr.count(message) == logged.count(message) == 1
    assert "a notice" not in process.stderr and logged.count("a notice") == 1
