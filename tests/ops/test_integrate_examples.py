"""The examples of docs/integrate.md, taken from the page and run as they stand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bin.stack.processes import stop, wait_until
from checkout.core.clock import utc_now
from checkout.core.http import OutsideError, send
from checkout.core.ids import new_id
from checkout.webhooks.sign import new_secret, signed_headers
from tests.factories.stores import make_shop, make_vietqr
from tests.support.live import free_port

PAGE = Path("docs/integrate.md").read_text()
EXAMPLES = dict(re.findall(r"<!-- example: (\S+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))
INTERPRETERS = {".py": [sys.executable], ".mjs": ["node"], ".php": ["php"], ".sh": ["sh"]}
SECRET, OLD_SECRET = new_secret(), new_secret()
BODY = '{"id":"evt_1","type":"payment.completed","data":{"object":{"name":"Mây"}}}'.encode()


def test_every_example_is_found():
    assert set(EXAMPLES) == {
        *(f"create{kind}" for kind in INTERPRETERS),
        *(f"hook{kind}" for kind in (".py", ".mjs", ".php")),
        "sign.sh",
    }


@pytest.fixture
def written(tmp_path):
    """`written("hook.py")` writes the example; returns the command that runs it."""

    def write(name: str) -> list[str]:
        command = INTERPRETERS[Path(name).suffix]
        if shutil.which(command[0]) is None:
            pytest.skip(f"there is no {command[0]} here")
        (tmp_path / name).write_text(EXAMPLES[name])
        return [*command, str(tmp_path / name)]

    return write


@pytest.mark.parametrize("kind", [*INTERPRETERS])
def test_a_session_is_made(written, live_server, kind):
    with live_server.app.app_context():
        shop = make_shop()
        make_vietqr(shop)
    environ = {"CHECKOUT_URL": live_server.url, "CHECKOUT_KEY": shop.key}

    first, again = (run(written(f"create{kind}"), environ) for _ in range(2))

    address = json.loads(first)["url"] if kind == ".sh" else first.strip()
    assert address.startswith(f"{live_server.url}/pay/cs_")
    assert address in again, "the idempotency key was not sent"


def run(command: list[str], environ: dict[str, str], folder: Path | None = None) -> str:
    answer = subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=folder,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.fixture(params=[".py", ".mjs", ".php"])
def receiver(request, written, tmp_path) -> Iterator[str]:
    """The example's own address, once it listens."""
    port = free_port()
    command = written(f"hook{request.param}")
    if request.param == ".php":
        command[1:1] = ["-S", f"127.0.0.1:{port}"]
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(
            command,
            env={"PATH": os.environ["PATH"], "WEBHOOK_SECRET": SECRET, "PORT": str(port)},
            stdout=output,
            stderr=output,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        assert wait_until(lambda: answers(url), seconds=20, pause_seconds=0.05)
        yield url
    finally:
        stop(process, seconds=5)


def answers(url: str) -> bool:
    try:
        post(url + "/hook", {}, b"{}")
    except OutsideError:
        return False
    return True


def post(url: str, headers: dict[str, str], body: bytes) -> int:
    return send("POST", url, headers=headers, body=body, timeout_seconds=10, vet=False).status


def headers_of(*secrets: str) -> dict[str, str]:
    return signed_headers(new_id("evt"), utc_now(), BODY, secrets)


def test_both_kinds_of_signature_are_checked(receiver, tmp_path):
    for path in ("/hook", "/plain"):
        url = receiver + path
        for secrets in ((SECRET,), (OLD_SECRET, SECRET), (SECRET, OLD_SECRET)):
            assert post(url, headers_of(*secrets), BODY) == 204
        assert post(url, headers_of(OLD_SECRET), BODY) == 400
        assert post(url, headers_of(SECRET), BODY.replace(b"1", b"2")) == 400
        assert post(url, {}, BODY) == 400
    assert (tmp_path / "output").read_text().count("payment.completed evt_1") == 6


def test_each_looks_at_its_own_header_alone(receiver):
    headers = headers_of(SECRET)
    plain = {name: value for name, value in headers.items() if name.startswith("X-")}
    standard = {name: value for name, value in headers.items() if name not in plain}

    assert post(receiver + "/hook", standard, BODY) == 204
    assert post(receiver + "/plain", plain, BODY) == 204
    assert post(receiver + "/hook", plain, BODY) == 400
    assert post(receiver + "/plain", standard, BODY) == 400


def test_what_is_old_or_odd_is_refused(receiver):
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    for moment in (str(int(time.time()) - 600), "soon", "", "1e9", "-5"):
        standard = base64.b64encode(hmac.digest(key, f"evt_1.{moment}.".encode() + BODY, "sha256"))
        headers = {
            "webhook-id": "evt_1",
            "webhook-timestamp": moment,
            "webhook-signature": "v1," + standard.decode(),
        }
        assert post(receiver + "/hook", headers, BODY) == 400
        milliseconds = f"{moment}000"
        plain = hmac.digest(key, f"{milliseconds}.".encode() + BODY, hashlib.sha256).hex()
        headers = {"X-Webhook-Signature": f"t={milliseconds},v1={plain}"}
        assert post(receiver + "/plain", headers, BODY) == 400
    for signature in ("", "v1", "v1,", ",", "=", "t=", "t=1", "v1=", "t=,v1="):
        headers = headers_of(SECRET) | {
            "webhook-signature": signature,
            "X-Webhook-Signature": signature,
        }
        assert post(receiver + "/hook", headers, BODY) == 400
        assert post(receiver + "/plain", headers, BODY) == 400


def test_the_signature_by_hand(written, tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here")
    (tmp_path / "body.json").write_bytes(BODY)
    headers = headers_of(SECRET)
    environ = {
        "WEBHOOK_SECRET": SECRET,
        "id": headers["webhook-id"],
        "timestamp": headers["webhook-timestamp"],
    }

    assert run(written("sign.sh"), environ, tmp_path).strip() == headers["webhook-signature"]


def test_it_names_the_commands_that_there_are(app):
    from checkout.ops.developer.cli import group
    from checkout.ops.developer.scenarios import SCENARIOS

    named = set(re.findall(r"bin/checkout (\w+)", PAGE))
    assert named == set(group.commands)
    assert all(scenario.name in PAGE for scenario in SCENARIOS)
