"""What money does to sessions, told a second time in as few words as will do: a reference.

Time is whole minutes of the test clock. In the tests the real clock adds some seconds to each,
and always more to what happens later: so "at the same minute or after it" is "at or after".
"""

from __future__ import annotations

from dataclasses import dataclass, field

GRACE = 15
CODE_LIVES = 15
FEE_BPS = 250
LIVE = ("open", "processing")


@dataclass(eq=False)
class Attempt:
    id: str
    expires: int
    status: str = "pending"


@dataclass(eq=False)
class Session:
    id: str
    amount: int
    deadline: int
    max_attempts: int
    late_from: int
    """When money is late: the deadline, or the merchant's earlier word."""
    status: str = "open"
    received: int = 0
    attempts_used: int = 0
    expired_reason: str | None = None
    paid: int | None = None
    paid_late: bool = False
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def live_attempt(self) -> Attempt | None:
        return next((a for a in self.attempts if a.status == "pending"), None)

    @property
    def payment_status(self) -> str:
        if self.status == "completed":
            return "overpaid" if self.received > self.amount else "paid"
        return "partially_paid" if self.received else "unpaid"

    @property
    def due(self) -> int:
        return 0 if self.status == "completed" else max(0, self.amount - self.received)


@dataclass(eq=False)
class Transfer:
    reference: str
    amount: int
    disposition: str
    session: Session | None
    attempt: Attempt | None
    held: int = 0
    part_of: Session | None = None


class Refused(Exception):
    """What the API says no with."""


