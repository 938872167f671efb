"""Suggestions: mangled messages, slips of amounts, time; never another store's or mode's."""

from __future__ import annotations

import random

import pytest

from checkout.core.db import run, unit_of_work
from checkout.payments.codes import SYMBOLS
from checkout.payments.suggest import SHOWN, amount_slips, suggest_sessions
from tests.factories.till import Till, make_till, memo_of


def suggest(till, transfer):
    """What is suggested for a transfer, read as the page reads it."""
    with unit_of_work():
        (row,) = run("SELECT * FROM transfer WHERE id = %(id)s", id=transfer["id"])
        return suggest_sessions(row, till.shop.scope)


def kinds(suggestion):
    return [reason.kind for reason in suggestion.reasons]


def mangle(memo, how):
    """A memo with one slip in its seven symbols, drawn anew for each kind of slip."""
    dice = random.Random(how + memo)
    prefix, tail = memo[:2], memo[2:]
    # Between two symbols that differ, so that each slip changes something.
    place = dice.choice([at for at in range(1, 6) if tail[at] != tail[at - 1]])
    others = [symbol for symbol in SYMBOLS if symbol not in (tail[place], tail[3])]
    return {
        "other": prefix + tail[:place] + dice.choice(others) + tail[place + 1 :],
        "odd": prefix + tail[:place] + dice.choice("01ILO") + tail[place + 1 :],
        "swapped": prefix + tail[: place - 1] + tail[place] + tail[place - 1] + tail[place + 1 :],
        "missing": prefix + tail[:place] + tail[place + 1 :],
        "extra": prefix + tail[:place] + dice.choice(others) + tail[place:],
        "prefix": "MH" + tail,
        "bare": tail,
        "cut": "CT DEN " + prefix + tail[:5],
        "split": f"MBVCB {prefix.lower()} {tail[:3]}.{dice.choice(others)}{tail[4:]} chuyen khoan",
    }[how]


SLIPS = ("other", "odd", "swapped", "missing", "extra", "prefix", "bare", "cut", "split")


@pytest.mark.parametrize("how", SLIPS)
def test_a_mangled_code_finds_its_session_before_all_others(till: Till, how):
    """Others wait for the same amount at the same time: the code decides."""
    meant = till.make_attempt(500_000)
    for _ in range(3):
        till.make_attempt(500_000)
    transfer = till.pay(mangle(memo_of(meant), how), 500_000)
    assert transfer["disposition"] == "unknown_code"

    best, *others = suggest(till, transfer)

    assert best.session.id == meant["session"]
    assert kinds(best)[0].startswith("code_")
    assert "amount_exact" in kinds(best)
    assert all(best.points > other.points + 50 for other in others)


def test_a_mangled_code_is_found_whatever_came(till: Till):
    meant = till.make_attempt(500_000)

    (best,) = suggest(till, till.pay(mangle(memo_of(meant), "odd"), 123_000))

    assert best.session.id == meant["session"]
    assert best.refusal == ""


@pytest.mark.parametrize(
    ("came", "reason"),
    [
        (500_000, "amount_exact"),
        (495_000, "amount_little_less"),
        (505_000, "amount_little_more"),
        (50_000, "amount_slip"),
        (5_000_000, "amount_slip"),
        (300_000, "amount_slip"),
    ],
)
def test_an_amount_alone(till: Till, came, reason):
    waiting = till.make_attempt(500_000)
    till.make_attempt(731_000)

    (found,) = suggest(till, till.pay("tien phong", came))

    assert found.session.id == waiting["session"]
    assert kinds(found) == [reason, "just"]


@pytest.mark.parametrize(
    ("seconds", "reason", "count"),
    [(300, "minutes", 5), (2 * 3600, "hours", 2), (3 * 86_400, "days", 3)],
)
def test_how_long_the_code_had_been_shown(till: Till, seconds, reason, count):
    till.make_attempt(500_000, duration_minutes=43_200)
    till.advance(seconds)

    (found,) = suggest(till, till.pay("tien phong", 500_000))

    assert found.reasons[-1].kind == reason
    assert found.reasons[-1].values["count"] == count


def test_time_alone_is_no_reason(till: Till):
    till.make_attempt(731_000)
    assert suggest(till, till.pay("tien phong", 500_000)) == []


def test_the_newer_of_two_alike_comes_first(till: Till):
    older, newer = till.make_attempt(500_000), till.make_attempt(500_000)

    found = suggest(till, till.pay("tien phong", 500_000))

    assert [one.session.id for one in found] == [newer["session"], older["session"]]


