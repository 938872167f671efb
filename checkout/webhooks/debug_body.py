"""What may have become of a body between the wire and the code that verifies it."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote_plus

BOM = b"\xef\xbb\xbf"
BREAKS = re.compile(rb"[\r\n]+ *")
DEEPEST = 32


def undo_changes(body: bytes) -> list[tuple[str, bytes]]:
    """What the body may have been before each usual change: the change's code, and the bytes."""
    found: dict[bytes, str] = {body: ""}
    for code, undo in _UNDO:
        try:
            was = undo(body)
        except (ValueError, RecursionError):
            continue
        if was:
            found.setdefault(was, code)
    return [(code, was) for was, code in found.items() if code]


def tell_body_difference(body: bytes, sent: bytes) -> tuple[str, dict[str, str]]:
    """The code of what makes a body differ from the one that was sent, and its text's values."""
    for code, was in undo_changes(body):
        if was == sent:
            return code, {}
    if body and sent.startswith(body.rstrip()):
        return "body_cut", {"got": str(len(body)), "sent": str(len(sent))}
    try:
        given, known = _parse(body), _parse(sent)
    except (ValueError, RecursionError):
        return "body_changed", {"where": _first_byte(body, sent)}
    if _id_of(given) and _id_of(given) != _id_of(known):
        return "body_other_event", {"id": _shown(_id_of(given))}
    where = next(_differences(given, known, "", 0), "")
    return ("body_changed", {"where": _shown(where)}) if where else ("body_reserialised", {})


def read_body_id(body: bytes) -> str:
    """The event that a body says it is; empty where it says nothing."""
    try:
        return _shown(_id_of(_parse(body)))
    except (ValueError, RecursionError):
        return ""


def _reserialised(body: bytes) -> bytes:
    """Parsed and written again, other blanks and escapes come out; this is how events are sent."""
    return json.dumps(_parse(body), ensure_ascii=False, separators=(",", ":")).encode()


def _quoted(body: bytes) -> bytes:
    inner = json.loads(body)
    if not isinstance(inner, str):
        raise ValueError("not a text")  # noqa: TRY004 - told apart from others by nobody
    return inner.encode()


def _escaped(body: bytes) -> bytes:
    text = body.decode()
    if "&quot;" in text or "&#34;" in text:
        return html.unescape(text).encode()
    if "%7B" in text or "%7b" in text:
        # A form's field may stand before it.
        return ("{" + unquote_plus(text).partition("{")[2].rstrip("=")).encode()
    raise ValueError("not escaped")


def _windows(body: bytes) -> bytes:
    """UTF-8 that was read as the Windows code page and written as UTF-8 again."""
    return b"".join(_windows_byte(letter) for letter in body.decode())


def _windows_byte(letter: str) -> bytes:
    try:
        return letter.encode("cp1252")
    except UnicodeEncodeError:
        return letter.encode("latin-1")


_UNDO: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    ("body_newline", lambda body: body.rstrip(b"\r\n")),
    ("body_bom", lambda body: body.removeprefix(BOM)),
    ("body_spaces", bytes.strip),
    ("body_wrapped", lambda body: BREAKS.sub(b"", body)),
    ("body_quoted", _quoted),
    ("body_escaped", _escaped),
    ("body_encoding", _windows),
    ("body_encoding", lambda body: body.decode("latin-1").encode()),
    ("body_encoding", lambda body: body.decode("utf-16").encode()),
    ("body_encoding", lambda body: unicodedata.normalize("NFC", body.decode()).encode()),
    ("body_reserialised", _reserialised),
)


def _parse(body: bytes) -> Any:
    return json.loads(body.decode("utf-8"))


def _id_of(value: Any) -> str:
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _differences(given: Any, sent: Any, path: str, depth: int) -> Iterator[str]:
    """The paths at which two values differ."""
    if depth < DEEPEST and isinstance(given, dict) and isinstance(sent, dict):
        for name in (*sent, *(name for name in given if name not in sent)):
            inner = f"{path}.{name}" if path else name
            if name not in given or name not in sent:
                yield inner
            else:
                yield from _differences(given[name], sent[name], inner, depth + 1)
    elif depth < DEEPEST and isinstance(given, list) and isinstance(sent, list):
        if len(given) != len(sent):
            yield path
        for number, (one, other) in enumerate(zip(given, sent, strict=False)):
            yield from _differences(one, other, f"{path}.{number}", depth + 1)
    elif given != sent:
        yield path or "."


def _first_byte(body: bytes, sent: bytes) -> str:
    """The number of the first byte that differs."""
    pairs = enumerate(zip(body, sent, strict=False))
    shorter = min(len(body), len(sent))
    return str(next((number for number, (one, other) in pairs if one != other), shorter))


def _shown(text: str) -> str:
    """A text out of somebody's JSON, which may hold halves of characters."""
    return text[:200].encode("utf-8", "replace").decode()
