"""`/dashboard/…/customers`: finding, adding, changing and forgetting the people who pay."""

from __future__ import annotations

from flask import Blueprint, Response, request

from checkout.customers.change import create_customer, delete_customer, update_customer
from checkout.customers.export import COLUMNS, customer_rows
from checkout.customers.find import CustomerFilters, customers_sql, list_customers
from checkout.customers.queries import load_customer, render_customer
from checkout.customers.schemas import CreateCustomer, UpdateCustomer
from checkout.merchants.downloads import download
from checkout.merchants.screens import Desk, screen

blueprint = Blueprint("customers_dashboard", __name__)

TYPED = ("name", "email", "phone", "reference")


@screen(blueprint, "GET", "/customers", action="customers.read")
def show_customers(desk: Desk) -> Response:
    """Newest first, or what was looked for."""
    query = desk.filters(CustomerFilters)
    return desk.render(
        "customers/customers",
        query=query,
        asked=request.args.to_dict(),
        page=list_customers(desk.scope, query),
    )


@screen(blueprint, "GET", "/customers/export", action="customers.read")
def export_customers(desk: Desk) -> Response:
    """Exactly what the list shows with the same filter."""
    where, params = customers_sql(desk.scope, desk.filters(CustomerFilters))
    return download(desk, "customers", COLUMNS, customer_rows(where, params))


@screen(blueprint, "GET", "/customers/new", action="customers.write")
def show_new_customer(desk: Desk) -> Response:
    return desk.render("customers/new")


@screen(blueprint, "POST", "/customers", action="customers.write", again=show_new_customer)
def post_customer(desk: Desk) -> Response:
    given = desk.read(CreateCustomer)
    customer = create_customer(desk.scope, given.model_dump())
    return desk.go(desk.path(f"/customers/{customer.id}"), done="customer_created")


@screen(blueprint, "GET", "/customers/<customer_id>/details", action="customers.write")
def show_details(desk: Desk, customer_id: str) -> Response:
    scope = desk.scope
    row = load_customer(scope.store_id, scope.livemode, customer_id, None)
    return desk.render("customers/details", customer=render_customer(row))


@screen(
    blueprint,
    "POST",
    "/customers/<customer_id>/details",
    action="customers.write",
    again=show_details,
)
def post_details(desk: Desk, customer_id: str) -> Response:
    """What stands in the form is what is known from now on; an emptied field is forgotten."""
    given = desk.read(UpdateCustomer)
    changes = {name: getattr(given, name) for name in TYPED if name in desk.form}
    update_customer(desk.scope, customer_id, changes)
    return desk.go(desk.path(f"/customers/{customer_id}"), done="saved")


@screen(blueprint, "GET", "/customers/<customer_id>/deletion", action="customers.delete")
def show_deletion(desk: Desk, customer_id: str) -> Response:
    scope = desk.scope
    row = load_customer(scope.store_id, scope.livemode, customer_id, None)
    return desk.render("customers/deletion", customer=render_customer(row))


@screen(
    blueprint,
    "POST",
    "/customers/<customer_id>/deletion",
    action="customers.delete",
    again=show_deletion,
    recent=True,
)
def post_deletion(desk: Desk, customer_id: str) -> Response:
    delete_customer(desk.scope, customer_id)
    return desk.go(desk.path("/customers"), done="customer_deleted")