def test_what_a_session_still_waits_for_counts(till: Till):
    attempt = till.make_attempt(500_000)
    till.pay(memo_of(attempt), 200_000)

    (found,) = suggest(till, till.pay("phan con lai", 300_000))

    assert (found.session.id, found.due) == (attempt["session"], 300_000)
    assert "amount_exact" in kinds(found)


@pytest.mark.parametrize("memo", ["thanh toan bk 2031", "BK-2031", "bk2031 lan anh"])
def test_the_shops_own_reference(till: Till, memo):
    meant = till.make_attempt(500_000, reference="BK-2031")
    till.make_attempt(123_000, reference="BK-2032")

    best = suggest(till, till.pay(memo, 123_456))[0]

    assert best.session.id == meant["session"]
    assert kinds(best)[0] == "reference"


def test_the_customers_name(till: Till):
    named = till.make_attempt(500_000, customer={"name": "Nguyễn Thị Lan", "email": "l@a.example"})
    till.make_attempt(500_000)

    best = suggest(till, till.pay("NGUYEN THI LAN chuyen tien", 500_000))[0]

    assert best.session.id == named["session"]
    assert "payer" in kinds(best)


def test_a_paid_session_is_nobodys_home(till: Till):
    paid = till.make_attempt(500_000)
    till.pay(memo_of(paid), 500_000)

    assert suggest(till, till.pay(mangle(memo_of(paid), "odd"), 500_000)) == []


def test_an_ended_session_that_it_does_not_cover_says_so(till: Till):
    attempt = till.make_attempt(500_000)
    till.advance_and_sweep(86_400)

    (found,) = suggest(till, till.pay(mangle(memo_of(attempt), "odd"), 300_000))

    assert found.refusal == "amount_too_small"


def test_what_only_has_to_be_accepted_is_not_suggested(till: Till):
    attempt = till.make_attempt(500_000)
    till.advance_and_sweep(86_400)
    transfer = till.pay(memo_of(attempt), 500_000)
    assert transfer["disposition"] == "late"

    assert suggest(till, transfer) == []


def test_nothing_held_nothing_suggested(till: Till):
    attempt = till.make_attempt(500_000)
    till.make_attempt(500_000)
    assert suggest(till, till.pay(memo_of(attempt), 500_000)) == []


@pytest.mark.parametrize("whose", ["another store's", "the other mode's"])
def test_never_whats_foreign(client, whose):
    other = make_till(client)
    foreign = other.make_attempt(500_000, reference="BK-2031")
    till = make_till(client)
    if whose == "the other mode's":
        till = make_till(client, livemode=True)
        with unit_of_work():
            run("UPDATE checkout_session SET store_id = %(id)s", id=till.shop.store.id)
            run("UPDATE attempt SET store_id = %(id)s", id=till.shop.store.id)

    transfer = till.pay(f"{mangle(memo_of(foreign), 'odd')} BK-2031", 500_000)

    assert suggest(till, transfer) == []


def test_one_statement_and_never_many(till: Till, monkeypatch):
    for _ in range(SHOWN + 2):
        till.make_attempt(500_000)
    transfer = till.pay("tien phong", 500_000)
    with unit_of_work():
        (row,) = run("SELECT * FROM transfer WHERE id = %(id)s", id=transfer["id"])
    asked = []
    from checkout.payments import suggest as module

    monkeypatch.setattr(
        module, "run", lambda text, **given: asked.append(text) or run(text, **given)
    )
    with unit_of_work():
        found = suggest_sessions(row, till.shop.scope)

    assert len(found) == SHOWN
    assert len(asked) == 1


def test_no_table_is_walked(till: Till):
    """With many rows every step of the one statement goes by an index and ends."""
    from checkout.payments.suggest import _FIND

    with unit_of_work():
        run("SET LOCAL enable_seqscan = off")
        plan = run(
            f"EXPLAIN {_FIND}",
            store_id="sto_x", livemode=False, codes=["HM-AAAAAAA"], here="cs_5", before=5000,
            after=500, currency="VND", amount=5, low=4, high=6, slips=[7], least=4,
            squeezed="X", candidates=40, named=None,
        )  # fmt: skip
    text = "\n".join(row[0] for row in plan)
    assert "Seq Scan" not in text


def test_slips_of_an_amount():
    slips = amount_slips(500_000)
    assert {50_000, 5_000_000, 500, 500_000_000, 300_000, 500_001} <= slips
    assert 500_000 not in slips
    assert 0 not in amount_slips(5)
    assert {54, 40, 450} <= amount_slips(45)
