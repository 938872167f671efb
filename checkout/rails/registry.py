"""Finds the rails: each folder beside this file is one, and its name is the rail's name."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from checkout import rails
from checkout.rails.base import Fake, Rail

_own: dict[str, Rail] = {}
"""Ways to pay without an outside provider, offered by areas: the wallet."""


@cache
def folders() -> tuple[str, ...]:
    """The names of the rails with a provider outside, sorted."""
    return tuple(
        sorted(found.name for found in pkgutil.iter_modules(rails.__path__) if found.ispkg)
    )


def names() -> tuple[str, ...]:
    """Every way to pay, sorted."""
    return tuple(sorted((*folders(), *_own)))


def add_rail(rail: Rail) -> None:
    """Add a way to pay that has no folder here; called once by wiring."""
    _own[rail.name] = rail


def get_rail(name: str) -> Rail:
    """The way to pay of that name. Raises KeyError for one that nobody offers."""
    return _own.get(name) or _load_rail(name)


@cache
def _load_rail(name: str) -> Rail:
    rail = _attribute(name, module="rail", attribute="RAIL")
    if not isinstance(rail, Rail):
        raise TypeError(f"checkout.rails.{name}.rail.RAIL is not a Rail")
    return rail


@cache
def get_fake(name: str) -> Fake:
    """The pretend provider of that rail. Raises KeyError for a name that no folder has."""
    fake = _attribute(name, module="fake", attribute="FAKE")
    if not isinstance(fake, Fake):
        raise TypeError(f"checkout.rails.{name}.fake.FAKE is not a Fake")
    return fake


def _attribute(name: str, *, module: str, attribute: str) -> object:
    # Names arrive in URLs: only a folder that was found is ever imported.
    if name not in folders():
        raise KeyError(name)
    return getattr(importlib.import_module(f"checkout.rails.{name}.{module}"), attribute)
