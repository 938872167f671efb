from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.rails.vietqr.memo import READINGS_LIMIT, read_codes, to_bank_text
from tests.rails import make_memo_corpus
from tests.rails.kit import load_vectors, resolve

KNOWN = {"HM7K2M9QX": 150_000}
WITH_ANSWER = [one for one in load_vectors("sepay_memo") if "order_code" in one["expected"]]


def _corpus() -> dict[str, Any]:
    return dict(json.loads(make_memo_corpus.CORPUS.read_text(encoding="utf-8")))


def _resolve_row(row: dict[str, Any], corpus: dict[str, Any]) -> str | None:
    matches = read_codes(
        code=row["code"],
        content=row["content"],
        description=row["description"],
        prefixes=corpus["prefixes"],
    )
    return resolve(matches, amount=row["amount"], open_amounts=corpus["attempts"])


@pytest.mark.parametrize("vector", WITH_ANSWER, ids=lambda vector: vector["name"])
def test_memos_name_the_published_codes(vector: dict[str, Any]) -> None:
    matches = read_codes(**vector["input"], prefixes=["HM"])

    expected = vector["expected"]["order_code"]
    found = resolve(matches, amount=150_000, open_amounts=KNOWN)
    assert found == (expected.replace("-", "") if expected else None)


def test_a_code_field_without_an_order_gives_way_to_the_memo() -> None:
    matches = read_codes(code="HMAAAAAAA", content="HM7K2M9QX", description="", prefixes=["HM"])

    assert matches[0].value == "HMAAAAAAA"
    assert resolve(matches, amount=150_000, open_amounts=KNOWN) == "HM7K2M9QX"


def test_the_corpus_is_what_its_rules_make() -> None:
    assert make_memo_corpus.CORPUS.read_text(encoding="utf-8") == make_memo_corpus.to_text()


def test_nearly_every_recoverable_memo_is_matched() -> None:
    corpus = _corpus()
    recoverable = [row for row in corpus["memos"] if row["expected"] in corpus["attempts"]]

    missed = [row for row in recoverable if _resolve_row(row, corpus) != row["expected"]]

    assert len(recoverable) >= 300
    assert len(missed) <= len(recoverable) // 100, missed


def test_no_memo_is_matched_wrongly() -> None:
    corpus = _corpus()

    for row in corpus["memos"]:
        found = _resolve_row(row, corpus)
        assert found in (row["expected"], None, "ambiguous"), row
        if row["expected"] == "ambiguous":
            assert found == "ambiguous", row
        if row["expected"] is None:
            assert found is None, row


def test_weak_readings_count_only_for_the_exact_amount() -> None:
    matches = read_codes(code=None, content="HM7K2 M9QX", description="", prefixes=["HM"])

    assert [match.exact_only for match in matches if match.value == "HM7K2M9QX"] == [True]
    assert resolve(matches, amount=150_000, open_amounts=KNOWN) == "HM7K2M9QX"
    assert resolve(matches, amount=149_000, open_amounts=KNOWN) is None


def test_overlapping_readings_are_all_given() -> None:
    values = {
        match.value
        for match in read_codes(
            code=None, content="THMHM7K2M9QX", description="", prefixes=["HM", "HMH"]
        )
    }

    assert {"HMHM7K2M9", "HM7K2M9QX", "HMHM7K2M9Q"} <= values


def test_a_provider_that_names_one_of_two_codes_decides_nothing() -> None:
    known = {"HM7K2M9QX": 150_000, "HM3ABCDEF": 90_000}
    matches = read_codes(
        code="HM7K2M9QX", content="HM7K2M9QX HM3ABCDEF", description="", prefixes=["HM"]
    )

    assert resolve(matches, amount=150_000, open_amounts=known) == "ambiguous"


@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=400))
def test_any_text_is_read(code: str, content: str, description: str) -> None:
    for match in read_codes(
        code=code, content=content, description=description, prefixes=["HM", "SHOP"]
    ):
        assert match.value.isascii()
        assert len(match.value) in (9, 11)


@given(st.text(max_size=60).filter(lambda text: "HM" not in text.upper()), st.text(max_size=60))
def test_a_whole_code_is_read_between_any_texts(before: str, after: str) -> None:
    matches = read_codes(
        code=None, content=f"{before} HM7K2M9QX {after}", description="", prefixes=["HM"]
    )

    assert "HM7K2M9QX" in {match.value for match in matches if not match.exact_only}


@pytest.mark.parametrize("text", ["HM" * 500_000, "H M-" * 300_000, "\ufdfa" * 500_000])
def test_a_huge_memo_gives_few_readings(text: str) -> None:
    matches = read_codes(code=text, content=text, description=text, prefixes=["HM"])

    assert len(matches) <= 6 * READINGS_LIMIT


def test_bank_text_has_no_marks() -> None:
    assert to_bank_text("Đặng Thị Tuyết chuyển tiền đơn") == "Dang Thi Tuyet chuyen tien don"
