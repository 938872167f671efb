"""Schemathesis over the published document: every phase, every check, against real data."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from flask import Flask
from schemathesis import Response
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

from tests.contract.conftest import ManyAddresses
from tests.factories.trades import Trade
from tests.support.sockets import threaded_server

SEED = 20260131

# What a JSON schema cannot say. A request that fits its schema may be refused with these codes
# and no others; everything else that the checks find is a failure.
BEYOND_SCHEMA = {
    "idempotency_key_reused": "whether a key was used before is history",
    "invalid_cursor": "a cursor has the right letters and yet no list gave it",
    "invalid_type": "to JSON Schema 5.0 is a whole number, to this API it is not",
    "invalid_string": "a text without NUL cannot be described without forbidding much more",
    "invalid_currency": "three capital letters need not be a currency",
    "invalid_image": "that letters of base64 make a picture",
    "invalid_email": "the format `email` takes more than mail servers do",
    "invalid_url": "the format `uri` takes more than http addresses of public hosts",
    "invalid_value": "fields that belong together, such as `session` with `assign` alone",
    "missing_required_field": "an amount may come from line items",
    "rail_not_available": "which rails a store has",
    "amount_mismatch": "the sum of the line items",
    "amount_too_small": "what the store allows",
    "amount_too_large": "what the store allows",
    "action_not_available": "what this transfer's state allows",
    "wrong_currency": "the session's currency",
    "coupon_invalid": "which coupons a store has",
    "customer_required": "what the mode needs",
    "weak_password": "which address goes with the password",
    "invalid_code": "what an authenticator app shows",
}


def make_settings(trade: Trade, address: str) -> SchemathesisConfig:
    """Existing ids are put into paths most of the time, so that calls reach the depth."""
    ids = {name: [trade.ids[name], *trade.lists.get(name, [])] for name in trade.ids}
    return SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "base-url": f"http://{address}",
            "headers": {"Authorization": trade.headers["Authorization"]},
            # Who logs out is stopped at every door from then on.
            "operations": [
                {"include-path": "/api/v1/auth/logout", "enabled": False},
                {"include-tag": "Accounts", "headers": trade.user_headers},
            ],
            "dictionaries": {name: {"values": values} for name, values in ids.items()},
            "parameters": {
                f"path.{name}": {"dictionary": name, "probability": 0.8} for name in ids
            },
            "checks": {"enabled": True},
            "continue-on-failure": True,
            # A pretend provider that was told to be silent is waited for.
            "request-timeout": 30,
            "generation": {"max-examples": 20, "deterministic": True, "database": "none"},
            "phases": {"stateful": {"generation": {"max-examples": 8}}},
            "suppress-health-check": ["all"],
        }
    )


@pytest.mark.filterwarnings("ignore")  # Schemathesis runs in threads that warn of its own things.
def test_the_document_is_kept_in_every_phase(
    contract_app: Flask, trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout.core.api.USER_CALLS_PER_MINUTE", 60_000)
    with threaded_server(ManyAddresses(contract_app)) as address:
        schema = schemathesis.openapi.from_url(
            f"http://{address}/api/v1/openapi.json", config=make_settings(trade, address)
        )
        failures, errors, cases, phases = run(schema)

    assert errors == []
    assert failures == {}
    assert phases >= {"coverage", "fuzzing", "stateful"}
    assert cases > 1000


def run(schema: Any) -> tuple[dict[str, str], list[str], int, set[str]]:
    """Failures by their title and operation, each with its first case; errors; numbers."""
    failures: dict[str, str] = {}
    errors: list[str] = []
    phases: set[str] = set()
    cases = 0
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError):
            errors.append(f"{event.label}: {event.value!r}")
        elif isinstance(event, events.FatalError):
            errors.append(repr(event.exception))
        elif isinstance(event, events.ScenarioFinished):
            cases += len(event.recorder.cases)
            if event.status is not Status.SKIP:
                phases.add(event.phase.value)
            failures |= _failures_of(event)
    return failures, errors, cases, phases


def _beyond_schema(answer: Response | None) -> bool:
    if answer is None or answer.status_code not in (400, 422):
        return False
    return answer.json()["error"]["code"] in BEYOND_SCHEMA


def _provider_failed(answer: Response | None) -> bool:
    """Whether a pretend provider did what an earlier call had told it to: fail."""
    if answer is None or answer.status_code not in (502, 504):
        return False
    return answer.json()["error"]["type"] == "provider_error"


def _failures_of(event: events.ScenarioFinished) -> dict[str, str]:
    found = {}
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info is None:
                continue
            case = event.recorder.cases[case_id].value
            failure = check.failure_info.failure
            answer = event.recorder.find_response(case_id=case_id)
            if check.name == "positive_data_acceptance" and _beyond_schema(answer):
                continue
            if check.name == "not_a_server_error" and _provider_failed(answer):
                continue
            told = answer.content[:300] if answer is not None else b""
            found[f"{case.operation.label} {failure.title}"] = (
                f"{failure.message} {check.failure_info.code_sample} → {told!r}"
            )
    return found
