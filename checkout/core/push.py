"""Live pushes."""

from checkout.core.db import after_commit


def changed(session_id: str) -> None:
    after_commit(lambda: None, key=("push", session_id))
