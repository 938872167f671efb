"""The transfers inbox in the browser: what needs a person, why, and one way out of it."""

from __future__ import annotations

import re

import pytest

from checkout.core.crypto import seal
from checkout.core.db import one, run, unit_of_work
from tests.factories.books import balances, read_one
from tests.factories.desks import make_desk
from tests.factories.stores import make_shop
from tests.factories.till import Till, make_till, memo_of
from tests.factories.wallets import make_customer, wallet_of

LIST = "/transfers"


@pytest.fixture
def desk(till):
    """Somebody of the shop's support; a store with members has an owner too."""
    make_desk("owner", till.shop.store.id)
    return make_desk("support", till.shop.store.id)


def address(transfer, **asked):
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return f"{LIST}/{transfer['id']}" + (f"/resolution?{query}" if asked else "")


def decide(desk, transfer, action, **fields):
    """Send the page's own form."""
    form = {"action": action, "note": "as agreed", "held": str(transfer["amount_held"]), **fields}
    return desk.post(f"{LIST}/{transfer['id']}/resolution", form)


def make_each(till: Till):
    """One transfer of each kind that needs a person."""
    paid, over, late, cancelled, short, euro = (till.make_attempt(500_000) for _ in range(6))
    till.call("POST", f"/checkout/sessions/{cancelled['session']}/cancel")
    till.pay(memo_of(paid), 500_000)
    found = {
        "duplicate": till.pay(memo_of(paid), 500_000),
        "over": till.pay(memo_of(over), 600_000),
        "late_cancelled": till.pay(memo_of(cancelled), 500_000),
        "unknown_code": till.pay("tien an", 100_000),
        "wrong_account": till.pay(memo_of(euro), 500_000, accountNumber="999888777"),
        "partial": till.pay(memo_of(short), 100_000),
    }
    till.advance_and_sweep(86_400)
    return found | {"late": till.pay(memo_of(late), 500_000)}


def test_what_needs_a_person_is_there_with_a_sentence_for_each(till, desk):
    made = make_each(till)
    with unit_of_work():
        run(
            "UPDATE transfer SET disposition = 'wrong_currency' WHERE id = %(id)s",
            id=made["wrong_account"]["id"],
        )

    page = desk.get(LIST)

    for kind, transfer in made.items():
        assert transfer["id"] in page, kind
    for words in (
        "Less came than was due, and the order has ended without the rest.",
        "What came beyond its amount is held.",
        "The money came after its order had ended",
        "an order that the shop had cancelled",
        "this is a second payment for it",
        "holds no payment code that we know",
        "in another currency than its order",
    ):
        assert words in page
    assert "7 transfers wait for you" in page


@pytest.mark.parametrize("locale", ["vi", "en", "km"])
def test_every_page_in_every_language(till, locale):
    desk = make_desk("owner", till.shop.store.id, locale=locale)
    for transfer in make_each(till).values():
        assert f'<html lang="{locale}">' in desk.get(address(transfer))
        for action in ("accept", "write_off"):
            desk.get(address(transfer, action=action))
    for state in ("needs", "waits", "done", "all"):
        desk.get(f"{LIST}?state={state}")


def test_a_part_whose_rest_may_come_waits_apart(till, desk):
    attempt = till.make_attempt(500_000)
    transfer = till.pay(memo_of(attempt), 100_000)

    assert transfer["id"] not in desk.get(LIST)
    assert transfer["id"] in desk.get(f"{LIST}?state=waits")
    assert "Wait for the rest." in desk.get(address(transfer))


def test_what_matched_is_only_under_all(till, desk):
    transfer = till.pay(memo_of(till.make_attempt(500_000)), 500_000)

    assert transfer["id"] not in desk.get(LIST)
    assert transfer["id"] in desk.get(f"{LIST}?state=all")
    assert "What you can do" not in desk.get(address(transfer))


def test_filters_live_in_the_address(till, desk):
    made = make_each(till)

    page = desk.get(f"{LIST}?disposition=duplicate")

    assert made["duplicate"]["id"] in page
    assert made["over"]["id"] not in page
    assert made["over"]["id"] not in desk.get(f"{LIST}?rail=khqr")
    assert made["over"]["id"] in desk.get(f"{LIST}?rail=vietqr&state=all")


