"""Writes memo_corpus.json: payment codes as banks and people mangle them.

Run as `python -m tests.rails.make_memo_corpus`. The expectation is known before the mangling,
so that the corpus never learns from the reader that it tests.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).with_name("memo_corpus.json")
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
PREFIXES = ("HM", "SHOP")

Row = dict[str, Any]

WHOLE_FORMS: dict[str, Callable[[str, str], str]] = {
    "plain": lambda p, c: p + c,
    "hyphen": lambda p, c: f"{p}-{c}",
    "lower": lambda p, c: (p + c).lower(),
    "lower_hyphen": lambda p, c: f"{p}-{c}".lower(),
    "capitalised": lambda p, c: p.capitalize() + c.lower(),
    "space": lambda p, c: f"{p} {c}",
    "two_spaces": lambda p, c: f"{p}  {c}",
    "dot": lambda p, c: f"{p}.{c}",
    "underscore": lambda p, c: f"{p}_{c}",
    "slash": lambda p, c: f"{p}/{c}",
    "colon": lambda p, c: f"{p}: {c}",
    "spaced_hyphen": lambda p, c: f"{p} - {c}",
    "en_dash": lambda p, c: f"{p}–{c}",
    "non_breaking_hyphen": lambda p, c: f"{p}\u2011{c}",
    "full_width": lambda p, c: "".join(chr(ord(char) + 0xFEE0) for char in f"{p}-{c}"),
    "zero_width": lambda p, c: f"{p}\u200b{c[:3]}\u200b{c[3:]}",
    "soft_hyphen": lambda p, c: f"{p}\u00ad{c}",
    "hash": lambda p, c: f"{p}#{c}",
    "line_break": lambda p, c: f"{p}\n{c}",
}

WRAPPINGS = (
    "{}",
    "MBVCB.3278907687.{}.CT tu 0123456789 NGUYEN VAN A toi 0987654321 TRAN THI B",
    "NGUYEN VAN A chuyen tien {}",
    "{}-201126-14:02:37 12345",
    "{}FT26324123456",
    "CT DEN:0123456789 {}",
    "SEVQR {}",
    "IBFT {} GD 123456-112026",
    "Thanh toán đơn hàng {} cảm ơn shop",
    "THM NHMA {} HMM",
    "MBCT{}0123456789",
    "QR - {} - Ma giao dich 88991122",
    "ZP6K1{} tt",
    "020097042211201402372026X8YZ123456.00112.{}",
)

SPLITS = (" ", "\n", ".", "-", "  ")

HAND_WRITTEN: tuple[tuple[str, str, str | None], ...] = (
    ("PHAM THI HOA chuyen khoan", "", None),
    ("", "", None),
    ("   ", "BankAPINotify ", None),
    ("chuyen tien mua hang ngay 20 11 2026", "", None),
    ("HM", "", None),
    ("HM-", "BankAPINotify HM-", None),
    ("HMHMHMHMHMHMHMHM", "", None),
    ("hoc phi hk1 nam 2026 HM NGUYEN", "", None),
    ("TIEN NHA THANG 11", "MBVCB.1.TIEN NHA THANG 11.CT tu 01", None),
    ("tra no 500k", "", None),
    ("THMASTER CARD 2026", "", None),
    ("ＨＭ", "", None),
    ("\u202eXQ9M2K7MH\u202c", "", None),
    ("HM 1234567", "", None),
    ("HMOOOOOOO HM0000000", "", None),
    ("SHOP NOW PAY LATER 2026", "", None),
)


def make_corpus() -> dict[str, Any]:
    chance = random.Random(20261120)
    codes = [_draw(chance) for _ in range(48)]
    attempts = {
        f"{'SHOP' if place % 6 == 5 else 'HM'}{code}": 10_000 + 1_000 * place
        for place, code in enumerate(codes)
    }
    rows = [
        *_whole(attempts),
        *_split(attempts),
        *_in_other_fields(attempts),
        *_beyond_recovery(attempts, chance),
        *_two_codes(attempts),
        *_hand_written(),
    ]
    for row in rows:
        row.setdefault("code", None)
        row.setdefault("description", "")
    return {"prefixes": PREFIXES, "attempts": attempts, "memos": rows}


def _whole(attempts: dict[str, int]) -> Iterator[Row]:
    names = list(attempts)
    place = 0
    for form_name, form in WHOLE_FORMS.items():
        for wrapping in WRAPPINGS:
            memo = names[place % len(names)]
            place += 1
            content = wrapping.format(form(*_parts(memo)))
            # A code read whole is known whatever the amount: a short payment is still its own.
            amount = attempts[memo] - 500 * (place % 2)
            yield _row(f"whole/{form_name}", content, amount, memo)


def _split(attempts: dict[str, int]) -> Iterator[Row]:
    names = list(attempts)
    for place in range(1, 7):
        for number, gap in enumerate(SPLITS):
            memo = names[(place * 7 + number) % len(names)]
            prefix, code = _parts(memo)
            content = f"NGUYEN VAN B {prefix}{code[:place]}{gap}{code[place:]} tt don"
            yield _row("split/right_amount", content, attempts[memo], memo)
            yield _row("split/wrong_amount", content, attempts[memo] + 1, None)
    for memo in names[:6]:
        prefix, code = _parts(memo)
        spaced = " ".join(prefix + code)
        yield _row("split/every_letter", spaced, attempts[memo], memo)
        cut_prefix = f"tt {prefix[0]} {prefix[1:]}{code}"
        yield _row("split/in_the_prefix", cut_prefix, attempts[memo], memo)


def _in_other_fields(attempts: dict[str, int]) -> Iterator[Row]:
    names = list(attempts)
    for memo, other in zip(names[:10], names[10:20], strict=True):
        amount = attempts[memo]
        wrapped = f"MBVCB.1.{memo}.CT tu 01"
        yield _row("field/code", wrapped, amount, memo, code=memo)
        yield _row("field/code_alone", "chuyen tien", amount, memo, code=memo.lower())
        yield _row("field/code_unknown", memo, amount, memo, code="HMAAAAAAA")
        yield _row("field/code_empty", memo, amount, memo, code="")
        yield _row("field/description", "", amount, memo, description=f"BankAPINotify {memo}")
        text = f"BankAPINotify {other}"
        yield _row("field/content_before_description", memo, amount, memo, description=text)
        both = f"{memo} {other}"
        yield _row("field/code_is_one_of_two", both, amount, "ambiguous", code=memo)


def _beyond_recovery(attempts: dict[str, int], chance: random.Random) -> Iterator[Row]:
    names = list(attempts)
    for place, memo in enumerate(names[:24]):
        prefix, code = _parts(memo)
        amount = attempts[memo]
        yield _row("lost/cut", f"{prefix}{code[: 4 + place % 3]}", amount, None)
        yield _row("lost/cut_then_text", f"{prefix}{code[:5]} FT2632412", amount, None)
        yield _row("lost/no_prefix", f"Thanh toan {code}", amount, None)
        changed = _change(code, place % 7, chance)
        if prefix + changed not in attempts:
            yield _row("lost/one_wrong", f"{prefix}{changed}", amount, None)
        stranger = _draw(chance)
        yield _row("lost/unknown", f"tt {prefix}-{stranger}", amount, None)


def _two_codes(attempts: dict[str, int]) -> Iterator[Row]:
    names = list(attempts)
    for one, two in zip(names[:12], names[12:24], strict=True):
        for text in (f"{one} {two}", f"{one}{two}", f"{one.lower()} va {'-'.join(_parts(two))}"):
            yield _row("two_codes", text, attempts[one], "ambiguous")


def _hand_written() -> Iterator[Row]:
    for content, description, expected in HAND_WRITTEN:
        yield _row("hand_written", content, 150_000, expected, description=description)


def _row(rule: str, content: str, amount: int, expected: str | None, **more: Any) -> Row:
    return {"rule": rule, "content": content, "amount": amount, "expected": expected, **more}


def _parts(memo: str) -> tuple[str, str]:
    return memo[:-7], memo[-7:]


def _draw(chance: random.Random) -> str:
    return "".join(chance.choice(ALPHABET) for _ in range(7))


def _change(code: str, place: int, chance: random.Random) -> str:
    symbol = chance.choice([one for one in ALPHABET if one != code[place]])
    return code[:place] + symbol + code[place + 1 :]


def to_text() -> str:
    return json.dumps(make_corpus(), ensure_ascii=True, indent=1) + "\n"


if __name__ == "__main__":
    CORPUS.write_text(to_text(), encoding="utf-8")
