"""`python -m checkout.ops.developer`."""

from __future__ import annotations

from checkout.ops.developer.cli import group

group(prog_name="checkout")
