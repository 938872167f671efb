"""Sessions in the dashboard: found again, told as a story, cancelled."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from checkout.core.audit import record_audit
from checkout.core.clock import utc_now
from checkout.core.db import run, unit_of_work
from checkout.core.i18n import Translator
from checkout.payments.fail import fail_attempt
from checkout.sessions.expire import expire_in_store
from checkout.sessions.left import tell_left
from tests.factories.desks import make_desk
from tests.factories.stores import make_shop
from tests.factories.till import make_till, memo_of
from tests.factories.webhooks import make_endpoint

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


@pytest.fixture
def till(client):
    return make_till(client)


@pytest.fixture
def desk(till):
    return make_desk("owner", till.shop.store.id)


def story_of(page):
    lines = re.findall(r'<p class="what">(.*?)</p>', page, re.DOTALL)
    return [re.sub(r"<[^>]*>", "", line).strip() for line in lines]


def test_a_session_is_found_by_its_state_and_reference(till, desk):
    till.make_session(reference="BK-1")
    gone = till.make_session(reference="BK-2")
    till.call("POST", f"/checkout/sessions/{gone['id']}/cancel")

    page = desk.get("/sessions?status=cancelled")
    assert ("BK-2" in page, "BK-1" in page) == (True, False)
    assert 'value="cancelled" selected' in page
    page = desk.get("/sessions?q=BK-1&currency=VND&payment_status=unpaid")
    assert ("BK-2" in page, "BK-1</td>" in page) == (False, True)
    assert "Nothing fits" in desk.get("/sessions?status=expired")


def test_the_time_left_is_by_the_stores_own_clock(till, desk):
    session = till.make_session(duration_minutes=60, reference="BK-1")
    page = f"/sessions/{session['id']}"
    assert "59 minutes left" in desk.get("/sessions")
    assert "59 minutes left" in desk.get(page)

    till.advance(50 * 60)
    assert "9 minutes left" in desk.get("/sessions")

    till.advance(20 * 60)
    for path in (page, "/sessions"):
        assert "about to expire" in desk.get(path)
    expire_in_store(till.shop.store.id)
    assert "left" not in re.sub("Left by the shopper|Time left", "", desk.get("/sessions"))
    assert "Time left" not in desk.get(page)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "about to expire"),
        (59, "less than a minute left"),
        (61, "1 minute left"),
        (7_199, "119 minutes left"),
        (7_200, "2 hours left"),
        (172_799, "47 hours left"),
        (172_800, "2 days left"),
    ],
)
def test_the_time_left_is_told_in_the_unit_that_says_most(seconds, words):
    now = utc_now()
    session = SimpleNamespace(status="open", expires_at=now + timedelta(seconds=seconds))

    assert tell_left(session, now, Translator("en")) == words
    session.status = "completed"
    assert tell_left(session, now, Translator("en")) == ""


def test_what_can_still_be_paid_is_listed_and_counted(till, desk):
    assert "status=payable" not in desk.get()
    till.make_session(reference="BK-1")
    gone = till.make_session(reference="BK-2")
    till.call("POST", f"/checkout/sessions/{gone['id']}/cancel")

    page = desk.get("/sessions?status=payable")
    assert ("BK-1" in page, "BK-2" in page) == (True, False)
    assert 'value="payable" selected' in page
    assert re.search(r'href="[^"]*/sessions\?status=payable">1 session can still', desk.get())


def test_what_expired_today_is_found_though_it_was_made_before(till, desk):
    session = till.make_session(duration_minutes=3 * 1440, reference="BK-1")
    till.advance(3 * 86_400 + 60)
    expire_in_store(till.shop.store.id)
    ended_at = datetime.fromisoformat(till.session(session["id"])["expires_at"])
    day = ended_at.astimezone(ZoneInfo(till.shop.store.settings.time_zone)).date()

    page = desk.get(f"/sessions?status=expired&from={day}&to={day}")
    assert "BK-1" in page
    assert "days on which it ended" in page
    assert f'datetime="{ended_at.isoformat()[:16]}' in page
    assert "BK-1" not in desk.get(f"/sessions?from={day}&to={day}")
    file = desk.client.get(desk.url(f"/sessions/export?status=expired&from={day}&to={day}"))
    assert "BK-1" in file.text


def test_one_customers_sessions_and_payments_are_listed(till, desk):
    attempt = till.make_attempt(
        reference="BK-1", customer={"name": "Lan", "email": "lan@homestay.example"}
    )
    till.pay(memo_of(attempt), 500_000)
    till.pay(memo_of(till.make_attempt(reference="BK-2")), 500_000)
    customer = till.session(attempt["session"])["customer"]

    own = desk.get(f"/customers/{customer}")
    for list_ in ("sessions", "payments"):
        path = desk.url(f"/{list_}?customer={customer}")
        assert f'href="{path}">All of them' in own
        page = desk.get(path)
        assert ("BK-1" in page, "BK-2" in page) == (True, False)
        assert "Only those of Lan." in page
        assert f'name="customer" value="{customer}"' in page
        assert f"export?customer={customer}&amp;format=csv" in page
        file = desk.client.get(desk.url(f"/{list_}/export?customer={customer}")).text
        assert ("BK-1" in file, "BK-2" in file) == (True, False)
        stranger = make_desk("owner", make_shop().store.id)
        foreign = stranger.get(f"/{list_}?customer={customer}")
        assert "BK-1" not in foreign
        assert "Only those of somebody unknown." in foreign
        assert 'role="alert"' in desk.get(f"/{list_}?customer=lan", 422)


def test_days_are_the_stores_own(till, desk):
    till.make_session(reference="BK-1")
    today = till.now().astimezone().date().isoformat()

    assert "BK-1" in desk.get(f"/sessions?from={today[:8]}01")
    assert "BK-1" not in desk.get("/sessions?to=2020-01-01")


def test_a_filter_that_makes_no_sense_is_told_and_does_not_count(till, desk):
    till.make_session(reference="BK-1")

    page = desk.get("/sessions?from=yesterday&status=flying", 422)

    assert "BK-1" in page
    assert 'role="alert"' in page


def test_a_code_leads_straight_to_its_session(till, desk):
    attempt = till.make_attempt()
    path = desk.url(f"/sessions/{attempt['session']}")

    for typed in (attempt["code"], memo_of(attempt), attempt["session"]):
        answer = desk.client.get(desk.url("/sessions"), query_string={"q": typed})
        assert (answer.status_code, answer.location) == (303, path)
    answer = desk.client.get(
        desk.url("/sessions"), query_string={"q": memo_of(attempt)}, headers={"HX-Request": "true"}
    )
    assert answer.headers["HX-Redirect"] == path


def test_older_pages_follow(till, desk):
    for number in range(27):
        till.make_session(reference=f"BK-{number:02}")

    first = desk.get("/sessions?currency=VND")
    older = re.search(r'rel="next" href="([^"]+)"', first)[1].replace("&amp;", "&")
    second = desk.get(older)

    assert len(re.findall(r"<td class=\"clip\">BK-", first)) == 25
    assert re.findall(r"<td class=\"clip\">(BK-..)", second) == ["BK-01", "BK-00"]


def test_the_story_tells_everything_in_order(till, desk):
    make_endpoint(till.shop, "http://127.0.0.1:1/hook")
    attempt = till.make_attempt(customer={"email": "lan@homestay.example"})
    till.pay(memo_of(attempt), 200_000)
    till.pay(memo_of(attempt), 300_000)

    page = desk.get(f"/sessions/{attempt['session']}")

    story = story_of(page)
    wanted = [
        "Your shop asked for the payment.",
        "The session waits for the money.",
        "VietQR told us of movement",
        "200,000\xa0₫ came by VietQR: less than was due.",
        "Booked: from VietQR 200,000\xa0₫",
        "A part of the money was counted; the rest is awaited.",
        "Paid in full.",
    ]
    places = [next(n for n, line in enumerate(story) if line.startswith(start)) for start in wanted]
    assert places == sorted(places)
    text = "\n".join(story)
    for piece in (
        f"Attempt 1 began: VietQR, code {attempt['code']}.",
        "VietQR told us of movement",
        "less than was due",
        "Booked: ",
        "your balance",
        "Event payment.completed for your webhooks.",
    ):
        assert piece in text
    # The raw notice as the bank sent it, set out in lines.
    assert "&#34;transferAmount&#34;: 200000" in page


def test_a_moved_clock_does_not_mix_the_story_up(till, desk):
    attempt = till.make_attempt()
    till.advance(600)
    till.pay(memo_of(attempt), 500_000)
    till.advance(86_400)

    story = story_of(desk.get(f"/sessions/{attempt['session']}"))

    notice = next(n for n, line in enumerate(story) if "told us of movement" in line)
    assert story.index("Your shop asked for the payment. by the API key for tests") < notice
    assert notice <= next(n for n, line in enumerate(story) if "exactly what was due" in line)


def test_no_secret_is_in_the_story(till, desk):
    attempt = till.make_attempt()
    notice = till.notice(memo_of(attempt), 500_000, api_key="sk_shown_nowhere", accessToken="t0p")
    till.tell(notice)

    page = desk.get(f"/sessions/{attempt['session']}")

    for secret in ("sk_shown_nowhere", "t0p", till.rail["api_key"], till.shop.key):
        assert secret not in page


def test_what_shoppers_wrote_stays_text(till, desk):
    attempt = till.make_attempt(
        reference=EVIL,
        description=EVIL,
        metadata={EVIL[:40]: EVIL},
        customer={"name": EVIL, "email": "x'onload=a@shop.example"},
    )
    till.pay(f"{EVIL} {memo_of(attempt)}", 500_000)

    for page in (
        desk.get(f"/sessions/{attempt['session']}"),
        desk.client.get(desk.url("/sessions"), query_string={"q": EVIL}).text,
        desk.get("/sessions"),
    ):
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;" in page


def test_a_session_is_cancelled_once(till, desk):
    session = till.make_session()

    page = desk.done(f"/sessions/{session['id']}/cancellation")

    assert "The session is cancelled." in page
    assert till.session(session["id"])["status"] == "cancelled"
    (entry,) = run("SELECT * FROM audit_entry WHERE target = %(id)s", id=session["id"])
    assert (entry.action, entry.actor) == ("session.cancelled", f"user:{desk.user.id}")
    assert "/cancellation" not in page
    expired = till.make_session()
    till.call("POST", f"/checkout/sessions/{expired['id']}/expire")
    page = desk.refused(f"/sessions/{expired['id']}/cancellation", status=409)
    assert "expired already" in page


def test_strangers_and_the_other_mode_find_nothing(till, desk):
    session = till.make_session(reference="BK-1")
    other = make_desk("owner", make_shop().store.id)
    live = make_desk("owner", till.shop.store.id, mode="live")

    for one in (other, live):
        one.get(f"/sessions/{session['id']}", 404)
        one.refused(f"/sessions/{session['id']}/cancellation", status=404)
        assert "BK-1" not in one.get("/sessions")
    desk.get("/sessions/cs_nothing", 404)


def test_who_only_looks_can_do_nothing_and_reads_no_audit(till):
    session = till.make_session()
    owner = make_desk("owner", till.shop.store.id)
    owner.done(f"/sessions/{session['id']}/cancellation")
    attempt = till.make_attempt()
    viewer = make_desk("viewer", till.shop.store.id)

    page = viewer.get(f"/sessions/{attempt['session']}")
    assert "/cancellation" not in page
    assert "/check" not in page
    viewer.refused(f"/sessions/{attempt['session']}/cancellation", status=403)
    viewer.refused(f"/attempts/{attempt['id']}/check", status=403)
    cancelled = viewer.get(f"/sessions/{session['id']}")
    assert "Noted: " not in cancelled
    assert "Noted: cancelled a session." in owner.get(f"/sessions/{session['id']}")


def test_what_a_command_did_is_told_in_words(till, desk):
    session = till.make_session()
    with unit_of_work():
        for actor in ("command", "cli"):
            record_audit(
                till.shop.store.id, actor, "session.expired", livemode=False, target=session["id"]
            )

    story = "\n".join(story_of(desk.get(f"/sessions/{session['id']}")))

    assert story.count("Noted: ended a session. by the operator&#39;s command") == 2


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("insufficient_funds", "Tài khoản của khách không đủ tiền."),
        ("code_of_tomorrow", "Its own words."),
    ],
)
def test_why_an_attempt_failed_is_told_in_the_merchants_language(till, code, told):
    attempt = till.make_attempt()
    with unit_of_work():
        fail_attempt(
            attempt["id"], code=code, message="Its own words.", actor="rail:vietqr", counts=True
        )
    desk = make_desk("owner", till.shop.store.id, locale="vi")

    page = desk.get(f"/sessions/{attempt['session']}")

    assert f'<span class="small muted">{told}</span>' in page
    assert any(told in line for line in story_of(page))


@pytest.mark.parametrize("locale", ["vi", "km"])
def test_it_speaks_the_merchants_language(till, locale):
    attempt = till.make_attempt()
    till.pay(memo_of(attempt), 500_000)
    desk = make_desk("owner", till.shop.store.id, locale=locale)

    page = desk.get(f"/sessions/{attempt['session']}")

    assert f'<html lang="{locale}">' in page
    assert {"vi": "Cửa hàng tạo yêu cầu thanh toán.", "km": "ហាងបានស្នើសុំការទូទាត់។"}[locale] in page


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "9999-01-01", "9999-12-31"])
def test_a_day_at_the_end_of_the_calendar_is_told_at_its_field(app, name, day):
    desk = make_desk()

    for area in ("sessions", "payments"):
        assert "alert" in desk.get(f"/{area}?{name}={day}", status=422)
        desk.get(f"/{area}/export?{name}={day}")