def test_a_filter_without_sense_says_so_and_still_lists(till, desk):
    transfer = till.pay("tien an", 100_000)

    page = desk.client.get(desk.url(f"{LIST}?disposition=odd&q=%00"))

    assert page.status_code == 422
    assert transfer["id"] in page.text


@pytest.mark.parametrize(
    "asked",
    [
        "TIEN AN",
        "tien%20an",
        "tienan",
        "123.456",
        "123456%20VND",
        "lan%20nguyen",
        "77700001",
        "{id}",
    ],
)
def test_looking_for_one(till, desk, asked):
    other = till.pay("rent for may", 700_000)
    meant = till.pay("Tien an trua", 123_456, number=77_700_001)
    with unit_of_work():
        run(
            "UPDATE transfer SET payer = %(payer)s WHERE id = %(id)s",
            payer={"name": "LAN NGUYEN"},
            id=meant["id"],
        )

    page = desk.get(f"{LIST}?q={asked.format(id=meant['id'])}")

    assert meant["id"] in page
    assert other["id"] not in page


def test_looking_by_code_session_and_order(till, desk):
    attempt = till.make_attempt(500_000, reference="BK-2031")
    meant = till.pay(memo_of(attempt), 600_000)
    other = till.pay("rent", 1)

    for asked in (attempt["code"], memo_of(attempt).lower(), attempt["session"], "BK-2031"):
        page = desk.get(f"{LIST}?q={asked}")
        assert meant["id"] in page, asked
        assert other["id"] not in page, asked
    assert meant["id"] in desk.get(f"{LIST}?q={attempt['id']}")
    for percent in ("%25", "_", "%5C"):
        assert meant["id"] not in desk.get(f"{LIST}?q={percent}")


def test_the_newest_twenty_and_then_the_older(till, desk):
    transfers = [till.pay(f"gift {number}", 1000 + number) for number in range(22)]

    page = desk.get(LIST)
    older = re.search(r'href="([^"]+cursor=[^"]+)"', page)[1].replace("&amp;", "&")

    assert transfers[-1]["id"] in page
    assert transfers[0]["id"] not in page
    assert transfers[0]["id"] in desk.get(older)


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_what_payers_write_is_only_text(till, desk, evil):
    attempt = till.make_attempt(500_000, reference=evil, customer={"name": evil})
    transfer = till.pay(f"{evil} {attempt['code'][:-1]}2", 500_000)
    with unit_of_work():
        run("UPDATE transfer SET payer = %(payer)s", payer={"name": evil, "account": evil})

    pages = [
        desk.get(LIST),
        desk.get(f"{LIST}?q={evil}"),
        desk.get(address(transfer)),
        desk.get(address(transfer, action="write_off")),
        desk.get(address(transfer, action="assign", session=attempt["session"])),
    ]

    for page in pages:
        assert evil not in page
        assert "&lt;script&gt;" in page or "&gt;&lt;img" in page


def test_the_raw_notice_is_behind_it(till, desk):
    transfer = till.pay("tien an", 100_000)

    page = desk.get(address(transfer))

    assert "BankAPINotify tien an" in page
    assert "transferAmount" in page
    assert till.rail["api_key"] not in page


def test_a_raw_notice_whose_key_is_gone(till, desk):
    transfer = till.pay("tien an", 100_000)
    with unit_of_work():
        run("UPDATE inbox SET raw = %(raw)s", raw=b"gone.broken")

    assert "does not open any more" in desk.get(address(transfer))


def test_a_raw_notice_that_is_too_deep_is_shown_as_it_came(till, desk):
    transfer = till.pay("tien an", 100_000)
    deep = "[" * 5000 + "]" * 5000
    with unit_of_work():
        row = one("SELECT id FROM inbox")
        raw = seal(deep.encode(), row=row.id, column="inbox.raw")
        run("UPDATE inbox SET raw = %(raw)s", raw=raw)

    assert deep in desk.get(address(transfer))


def test_half_of_a_character_in_a_notice_keeps_no_page_away(till, desk):
    """JSON can name it, no page can show it."""
    attempt = till.make_attempt(500_000)
    notice = till.notice(f"{memo_of(attempt)} \ud83d", 700_000)

    assert till.tell(notice).status_code == 200

    session = till.session(attempt["session"])
    (transfer,) = run("SELECT id FROM transfer")
    for path in (
        f"/transfers/{transfer.id}",
        f"/sessions/{session['id']}",
        f"/payments/{session['payment']['id']}",
    ):
        assert f"{memo_of(attempt)} ?" in desk.get(path)


