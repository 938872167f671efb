"""Every address of the product is on the list beside this file, and lives where it says.

After adding one, renew the list: `bin/test tests/shape/test_routes.py --renew-routes`.
"""

from __future__ import annotations

from pathlib import Path

from flask import Flask

LIST = Path(__file__).with_name("routes.txt")
SURFACES = {
    "/api/v1/widget/": "widget",
    "/api/": "api",
    "/pay/": "pay",
    "/hooks/": "hook",
    "/dashboard": "dashboard",
    "/portal": "portal",
    "/embed/": "embed",
}
# Documents about the whole API, made from what all areas declare.
OF_CORE = ("/docs", "/api/v1/openapi.json", "/static/")


def home_of(app: Flask, endpoint: str) -> str:
    """The module that declared it; decorators may have wrapped the function itself."""
    blueprint = app.blueprints.get(endpoint.rpartition(".")[0])
    return blueprint.import_name if blueprint else app.view_functions[endpoint].__module__


def routes(app: Flask) -> list[str]:
    lines = set()
    for rule in app.url_map.iter_rules():
        methods = sorted(rule.methods - {"HEAD", "OPTIONS"})
        module = home_of(app, rule.endpoint)
        socket = " (socket)" if rule.websocket else ""
        home = module if module.startswith("checkout.") else "flask"
        lines.add(f"{','.join(methods)} {rule.rule}{socket} {home}")
    return sorted(lines, key=lambda line: (line.split(" ")[1:], line))


def test_the_list_is_complete(session_app, pytestconfig):
    found = routes(session_app)
    if pytestconfig.getoption("--renew-routes"):
        LIST.write_text("\n".join(found) + "\n")
    assert LIST.read_text().splitlines() == found


def test_the_surface_of_a_url_names_its_file(session_app):
    wrong = []
    for line in routes(session_app):
        path, home = line.split(" ")[1], line.rpartition(" ")[2]
        surface = next((name for prefix, name in SURFACES.items() if path.startswith(prefix)), "")
        if not surface or path.startswith(OF_CORE) or home == "flask":
            continue
        if not home.endswith((f".{surface}_views", f"_{surface}_views")):
            wrong.append(f"{line} should be in a {surface}_views.py")
    assert not wrong, "\n".join(wrong)


def test_reading_changes_nothing(session_app):
    """An address answers GET or changes something, never both under one function."""
    both = [
        rule.rule
        for rule in session_app.url_map.iter_rules()
        if "GET" in rule.methods and rule.methods & {"POST", "PUT", "PATCH", "DELETE"}
    ]
    # Providers choose the method of their notices, and their pretend selves do too.
    assert [path for path in both if not path.startswith(("/hooks/", "/fake/"))] == []
