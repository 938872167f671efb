"""`/dashboard/<store>/<mode>`: how business goes, and what waits for a person."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from checkout.dashboard.overview import count_payable, draw_charts, first_steps, newest_payments
from checkout.merchants.news import count_unrenewed
from checkout.merchants.screens import Desk, screen
from checkout.merchants.stats import PERIODS, read_attention, read_days, sum_days
from checkout.payments.transfer_list import count_waiting
from checkout.sessions.story import rail_label

blueprint = Blueprint("overview_dashboard", __name__)


@screen(blueprint, "GET", "", action="payments.read")
def show_overview(desk: Desk) -> Response:
    days = read_days(desk.scope)
    return desk.render(
        "overview/overview",
        periods={name: sum_days(days[-1 - before :]) for name, before in PERIODS.items()},
        days=days,
        charts=draw_charts(days),
        needs=_needs(desk),
        payable=count_payable(desk.scope),
        newest=newest_payments(desk.scope),
        steps=first_steps(desk.scope) if desk.may("rails.write") else {},
        rail_label=lambda name: rail_label(name, desk.t),
    )


def _needs(desk: Desk) -> list[dict[str, Any]]:
    """What waits for a person: the text's key, how many, and the page that helps."""
    found = read_attention(desk.scope)
    lines = [
        ("transfers", sum(count_waiting(desk.scope).values()), "/transfers"),
        (
            "deliveries",
            found["deliveries_exhausted"],
            "/webhooks/deliveries?status=exhausted",
        ),
        ("endpoints", found["endpoints_disabled"], "/webhooks"),
        ("rails", len(found["rails_resting"]), "/rails"),
        ("renewals", count_unrenewed(desk.scope.store_id, desk.scope.livemode), "/rails"),
    ]
    return [
        {"name": name, "count": count, "path": desk.path(path)}
        for name, count, path in lines
        if count
    ]
