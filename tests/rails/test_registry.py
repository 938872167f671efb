from __future__ import annotations

import pytest

from checkout.rails import registry
from checkout.rails.base import Fake, Rail


def test_the_vietqr_folder_is_found_by_its_name() -> None:
    assert "vietqr" in registry.names()
    assert isinstance(registry.get_rail("vietqr"), Rail)
    assert isinstance(registry.get_fake("vietqr"), Fake)


@pytest.mark.parametrize("name", ["", "nowhere", "base", "registry", "..", "vietqr.rail", "os"])
def test_a_name_without_a_folder_is_unknown(name: str) -> None:
    with pytest.raises(KeyError):
        registry.get_rail(name)
    with pytest.raises(KeyError):
        registry.get_fake(name)
