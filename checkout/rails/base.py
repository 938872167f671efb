"""The rail contract: what every payment rail offers, in plain data.

A rail is a folder beside this file. It receives facts and settings and returns prompts and
notices; it never sees a database, a request or a template, so it can be tested with values
alone and a new one touches no file outside its folder.

All amounts are integers in the currency's minor unit; all times are aware UTC datetimes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol

SettingKind = Literal["text", "secret", "choice", "integer", "boolean"]
Outcome = Literal["succeeded", "failed", "pending", "ignored", "unreadable"]
Source = Literal["hook", "list"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One typed field of a rail account; forms, validation and encryption come from it."""

    name: str
    kind: SettingKind = "text"
    required: bool = False
    default: str | int | bool | None = None
    pattern: str | None = None
    """A full-match regular expression for text."""
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    help: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """A store's account at a provider, decrypted for one call."""

    id: str
    livemode: bool
    settings: Mapping[str, Any]
    code_prefixes: tuple[str, ...]
    """Every payment-code prefix this store has used, the current one first."""
    provider_url: str
    """Where the provider's API lives: the rail's own fake in test mode."""
    provider_page_url: str = ""
    """Where shoppers' browsers find the provider: its pretend pages in test mode."""
    hook_url: str = ""
    """Where the provider reaches this account's hook, for those that are told with each order."""
    store: str = ""
    """The id of the store: one account at a provider may serve several, told apart by it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a rail may know of an attempt."""

    id: str
    session: str
    code: str
    """The payment code with its hyphen, as people read it: HM-7K3QX9W."""
    memo: str
    """The same without the hyphen: what banks carry."""
    amount: int
    currency: str
    created_at: datetime
    expires_at: datetime
    provider_reference: str | None = None
    """Our reference at the provider (an order id, an MD5): the one in question, for a check."""
    description: str = ""
    reference: str | None = None
    locale: str = "vi"
    return_url: str | None = None
    """Where a provider's page or a bank app sends the shopper back to: /return/<rail>/<id>."""
    payer_address: str | None = None
    """The shopper's IP address, where the attempt was started by a browser; only for `open`."""
    customer_email: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    """What the prompt noted for later; empty before `open`."""


@dataclass(frozen=True, slots=True)
class Deeplink:
    """A button that opens a bank app."""

    app: str
    name: str
    url: str
    fills: bool = False
    """Whether the app is known to fill in the transfer; the others only open."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the shopper is shown so that they can pay."""

    kind: Literal["transfer", "redirect"]
    qr_payload: str | None = None
    transfer_details: Mapping[str, str] | None = None
    """bank_code, bank_name, bank_bin, account_number, account_name, memo."""
    deeplinks: tuple[Deeplink, ...] = ()
    redirect_url: str | None = None
    provider_reference: str | None = None
    expires_at: datetime | None = None
    """Where the prompt lives shorter than its attempt."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What the rail wants back in Attempt.details (a token, an id); never shown."""