class Shop:
    """Sessions, transfers and where all the money lies."""

    def __init__(self) -> None:
        self.now = 0
        self.sessions: dict[str, Session] = {}
        self.transfers: dict[str, Transfer] = {}
        self.written_off = 0
        self.income = 0

    # Sessions

    def create(self, id_: str, amount: int, minutes: int, max_attempts: int) -> None:
        deadline = self.now + minutes
        self.sessions[id_] = Session(id_, amount, deadline, max_attempts, late_from=deadline)

    def start(self, session: Session, *, retry: bool) -> None:
        """What starting needs; raises Refused. The caller then gives it its id."""
        self._refuse_ended(session)
        live, used = session.live_attempt, session.attempts_used
        lapsed = live is not None and self.now >= live.expires
        if used + lapsed >= session.max_attempts:
            raise Refused("max_attempts_reached")
        if retry and live is not None and not lapsed:
            raise Refused("attempt_in_progress")
        if live is not None:
            live.status = "expired" if lapsed else "superseded"
        session.attempts_used += lapsed
        session.status = "processing"

    def started(self, session: Session, id_: str) -> None:
        expires = min(session.deadline, self.now + CODE_LIVES)
        session.attempts.append(Attempt(id_, expires))

    def end(self, session: Session, word: str) -> None:
        """The merchant cancels or expires, the shopper abandons; raises Refused."""
        status = {"cancel": "cancelled", "expire": "expired", "abandon": "abandoned"}[word]
        if session.status == status:
            return
        if session.status not in LIVE or word != "expire":
            self._refuse_ended(session)
        session.status = status
        if word == "expire":
            session.expired_reason = "merchant"
            session.late_from = min(session.deadline, self.now)
        if session.live_attempt:
            session.live_attempt.status = "cancelled"

    def advance(self, minutes: int, *, sweep: bool) -> None:
        self.now += minutes
        for session in self.sessions.values():
            if sweep and session.status in LIVE:
                self._sweep(session)

    def _sweep(self, session: Session) -> None:
        live = session.live_attempt
        if self.now >= session.deadline:
            exhausted = session.attempts_used >= session.max_attempts
            session.expired_reason = "attempts_exhausted" if exhausted else "timeout"
            session.status = "expired"
        elif live is None or self.now < live.expires:
            return
        else:
            session.status = "open"
        if live is not None:
            live.status = "expired"
            session.attempts_used += 1

    def _refuse_ended(self, session: Session) -> None:
        over = session.status in LIVE and self.now >= session.deadline
        if over or session.status == "expired":
            raise Refused("session_expired")
        if session.status not in LIVE:
            raise Refused("session_not_active")

    # Money

    def pay(
        self, reference: str, amount: int, at: int, session: Session | None, attempt: Attempt | None
    ) -> None:
        transfer = Transfer(reference, amount, "", session, attempt, held=amount)
        self.transfers[reference] = transfer
        if session is None:
            transfer.disposition = "unknown_code"
        elif session.status == "completed":
            transfer.disposition = "duplicate"
        elif session.status == "cancelled" or at >= session.late_from + GRACE:
            transfer.disposition = "late"
        else:
            self._settle(transfer, session, late=at >= session.late_from)

    def _settle(self, transfer: Transfer, session: Session, *, late: bool) -> None:
        """The transfer's held money is a part of the session or completes it."""
        if session.received + transfer.held < session.amount:
            transfer.disposition = "partial"
            transfer.part_of = session
            session.received += transfer.held
        else:
            self._complete(transfer, session, late=late)

    def _complete(self, transfer: Transfer, session: Session, *, late: bool) -> None:
        session.received += transfer.held
        surplus = max(0, session.received - session.amount)
        session.paid, session.paid_late = session.received - surplus, late
        session.status, session.expired_reason = "completed", None
        for other in self.transfers.values():
            if other.part_of is session:
                other.held = 0
        transfer.held, transfer.part_of = surplus, None
        transfer.disposition = "over" if surplus else "matched"
        chosen = transfer.attempt
        if chosen not in session.attempts:
            chosen = session.attempts[-1] if session.attempts else None
        for attempt in session.attempts:
            if attempt is chosen:
                attempt.status = "succeeded"
            elif attempt.status == "pending":
                attempt.status = "cancelled"

    # A person's word

    def resolve(self, transfer: Transfer, action: str, target: Session | None) -> None:
        if not transfer.held:
            raise Refused("transfer_already_resolved")
        if action == "assign":
            assert target is not None
            self._assign(transfer, target)
        elif action == "write_off":
            self._withdraw(transfer)
            self.written_off += transfer.held
            transfer.held = 0
        else:
            self._accept(transfer)

    def _accept(self, transfer: Transfer) -> None:
        session = transfer.session
        named = transfer.disposition in ("late", "partial")
        if session is None or session.status == "completed" or not named:
            self.income += transfer.held
            transfer.held = 0
            return
        late = transfer.disposition == "late"
        self._withdraw(transfer)
        self._complete(transfer, session, late=late)

    def _assign(self, transfer: Transfer, target: Session) -> None:
        if transfer.part_of is target:
            raise Refused("invalid_value")
        if target.status == "completed":
            raise Refused("session_not_active")
        ended = target.status not in LIVE
        if ended and target.received + transfer.held < target.amount:
            raise Refused("amount_too_small")
        self._withdraw(transfer)
        self._settle(transfer, target, late=ended)
        transfer.session = target
        if transfer.attempt not in target.attempts:
            transfer.attempt = target.attempts[-1] if target.attempts else None

    def _withdraw(self, transfer: Transfer) -> None:
        if transfer.part_of is not None:
            transfer.part_of.received -= transfer.held
            transfer.part_of = None

    # The ledger

    def balances(self) -> dict[str, int]:
        paid = [session.paid for session in self.sessions.values() if session.paid is not None]
        fees = sum(amount * FEE_BPS // 10_000 for amount in paid)
        came = sum(transfer.amount for transfer in self.transfers.values())
        found = {
            "clearing:vietqr": self.written_off - came,
            "suspense": sum(transfer.held for transfer in self.transfers.values()),
            "store_balance": sum(paid) - fees + self.income,
            "fees": fees,
        }
        return {kind: balance for kind, balance in found.items() if balance}
