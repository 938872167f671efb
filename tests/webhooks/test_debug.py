"""Each mistake that a receiver can make, and that it is told by its name."""

from __future__ import annotations

import base64
import html
import json
import unicodedata
from datetime import timedelta
from urllib.parse import quote_plus

import pytest

from checkout.core.clock import utc_now
from checkout.core.i18n import LOCALES, catalogue
from checkout.webhooks.debug import HELP, Holder, find_mistakes
from checkout.webhooks.debug_headers import SIGNATURES_MOST, read_signatures
from checkout.webhooks.sign import new_secret, signed_headers

EVENT = "evt_" + "0" * 27 + "1"
DATA = {"id": EVENT, "type": "payment.completed", "data": {"object": {"note": "Áo – ភ្នំពេញ"}}}
BODY = json.dumps(DATA, ensure_ascii=False, separators=(",", ":")).encode()
SECRET, OTHER, OLD, LIVE = (new_secret() for _ in range(4))
OURS = Holder("https://shop.example/ours", False, SECRET, OLD)
HOLDERS = (
    OURS,
    Holder("https://shop.example/other", False, OTHER),
    Holder("https://shop.example/live", True, LIVE),
)
BOTH = {"standard": "valid", "plain": "valid"}
NEITHER = {"standard": "invalid", "plain": "invalid"}


def sign(body=BODY, secret=SECRET, at=None, **changes):
    """The headers as lines, some of them changed or, where None, left out."""
    headers = signed_headers(EVENT, at or utc_now(), body, [secret])
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    return "\n".join(f"{name}: {value}" for name, value in headers.items() if value is not None)


def examine(secret=SECRET, headers=None, body=BODY, sent=BODY, holders=HOLDERS):
    """The verdict's states, and the codes without the one that says that all is well."""
    headers = sign() if headers is None else headers
    verdict = find_mistakes(secret, headers, body, holders, sent, utc_now())
    return verdict.states, {found.code: found for found in verdict.findings}


@pytest.mark.parametrize("sent", [BODY, None])
@pytest.mark.parametrize("holders", [HOLDERS, ()])
def test_what_is_right_is_called_right(sent, holders):
    states, found = examine(sent=sent, holders=holders)

    assert (states, set(found)) == (BOTH, {"fine"})


CHANGES = {
    "body_newline": lambda body: body + b"\r\n",
    "body_spaces": lambda body: b"  " + body + b" ",
    "body_bom": lambda body: b"\xef\xbb\xbf" + body,
    "body_wrapped": lambda body: body.replace(b",", b",\n  "),
    "body_quoted": lambda body: json.dumps(body.decode()).encode(),
    "body_escaped": lambda body: html.escape(body.decode()).encode(),
    "body_reserialised": lambda body: json.dumps(json.loads(body), indent=2).encode(),
    "body_encoding": lambda body: unicodedata.normalize("NFD", body.decode()).encode(),
}


@pytest.mark.parametrize("sent", [BODY, None], ids=["known", "unknown"])
@pytest.mark.parametrize("code", CHANGES)
def test_a_changed_body_is_told_by_its_change(code, sent):
    states, found = examine(body=CHANGES[code](BODY), sent=sent)

    assert (states, set(found)) == (NEITHER, {code})


@pytest.mark.parametrize(
    "change",
    [
        lambda body: json.dumps(json.loads(body), ensure_ascii=False).encode(),
        lambda body: json.dumps(json.loads(body), separators=(",", ":")).encode(),
        lambda body: json.dumps(json.loads(body), sort_keys=True).encode(),
    ],
)
def test_parsed_and_written_again_is_one_mistake_whatever_the_writer(change):
    reordered = json.dumps(dict(reversed(DATA.items()))).encode()

    for body in (change(BODY), reordered):
        assert set(examine(body=body)[1]) == {"body_reserialised"}


