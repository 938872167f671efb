"""`bin/flask`: a command of the product, with the settings that `bin/run` started it with."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from bin.stack.settings import read_environ


def main(arguments: list[str]) -> NoReturn:
    """Become the command; ends with 1 where nothing has been started."""
    var_dir = Path(os.environ.get("CHECKOUT_VAR", "var")).absolute()
    environ = read_environ(var_dir)
    if environ is None:
        sys.exit(f"Nothing has been started on {var_dir}: start bin/run, or set CHECKOUT_VAR.")
    words = [sys.executable, "-m", "flask", *arguments]
    os.execve(sys.executable, words, os.environ | environ)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