def test_a_mistyped_code_is_one_click_and_a_yes(till, desk):
    attempt = till.make_attempt(500_000, reference="BK-2031")
    memo = memo_of(attempt)
    transfer = till.pay(memo[:-2] + "0" + memo[-1], 500_000)

    page = desk.get(address(transfer))
    link = re.search(r'href="([^"]+/resolution\?action=assign[^"]+)"', page)[1]
    sure = desk.get(link.replace("&amp;", "&"))

    assert "one symbol is wrong" in page
    assert "exactly the amount that is due" in page
    assert "The order is paid with ₫500,000." in sure or "500,000\xa0₫" in sure
    answer = decide(desk, transfer, "assign", session=attempt["session"])
    assert answer.status_code == 303
    assert "The money has found its home." in desk.get(answer.location)
    assert till.session(attempt["session"])["status"] == "completed"


def test_what_is_told_beforehand_is_what_happens(till, desk):
    attempt = till.make_attempt(500_000)
    transfer = till.pay("tien an", 650_000)

    page = desk.get(address(transfer, action="assign", session=attempt["session"]))

    assert "The order is paid with 500,000" in page
    assert "150,000" in page
    assert "stays held, for you to decide about" in page
    assert decide(desk, transfer, "assign", session=attempt["session"]).status_code == 303
    assert balances(till.shop.store.id)["store_balance"] == 500_000
    assert balances(till.shop.store.id)["suspense"] == 150_000


def test_a_part_that_is_moved_on(till, desk):
    short, other = till.make_attempt(500_000), till.make_attempt(400_000)
    transfer = till.pay(memo_of(short), 100_000)

    page = desk.get(address(transfer, action="assign", session=other["session"]))

    assert "is taken away from the order that counts it now" in page
    assert "300,000" in page
    assert decide(desk, transfer, "assign", session=other["session"]).status_code == 303
    assert till.session(short["session"])["amount_received"] == 0
    assert till.session(other["session"])["amount_due"] == 300_000


def test_short_money_is_accepted_as_enough(client):
    till = make_till(client, fee_bps=100)
    desk = make_desk("support", till.shop.store.id)
    attempt = till.make_attempt(500_000)
    transfer = till.pay(memo_of(attempt), 400_000)

    page = desk.get(address(transfer, action="accept"))

    assert "The order is paid with 400,000" in page
    assert "4,000" in page
    assert "100,000\xa0₫ that is missing need not be paid any more." in page
    assert decide(desk, transfer, "accept").status_code == 303
    assert balances(till.shop.store.id)["store_balance"] == 396_000


def test_a_session_is_named_as_people_name_it(till, desk):
    attempt = till.make_attempt(500_000, reference="BK-2031")
    transfer = till.pay("tien an", 500_000)
    url = till.session(attempt["session"])["url"]

    for word in (attempt["code"], "BK-2031", attempt["session"], url, f"{url}?lang=vi"):
        page = desk.client.get(
            desk.url(f"{LIST}/{transfer['id']}/resolution"),
            query_string={"action": "assign", "session": word},
        )
        assert f'value="{attempt["session"]}"' in page.text, word


@pytest.mark.parametrize(
    ("action", "field", "words"),
    [
        ("assign", "session", "There is no such order in this store."),
        ("credit_wallet", "customer", "There is no such customer in this store."),
    ],
)
def test_foreign_homes_are_none(till, desk, client, action, field, words):
    transfer = till.pay("tien an", 500_000)
    other = make_till(client)
    foreign = other.make_attempt(500_000, customer={"email": "a@b.example"})
    word = {
        "session": foreign["session"],
        "customer": other.session(foreign["session"])["customer"],
    }[field]
    path = f"{LIST}/{transfer['id']}/resolution"

    for wrong in (word, "", "nothing of the kind"):
        page = desk.client.get(desk.url(f"{path}?action={action}&{field}={wrong}"))
        assert page.status_code == 422
        assert words in page.text
        refused = desk.refused(path, {"action": action, "note": "n", field: wrong})
        assert words in refused
    assert balances(till.shop.store.id)["suspense"] == 500_000