@pytest.mark.parametrize("code", ["cp1252", "latin-1", "utf-16"])
def test_another_encoding_is_told(code):
    data = BODY.decode().replace("ភ្នំពេញ", "").replace("–", "-")
    sent = data.encode()
    bodies = {
        "cp1252": sent.decode("latin-1").encode(),
        "latin-1": data.encode("latin-1"),
        "utf-16": data.encode("utf-16"),
    }

    assert set(examine(body=bodies[code], headers=sign(sent), sent=None)[1]) == {"body_encoding"}


def test_a_form_around_the_body_is_told():
    body = b"payload=" + quote_plus(BODY.decode()).encode()

    assert set(examine(body=body, sent=None)[1]) == {"body_escaped"}


def test_a_body_cut_off_a_wrong_one_and_a_changed_one_are_told_where_the_event_is_known():
    data = json.loads(BODY)
    data["data"]["object"]["note"] = "other"
    changed = json.dumps(data).encode()
    other = BODY.replace(EVENT.encode(), EVENT.replace("1", "2").encode())

    cut = examine(body=BODY[:40])[1]["body_cut"]
    assert (cut.values["got"], cut.values["sent"]) == ("40", str(len(BODY)))
    assert examine(body=changed)[1]["body_changed"].values == {"where": "data.object.note"}
    assert set(examine(body=other)[1]) == {"body_other_event"}
    assert set(examine(body=b"\xff\xfe{")[1]) == {"body_changed"}
    assert set(examine(body=b"")[1]) == {"body_missing"}


@pytest.mark.parametrize(
    ("secret", "code"),
    [
        ("", "secret_missing"),
        ("sk_test_abc", "secret_api_key"),
        ("whsec_abc", "secret_malformed"),
        (SECRET[:-5], "secret_malformed"),
        (f'"{SECRET}"', "secret_quoted"),
        (OLD, "secret_old"),
        (OTHER, "secret_other_endpoint"),
        (LIVE, "secret_other_mode"),
        (new_secret(), "secret_unknown"),
    ],
    ids=["none", "api_key", "short", "cut", "quoted", "old", "other", "live", "unknown"],
)
def test_a_wrong_secret_is_told_by_whose_it_is(secret, code):
    states, found = examine(secret=secret)

    assert states == NEITHER
    assert set(found) <= {code, "secret_unknown"}
    assert code in found
    if "right" in found[code].values:
        assert found[code].values["right"] == OURS.url


def test_a_secret_newer_than_the_message_is_told():
    assert set(examine(headers=sign(secret=OLD))[1]) == {"secret_new"}


def test_blanks_around_the_secret_do_not_matter():
    assert set(examine(secret=f" {SECRET}\n")[1]) == {"fine"}


def test_two_mistakes_are_both_told():
    _, found = examine(secret=OTHER, body=BODY + b"\n")

    assert set(found) == {"secret_other_endpoint", "body_newline"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"webhook_id": "evt_else"}, "id_changed"),
        ({"webhook_id": None}, "header_missing"),
        ({"webhook_timestamp": "1700000000"}, "timestamp_changed"),
        ({"webhook_timestamp": None}, "header_missing"),
        ({"webhook_timestamp": "soon"}, "timestamp_malformed"),
        ({"webhook_signature": None}, "header_missing"),
        ({"webhook_signature": "v1a,abc"}, "scheme_wrong"),
        ({"webhook_signature": "sha256=abc"}, "scheme_wrong"),
        ({"webhook_signature": "v1,YWJj"}, "signature_malformed"),
        ({"X_Webhook_Signature": "v1,YWJj"}, "scheme_wrong"),
        ({"X_Webhook_Signature": "t=1,v1=abc"}, "signature_malformed"),
        ({"X_Webhook_Signature": "v1=" + "0" * 64}, "scheme_wrong"),
    ],
)
def test_a_wrong_header_is_told(changes, code):
    states, found = examine(headers=sign(**changes))

    assert code in found
    assert "fine" not in found
    assert sorted(states.values()) in (["invalid", "valid"], ["missing", "valid"])


