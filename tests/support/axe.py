"""axe-core in a page of Chromium: what keeps people with a reader, a keyboard or weak eyes out."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from typing import Any

from playwright.sync_api import Page

from tests.support.live import ROOT

VENDOR = ROOT / "tests" / "vendor"
FILE = "axe-core-4.14.1/axe.min.js"
COUNTED = ("critical", "serious", "moderate")

_RUN = """
async (only) => {
  const found = await axe.run(document, {
    resultTypes: ["violations"],
    ...(only.length ? {runOnly: {type: "rule", values: only}} : {}),
  });
  return found.violations.map(({id, impact, nodes}) => ({
    id, impact, where: nodes.slice(0, 4).map(node => node.html.slice(0, 160)),
    why: nodes[0].failureSummary,
  }));
}
"""


def find_faults(page: Page, *rules: str) -> list[str]:
    """One line for each fault that counts; only these rules where some are named.

    The script comes in by the debugger's door, which a page's content policy does not close.
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(read_axe())
    found: list[dict[str, Any]] = page.evaluate(_RUN, list(rules))
    return [
        f"{fault['impact']} {fault['id']}: {fault['where']} {fault['why']}"
        for fault in found
        if fault["impact"] in COUNTED
    ]


@cache
def read_axe() -> str:
    """The vendored script, once its hash is what the list of vendored files says."""
    code = (VENDOR / FILE).read_bytes()
    listed = re.search(
        rf"^\| `{re.escape(FILE)}` \|.*\| `sha384-([^`]+)` \|$",
        (VENDOR / "README.md").read_text(),
        re.MULTILINE,
    )
    assert listed is not None
    assert listed[1] == base64.b64encode(hashlib.sha384(code).digest()).decode()
    return code.decode()