def test_into_a_customers_wallet(till, desk):
    customer = make_customer(till.shop, "lan@shop.example")
    transfer = till.pay("tien an", 500_000)

    page = desk.get(address(transfer, action="credit_wallet", customer="LAN@shop.example"))
    answer = decide(desk, transfer, "credit_wallet", customer=customer)

    assert "goes into the customer&#39;s wallet" in page
    assert answer.status_code == 303
    assert wallet_of(till, customer) == {"VND": 500_000}


def test_a_double_click_does_it_once_and_says_so(till, desk):
    transfer = till.pay("tien an", 500_000)

    first, second = (decide(desk, transfer, "accept") for _ in range(2))

    assert (first.status_code, second.status_code) == (303, 409)
    assert "nothing was done twice" in second.text
    assert "as agreed" in second.text
    assert balances(till.shop.store.id)["store_balance"] == 500_000


def test_of_two_people_the_second_sees_what_the_first_did(till, desk):
    transfer = till.pay("tien an", 500_000)
    other = make_desk("admin", till.shop.store.id)
    decide(desk, transfer, "write_off", note="sent back on Monday")

    page = decide(other, transfer, "accept")

    assert page.status_code == 409
    assert "sent back on Monday" in page.text
    assert desk.user.name in page.text
    assert "store_balance" not in balances(till.shop.store.id)


@pytest.mark.parametrize("held", ["99", "9" * 5000, "-1", "٩", "many"])
def test_what_was_seen_must_still_be_held(till, desk, held):
    transfer = till.pay(memo_of(till.make_attempt(500_000)), 600_000)

    answer = decide(desk, transfer, "accept", held=held)

    assert answer.status_code == 409
    assert "Another amount is held by now" in answer.text
    assert balances(till.shop.store.id)["suspense"] == 100_000


def test_a_reason_is_needed_and_what_was_typed_stays(till, desk):
    transfer = till.pay("tien an", 500_000)
    path = f"{LIST}/{transfer['id']}/resolution"

    page = desk.refused(path, {"action": "write_off", "note": "", "held": "500000"})

    assert 'id="e-note"' in page
    assert "This is needed." in page


def test_an_unreadable_notice_can_only_be_marked_as_seen(till, desk):
    transfer = till.pay("tien an", 500_000)
    with unit_of_work():
        # As a rail stores what it cannot read: no amount, nothing held.
        run("UPDATE transfer SET amount = NULL, currency = NULL, held = 0, disposition ="
            " 'unreadable' WHERE id = %(id)s", id=transfer["id"])  # fmt: skip

    page = desk.get(address(transfer))
    sure = desk.get(address(transfer, action="write_off"))

    assert "could not be understood" in page
    assert "Mark it as seen" in page
    assert "Give it to another order" not in page
    assert "The notice is marked as seen." in sure
    desk.post(f"{LIST}/{transfer['id']}/resolution", {"action": "write_off", "note": "seen"})
    assert read_one(
        "SELECT resolved_at IS NOT NULL AS done FROM transfer WHERE id = %(id)s",
        id=transfer["id"],
    ).done
    with unit_of_work():
        run("UPDATE transfer SET amount = 500000, currency = 'VND', held = 500000 WHERE"
            " id = %(id)s", id=transfer["id"])  # fmt: skip


def test_a_viewer_looks_and_decides_nothing(till, desk):
    viewer = make_desk("viewer", till.shop.store.id)
    transfer = till.pay("tien an", 500_000)

    assert "What you can do" not in viewer.get(address(transfer))
    viewer.get(address(transfer, action="accept"), status=403)
    assert decide(viewer, transfer, "accept").status_code == 403
    assert balances(till.shop.store.id)["suspense"] == 500_000


def test_another_stores_transfer_is_missing(till, desk):
    transfer = till.pay("tien an", 500_000)
    stranger = make_desk("owner")

    stranger.get(address(transfer), status=404)
    stranger.get(address(transfer, action="accept"), status=404)
    assert decide(stranger, transfer, "accept").status_code == 404
    live = make_desk("owner", make_shop(True, store=till.shop.store).store.id, mode="live")
    live.get(address(transfer), status=404)


def test_every_decision_is_on_the_trail(till, desk):
    transfer = till.pay("tien an", 500_000)
    decide(desk, transfer, "write_off", note="sent back on Monday")

    entry = read_one("SELECT * FROM audit_entry WHERE action = 'transfer.resolved'")

    assert entry.actor == f"user:{desk.user.id}"
    assert entry.details["note"] == "sent back on Monday"