@dataclass(frozen=True, slots=True)
class Match:
    """One way in which a notice may name an attempt."""

    kind: Literal["code", "reference"]
    value: str
    """A payment code without hyphen in upper case, or a provider reference of ours."""
    tier: int = 0
    """Lower tiers are asked first; a tier that knows an attempt ends the search."""
    exact_only: bool = False
    """A weak reading: counts only for an open attempt of exactly the notice's amount."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One verified movement of money, as the provider tells it."""

    provider_reference: str
    """The provider's id of the movement; unique per rail account."""
    source: Source
    outcome: Outcome
    raw: bytes
    amount: int | None = None
    currency: str | None = None
    account: str | None = None
    """The account that was credited; compared with Rail.accounts_of."""
    matches: tuple[Match, ...] = ()
    memo: str = ""
    payer: Mapping[str, str] | None = None
    occurred_at: datetime | None = None
    """The bank's own time of the movement; lateness is judged by it."""
    fingerprint: str | None = None
    """Recognises the same movement when hook and list name it by different ids."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Bank data worth keeping (gateway, reference code, …)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A hook that is not genuine. Nothing is stored; it is logged as a security event."""

    reason: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one notice, told to acknowledge."""

    stored: bool
    disposition: str | None = None
    """A transfer's disposition, 'failed', 'ignored', or None while it is not judged yet.

    A failure that names no attempt of ours is 'unknown_attempt'.
    """
    repeated: bool = False
    """It had been stored before; `disposition` says what became of it then."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """The notice's own details, from which a rail may tell which answer is due."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The exact HTTP answer that a provider expects."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    """More headers, such as a fake's Retry-After."""


@dataclass(frozen=True, slots=True)
class Refund:
    """What a rail may know of money that is to be given back."""

    id: str
    """Our own id of the refund: the same on every try, so that nothing is given back twice."""
    amount: int
    currency: str
    payment_amount: int
    refunded_before: int
    """What earlier refunds of the payment gave back, in minor units."""
    provider_reference: str
    """The provider's id of the movement that paid."""
    attempt_reference: str | None
    """Our reference of the attempt at the provider."""
    attempt_created_at: datetime
    paid_at: datetime
    created_at: datetime
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    """The details of the notice that paid."""
    known: Mapping[str, Any] = field(default_factory=dict)
    """The details of the last RefundResult of this refund."""


@dataclass(frozen=True, slots=True)
class RefundResult:
    """How a refund stands at the provider."""

    status: Literal["done", "pending", "refused", "by_hand"]
    provider_reference: str | None = None
    code: str = ""
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


