"""What the merchant did for the money, as the page tells it."""

from __future__ import annotations

from checkout.core.i18n import Translator
from checkout.sessions.booking import list_facts, read_booking


def test_nothing_was_done_yet():
    booking = read_booking(None)
    assert (booking.status, booking.text, booking.facts) == ("none", None, {})


def test_details_are_a_text_or_an_object(app):
    told = read_booking({"status": "confirmed", "reference": "ROOM-7", "details": "Key at 7 pm"})
    assert (told.reference, told.text, told.facts) == ("ROOM-7", "Key at 7 pm", {})
    listed = read_booking({"status": "confirmed", "details": {"guests": 2}})
    assert (listed.text, listed.facts) == (None, {"guests": 2})


def test_facts_are_named_in_the_pages_language(app):
    details = {
        "property_name": "Homestay Mây",
        "check_in": "2026-12-24",
        "check_out": "2026-02-31",
        "wifi_password": "mây",
        "guests": 2,
        "note": "",
    }
    booking = read_booking({"status": "confirmed", "details": details})
    assert list_facts(booking, Translator("en")) == [
        ("Place", "Homestay Mây"),
        ("Check-in", "Thursday, December 24, 2026"),
        ("Check-out", "2026-02-31"),
        ("Guests", "2"),
        ("Wifi password", "mây"),
    ]
    vietnamese = dict(list_facts(booking, Translator("vi")))
    assert vietnamese["Nhận phòng"] == "Thứ Năm, 24 tháng 12, 2026"


def test_only_web_addresses_are_linked(app):
    assert read_booking({"status": "confirmed", "url": "javascript:alert(1)"}).url is None
    url = "https://shop.example/b/7"
    assert read_booking({"status": "confirmed", "url": url}).url == url
