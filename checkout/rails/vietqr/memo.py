"""Transfer memos: what we write into them, and finding our codes in what banks make of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from checkout.rails.base import Match

MEMO_LIMIT = 19
"""Longer memos are cut by some banks."""

# A bank message is a few hundred characters. The limits keep a hostile one from costing time:
# everything below is linear in them.
TEXT_LIMIT = 2_000
READINGS_LIMIT = 64

_CODE_LENGTH = 7
_SEPARATORS_LIMIT = 6
_NOT_CODE = re.compile(r"[^A-Z0-9]+")


def to_bank_text(text: str) -> str:
    """The text without Vietnamese marks, as banks carry it; other characters stay."""
    # NFD leaves đ whole: its bar is not a combining mark.
    decomposed = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(char for char in decomposed if unicodedata.category(char) != "Mn")


def read_codes(
    *, code: str | None, content: str, description: str, prefixes: Sequence[str]
) -> tuple[Match, ...]:
    """Every way in which a movement's texts may name a payment code, strongest tier first.

    The provider's own recognition is asked before the memo, the memo before the bank's full
    message. Codes read whole come before codes that had to be put together again. All readings
    of a tier are given, overlapping ones too, because only the caller knows which codes exist.
    """
    texts = [_fold(text) for text in (code or "", content, description)]
    whole = [_find(text, prefixes, separators=_SEPARATORS_LIMIT) for text in texts]
    joined = [_find(_NOT_CODE.sub("", text), prefixes, separators=0) for text in texts]
    strong = {value for values in whole for value in values}
    if set(whole[0]) <= set(whole[1]):
        # The provider names the first code of a memo that may hold several. What it took from
        # the memo is judged together with the memo's others, so that two are never guessed at.
        whole[0] = []
    matches = [
        Match("code", value, tier=tier) for tier, values in enumerate(whole) for value in values
    ]
    for tier, values in enumerate(joined):
        matches += [
            Match("code", value, tier=len(texts) + tier, exact_only=True)
            for value in values
            if value not in strong
        ]
    return tuple(matches)


def _find(text: str, prefixes: Iterable[str], *, separators: int) -> list[str]:
    found: dict[str, None] = {}
    for prefix in dict.fromkeys(prefix.upper() for prefix in prefixes):
        # The look-ahead consumes nothing, so that a prefix that happens to stand inside
        # another word or another reading hides none.
        pattern = rf"(?={re.escape(prefix)}[^A-Z0-9]{{0,{separators}}}([A-Z0-9]{{{_CODE_LENGTH}}}))"
        for reading in re.finditer(pattern, text):
            found[prefix + reading[1]] = None
            if len(found) >= READINGS_LIMIT:
                return list(found)
    return list(found)


def _fold(text: str) -> str:
    """Upper case, full-width and styled letters made plain, marks and invisible signs removed."""
    plain = unicodedata.normalize("NFKD", text[:TEXT_LIMIT]).upper().replace("Đ", "D")
    kept = (char for char in plain if unicodedata.category(char) not in ("Mn", "Cf"))
    return "".join(kept)[:TEXT_LIMIT]