class RailError(Exception):
    """The provider could not be asked or said no."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        temporary: bool,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.temporary = temporary
        self.retry_after_seconds = retry_after_seconds


class HttpClient(Protocol):
    """The outgoing client that core hands to a rail: deadlines, size limits, no redirects.

    Any status is an answer; a call that got none raises a temporary RailError.
    """

    def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_seconds: float = 12.0,
    ) -> HttpAnswer: ...


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class Rail:
    """Base of every rail; subclasses are stateless."""

    name: ClassVar[str]
    label: ClassVar[str]
    """A brand's own name, or the key of a text in the catalogues."""
    currencies: ClassVar[tuple[str, ...]]
    """ISO 4217 codes; empty means every currency."""
    settings: ClassVar[tuple[Setting, ...]]
    calls_out: ClassVar[bool] = False
    """Whether open talks to the provider, so that it must run outside a transaction."""
    instant: ClassVar[bool] = False
    """Paid from the customer's own wallet in the moment it is chosen; nothing is opened."""
    opens_app: ClassVar[bool] = False
    """Paid in an app, so that it stands first on phones."""
    renews: ClassVar[bool] = False
    """Whether a prompt that runs out inside its attempt is opened again, under a new reference."""
    finds_links: ClassVar[bool] = False
    """Whether find_links asks the provider for app links once the prompt is on the page."""
    closes: ClassVar[bool] = False
    """Whether close tells the provider that an attempt is over."""
    ends_on_failure: ClassVar[bool] = True
    """Whether a failure is the provider's last word on a reference; else it is asked about on."""
    lists: ClassVar[bool] = False
    """Whether backfill lists the account's movements; else each attempt is asked about."""
    ask_seconds: ClassVar[tuple[int, ...]] = (30, 60)
    """Waits before each question about one reference; the last one repeats."""
    ask_at_once: ClassVar[int] = 1
    """How many attempts one check may ask about."""
    asks_per_minute: ClassVar[int] = 60
    """How many checks of one account the provider bears."""
    hooks: ClassVar[bool] = True
    """Whether the provider tells of money by itself; else it is only ever asked."""
    hook_method: ClassVar[Literal["POST", "GET"]] = "POST"
    """How the provider calls the hook; any other method is refused and stores nothing."""
    takes_parts: ClassVar[bool] = False
    """Whether open may be repeated for what is left after a part has arrived."""
    default_minutes: ClassVar[int] = 15
    """How long an attempt lives, inside its session's own deadline."""
    minimum: ClassVar[Mapping[str, int]] = {}
    """Least amount per currency, in minor units; 1 where absent."""
    maximum: ClassVar[Mapping[str, int]] = {}

    def provider_url(self, settings: Mapping[str, Any], livemode: bool) -> str:
        """The provider's base address for live accounts."""
        raise NotImplementedError

    def provider_page_url(self, settings: Mapping[str, Any]) -> str:
        """Where browsers find a live account's provider, if not at the API's address."""
        return self.provider_url(settings, livemode=True)

    def page_origins(self, account: Account) -> tuple[str, ...]:
        """Origins (https://host) that a redirect prompt may lead to; browsers must allow them."""
        return ()

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        """What is wrong between fields that are each well formed: (field, message) pairs."""
        return ()

    def can_ask(self, account: Account) -> bool:
        """Whether check and backfill have what they need, such as a token for the provider."""
        return True

    def accounts_of(self, account: Account) -> frozenset[str]:
        """The account numbers on which money for this rail account may arrive."""
        raise NotImplementedError

    def reference_of(self, attempt: Attempt, account: Account) -> str | None:
        """The reference under which open will tell the provider of this attempt.

        Known before the provider is, so that a notice that overtakes open's answer is matched.
        """
        return None

    def open(self, attempt: Attempt, account: Account, http: HttpClient, now: datetime) -> Prompt:
        """What the shopper is to be shown. `now` is the store's time.

        Opening again makes a fresh prompt for the same attempt. Raises RailError.
        """
        raise NotImplementedError

    def find_links(
        self, attempt: Attempt, account: Account, http: HttpClient
    ) -> tuple[Deeplink, ...]:
        """App links of the attempt's prompt, asked for once; `details` has what open noted.

        Raises RailError; the page does without them.
        """
        return ()

    def close(
        self, attempt: Attempt, account: Account, http: HttpClient, now: datetime
    ) -> Sequence[Notice]:
        """Tell the provider that an unpaid attempt is over; gives what it has turned out to be."""
        return ()

    def read_return(
        self, query: Mapping[str, str], account: Account
    ) -> Literal["done", "cancelled", "unknown"]:
        """What the provider's page says to the shopper's browser; shown, never believed."""
        return "unknown"

    def read_hook(
        self,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        body: bytes,
        account: Account,
        now: datetime,
    ) -> Sequence[Notice] | Refusal:
        """Verify, then parse. `headers` has its names in lower case.

        `now` is the real time even in test mode: signatures carry it.
        """
        raise NotImplementedError

    def acknowledge(self, receipts: Sequence[Receipt]) -> Answer:
        raise NotImplementedError

    def refuse(self, refusal: Refusal) -> Answer | None:
        """The provider's own failure answer; None for 401 in our envelope."""
        return None

    def check(
        self, attempts: Sequence[Attempt], account: Account, http: HttpClient, now: datetime
    ) -> Sequence[Notice]:
        raise NotImplementedError

    def backfill(
        self, account: Account, since: datetime, until: datetime, http: HttpClient
    ) -> Iterator[Notice]:
        """Movements of that time (where `lists`)."""
        raise NotImplementedError

    def probe(self, account: Account, http: HttpClient, now: datetime) -> str:
        """One harmless call that shows whether the settings work; what came back, in a line.

        Raises RailError.
        """
        raise NotImplementedError

    def renew_settings(
        self, account: Account, http: HttpClient, now: datetime
    ) -> Mapping[str, Any]:
        """Settings that the provider has changed, such as a token that was about to run out.

        Asked once in a while, and when a verb raised RailError `token_expired`: that verb is
        then tried once more with what this gave. The account stays the same one, since open
        attempts ask with it. `now` is the real time. Empty where all is well; raises RailError
        where the operator has to act.
        """
        return {}

    def refund(
        self, refund: Refund, account: Account, http: HttpClient, now: datetime
    ) -> RefundResult:
        """Give money back. A temporary RailError means that nobody knows: ask check_refund.

        Rails without such a call answer `by_hand`.
        """
        return RefundResult("by_hand")

    def check_refund(
        self, refund: Refund, account: Account, http: HttpClient, now: datetime
    ) -> RefundResult:
        """How a refund stands that was asked for before."""
        return RefundResult("by_hand")


