"""Which pages elsewhere are the shop's own."""

from __future__ import annotations

from checkout.core.origin import host_of_origin
from checkout.merchants.settings import StoreSettings


def is_shops_page(origin: str, livemode: bool, settings: StoreSettings) -> bool:
    """Whether an Origin header names a host on the store's list; in test mode any page does.

    Compared by scheme (https), host and port.
    """
    if not livemode:
        return True
    allowed = {host.removesuffix(":443") for host in settings.allowed_hosts}
    return host_of_origin(origin) in allowed
