"""Where a delivery can stand, and the words that say why it stopped."""

from __future__ import annotations

from typing import Literal

DeliveryStatus = Literal["waiting", "delivered", "exhausted", "cancelled"]

DISABLED = "endpoint_disabled"
"""A delivery's last error when its endpoint was disabled before it arrived."""
