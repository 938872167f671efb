"""`/api/v1/customers`: the people who pay."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from checkout.core.api import Call, operation
from checkout.core.lists import Condition, ListOf, list_page
from checkout.customers.change import create_customer, delete_customer, update_customer
from checkout.customers.queries import load_customer, render_customer
from checkout.customers.schemas import (
    CreateCustomer,
    CustomerAnswer,
    CustomerList,
    DeletedCustomer,
    UpdateCustomer,
)

blueprint = Blueprint("customers_api", __name__, url_prefix="/api/v1")
TAG = "Customers"


@operation(
    blueprint,
    "POST",
    "/customers",
    summary="Create a customer",
    body=CreateCustomer,
    answer=CustomerAnswer,
    status=201,
    errors=("customer_exists", "invalid_email"),
    tag=TAG,
    description="A session's `customer` finds or makes one by itself; this only makes.",
)
def post_customer(call: Call) -> dict[str, Any]:
    """The new customer."""
    return render_customer(create_customer(call.scope, call.body.model_dump()))


@operation(
    blueprint,
    "GET",
    "/customers",
    summary="List customers",
    query=CustomerList,
    answer=ListOf[CustomerAnswer],
    errors=("invalid_email",),
    tag=TAG,
)
def list_customers(call: Call) -> dict[str, Any]:
    """Newest first; filters by e-mail and reference."""
    conditions: list[Condition] = [("deleted_at IS NULL", {})]
    for name in ("email", "reference"):
        value = getattr(call.query, name)
        if value is not None:
            conditions.append((f"{name} = %({name})s", {name: value}))
    return list_page(
        table="customer",
        scope=call.scope,
        query=call.query,
        conditions=conditions,
        render=render_customer,
    )


@operation(
    blueprint,
    "GET",
    "/customers/<customer_id>",
    summary="Read a customer",
    answer=CustomerAnswer,
    tag=TAG,
)
def get_customer(call: Call, customer_id: str) -> dict[str, Any]:
    """As they are known now."""
    scope = call.scope
    return render_customer(load_customer(scope.store_id, scope.livemode, customer_id, None))


@operation(
    blueprint,
    "PATCH",
    "/customers/<customer_id>",
    summary="Change a customer",
    body=UpdateCustomer,
    answer=CustomerAnswer,
    errors=("customer_exists", "invalid_email"),
    tag=TAG,
    description="Only the fields that are given change; null takes one away.",
)
def patch_customer(call: Call, customer_id: str) -> dict[str, Any]:
    """The customer as they are now."""
    changes = call.body.model_dump(exclude_unset=True)
    return render_customer(update_customer(call.scope, customer_id, changes))


@operation(
    blueprint,
    "DELETE",
    "/customers/<customer_id>",
    summary="Delete a customer",
    answer=DeletedCustomer,
    errors=("wallet_not_empty",),
    tag=TAG,
    action="customers.delete",
    description="Name, addresses, reference and metadata are forgotten, in events and mails too;"
    " payments stay.",
)
def remove_customer(call: Call, customer_id: str) -> dict[str, Any]:
    """From then on nobody is found under the id."""
    delete_customer(call.scope, customer_id)
    return {"id": customer_id, "object": "customer", "deleted": True}
