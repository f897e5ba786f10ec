"""`python -m docs` builds the site; a warning is an error."""

import sys
from pathlib import Path

from sphinx.cmd.build import build_main

DOCS = Path(__file__).resolve().parent


def main() -> int:
    """Build the site; 0 if there is nothing to mend."""
    target = DOCS / "_build" / "html"
    options = ["-b", "html", "-W", "--keep-going", "--quiet", "-d", str(DOCS / "_build" / "cache")]
    status = build_main([*options, *sys.argv[1:], str(DOCS), str(target)])
    if status == 0:
        print(target / "index.html")
    return status


if __name__ == "__main__":
    sys.exit(main())