def test_milliseconds_are_no_seconds():
    at = utc_now()
    stamp = str(int(at.timestamp() * 1000))

    assert set(examine(headers=sign(at=at, webhook_timestamp=stamp))[1]) == {
        "timestamp_milliseconds"
    }


@pytest.mark.parametrize(("minutes", "code"), [(-20, "timestamp_old"), (20, "timestamp_future")])
def test_a_message_out_of_its_time_is_warned_of(minutes, code):
    states, found = examine(headers=sign(at=utc_now() + timedelta(minutes=minutes)))

    assert states == BOTH
    assert set(found) == {"fine", code}
    assert found[code].level == "warn"
    assert found[code].values == {"minutes": "20"}


def test_a_signature_that_nobody_made_is_told_to_fit_nothing():
    forged = "v1," + base64.b64encode(b"0" * 32).decode()

    states, found = examine(headers=sign(webhook_signature=forged))

    assert states == {"standard": "invalid", "plain": "valid"}
    assert found["nothing_fits"].values == {"name": "webhook-signature"}
    stranger = examine(headers=sign(secret=new_secret()), sent=None)
    assert (stranger[0], set(stranger[1])) == (NEITHER, {"nothing_fits"})


def test_one_of_the_signatures_is_enough():
    lines = sign().splitlines()

    standard = examine(headers="\n".join(line for line in lines if not line.startswith("X-")))
    plain = examine(headers="\n".join(line for line in lines if line.startswith("X-")))

    assert (standard[0], set(standard[1])) == (BOTH | {"plain": "missing"}, {"fine"})
    assert (plain[0], set(plain[1])) == (BOTH | {"standard": "missing"}, {"fine"})


def test_during_a_rotation_either_secret_fits():
    headers = signed_headers(EVENT, utc_now(), BODY, [SECRET, OLD])
    lines = "\n".join(f"{name}: {value}" for name, value in headers.items())

    for secret in (SECRET, OLD):
        assert set(examine(secret=secret, headers=lines)[1]) == {"fine"}


@pytest.mark.parametrize(
    "write",
    [
        json.dumps,
        lambda given: json.dumps({name: [value] for name, value in given.items()}),
        lambda given: "\r\n".join(f"{name.upper()}:{value}" for name, value in given.items()),
        lambda given: "\n".join(
            f"HTTP_{name.upper().replace('-', '_')}: {value}" for name, value in given.items()
        ),
    ],
)
def test_headers_are_read_however_they_were_printed(write):
    headers = write(signed_headers(EVENT, utc_now(), BODY, [SECRET]))

    assert set(examine(headers=headers)[1]) == {"fine"}


@pytest.mark.parametrize("headers", ["", "nothing", "[1]", '"x"'])
def test_no_headers_are_told(headers):
    assert "headers_unreadable" in examine(headers=headers)[1]


@pytest.mark.parametrize("noise", [b"\0" * 100, b'{"id": "\\ud800"}', b"[" * 5000, b"9" * 5000])
@pytest.mark.parametrize("sent", [BODY, None])
def test_nothing_that_is_pasted_breaks_it(noise, sent):
    text = json.dumps({"webhook-id": "\ud800", "webhook-signature": "v1,\0", "a": None})

    for headers in (sign(), text, noise.decode("latin-1")):
        for found in examine(headers=headers, body=noise, sent=sent)[1].values():
            assert all(value.encode() is not None for value in found.values.values())


@pytest.mark.parametrize("locale", LOCALES)
def test_every_mistake_has_its_words(locale):
    for code, advice in HELP.items():
        assert f"debug.is.{code}" in catalogue(locale)
        assert f"debug.do.{advice}" in catalogue(locale)


def test_no_more_signatures_are_tried_than_any_header_has():
    wrong = base64.b64encode(bytes(32)).decode()
    many = {
        "webhook-signature": f"v1,{wrong} " * 1000,
        "x-webhook-signature": f"t=1,{',v1='.join(['', *['00' * 32] * 1000])[1:]}",
    }

    for scheme in ("standard", "plain"):
        assert len(read_signatures(many, scheme).macs) == SIGNATURES_MOST