class Shelf(Protocol):
    """Where a fake keeps what it must remember; core gives one per rail account."""

    def put(self, kind: str, key: str, data: Mapping[str, Any]) -> None:
        """Store or replace one record."""

    def get(self, kind: str, key: str) -> dict[str, Any] | None: ...

    def list(self, kind: str) -> list[dict[str, Any]]:
        """All records of a kind, oldest first."""

    def next_number(self) -> int:
        """A number never given before for this rail account, for provider ids."""


@dataclass(frozen=True, slots=True)
class FakeCall:
    """A call that the pretend provider makes to the rail's own hook, over real HTTP."""

    method: str
    path: str
    """/hooks/<rail>/<rail account>, with its query."""
    headers: Mapping[str, str]
    body: bytes
    retry_key: str = ""
    """What Fake.renew needs to sign the same notice afresh."""


@dataclass(frozen=True, slots=True)
class FakeRequest:
    """A request to the pretend provider's own endpoints."""

    method: str
    path: str
    """Below /fake/<rail>/<rail account>, starting with a slash."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class FakeChoice:
    """A button of a pretend provider's page."""

    name: str
    """Posted as `choice`, and the end of the text's key `pretend.<name>`."""
    primary: bool = False


@dataclass(frozen=True, slots=True)
class FakePage:
    """A page of the pretend provider for the shopper's browser, as plain data."""

    brand: str
    amount: int
    currency: str
    reference: str
    action: str
    """The path below the fake's address that its form posts to."""
    choices: tuple[FakeChoice, ...]


@dataclass(frozen=True, slots=True)
class FakeReply:
    """What the pretend provider answers, and the notices that it then sends."""

    answer: Answer | FakePage
    calls: tuple[FakeCall, ...] = ()


class Fake:
    """The pretend provider: it speaks the provider's side of the protocol."""

    retry_minutes: ClassVar[tuple[int, ...]] = ()
    """The provider's waits between tries, when our answer is not what it wants."""

    def demo_settings(self, new_secret: Callable[[], str]) -> dict[str, Any]:
        """Settings of an account at the pretend provider, for the demo store and for tests.

        `new_secret` gives a fresh secret of URL-safe characters for each call.
        """
        raise NotImplementedError

    def pay(
        self,
        attempt: Attempt,
        account: Account,
        shelf: Shelf,
        *,
        amount: int,
        memo: str | None,
        outcome: Literal["success", "failure"],
        now: datetime,
        sent_at: datetime,
    ) -> Sequence[FakeCall]:
        """Move pretend money and give the calls that announce it.

        `now` is the bank's time (the store's test clock), `sent_at` the real time that
        signatures carry.
        """
        raise NotImplementedError

    def renew(self, call: FakeCall, account: Account, shelf: Shelf, sent_at: datetime) -> FakeCall:
        """The same notice signed afresh for a retry."""
        raise NotImplementedError

    def accepted(self, status: int, body: bytes) -> bool:
        """Whether the provider takes this answer as success."""
        raise NotImplementedError

    def serve(
        self,
        request: FakeRequest,
        account: Account,
        shelf: Shelf,
        *,
        now: datetime,
        sent_at: datetime,
    ) -> FakeReply:
        """Answer a call to the provider's API or a browser on its pages.

        Faults on demand are none of its business: they stand in front of every fake alike.
        """
        raise NotImplementedError
