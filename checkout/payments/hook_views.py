"""Providers' notices in: verified, stored, judged, and answered as each provider expects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import MethodNotAllowed

from checkout.core import clock, ids
from checkout.core.audit import record_security
from checkout.core.errors import missing, unauthorized
from checkout.merchants.rail_accounts import load_account, load_successor
from checkout.payments.intake import take_in
from checkout.payments.notices import OUTDATED_PROOF, incoming_of
from checkout.rails.base import Account, Answer, Notice, Rail, Receipt, Refusal
from checkout.rails.registry import folders, get_rail

blueprint = Blueprint("payment_hooks", __name__)


@blueprint.route("/hooks/<rail_name>/<rail_account>", methods=["POST", "GET"])
def take_hook(rail_name: str, rail_account: str) -> Response:
    """One notice (or several) of one rail account.

    The provider hears success only after the notices are committed; what became of them may
    be in the answer where its documents ask for it. A bad signature is 401, stores nothing
    and is logged; storing that fails is a 5xx, so that the provider sends again.
    """
    account_row, account = _find_account(rail_name, rail_account)
    rail = get_rail(rail_name)
    if request.method != rail.hook_method:
        raise MethodNotAllowed([rail.hook_method])
    read = _prove(rail, account_row, account)
    if isinstance(read, Refusal):
        record_security(
            "hook_refused",
            store_id=account_row.store_id,
            livemode=account_row.livemode,
            actor=f"rail:{rail_name}",
            rail_account=rail_account,
            reason=read.reason,
        )
        answer = rail.refuse(read)
        if answer is None:
            raise unauthorized("invalid_signature", "The notice is not genuine.")
        return _respond(answer)
    taken = take_in([incoming_of(account_row, notice) for notice in read])
    receipts = [
        Receipt(
            stored=True,
            disposition=one.disposition,
            repeated=not one.new,
            details=notice.details,
        )
        for notice, one in zip(read, taken, strict=True)
    ]
    return _respond(rail.acknowledge(receipts))


def _prove(rail: Rail, account_row: Any, account: Account) -> Sequence[Notice] | Refusal:
    """The request's notices, by the account's own secrets or by today's.

    A provider keeps calling the address that it was given first, whatever has changed since.
    """
    successor = load_successor(account_row)
    if successor is not None:
        read = _read(rail, successor)
        if not isinstance(read, Refusal):
            return read
    read = _read(rail, account)
    if successor is None or isinstance(read, Refusal):
        return read
    return [replace(one, details={**one.details, OUTDATED_PROOF: True}) for one in read]


def _read(rail: Rail, account: Account) -> Sequence[Notice] | Refusal:
    """The request's notices, if they are proven by this account's secrets."""
    return rail.read_hook(
        {name.lower(): value for name, value in request.headers.items()},
        request.args.to_dict(),
        request.get_data(),
        account,
        clock.utc_now(),
    )


def _find_account(rail_name: str, rail_account: str):  # type: ignore[no-untyped-def]  # (row, Account)
    if rail_name not in folders() or not ids.is_id("ra", rail_account):
        raise missing(what="rail account")
    account_row, account = load_account(rail_account)
    if account_row.rail != rail_name:
        raise missing(what="rail account")
    return account_row, account


def _respond(answer: Answer) -> Response:
    response = Response(answer.body, status=answer.status, content_type=answer.content_type)
    response.headers.update(answer.headers)
    return response
