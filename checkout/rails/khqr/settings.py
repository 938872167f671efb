"""What a merchant declares of their Bakong account."""

from __future__ import annotations

from checkout.rails.base import Setting

LIVE_URL = "https://api-bakong.nbc.gov.kh"
LABEL = r".{0,25}"
JWT_FORM = r"[!-~]{1,4000}"

SETTINGS = (
    Setting(
        "bakong_account_id",
        required=True,
        pattern=r"(?=.{3,32}$)[0-9A-Za-z._+-]+@[0-9A-Za-z._-]+",
        help="The Bakong account that receives the money, such as sok_dara@abaa.",
    ),
    Setting(
        "kind",
        kind="choice",
        choices=("individual", "merchant"),
        default="individual",
        help="A merchant has a merchant id from an acquiring bank.",
    ),
    Setting("merchant_id", pattern=r".{0,32}", help="The merchant id that the bank gave."),
    Setting(
        "acquiring_bank",
        pattern=r".{0,32}",
        help="The bank behind the account; merchants need it.",
    ),
    Setting(
        "account_information",
        pattern=r".{0,32}",
        help="Bank account or phone number behind an individual's Bakong account.",
    ),
    Setting(
        "merchant_name",
        required=True,
        pattern=r".{1,25}",
        help="The name that bank apps show, in Latin letters.",
    ),
    Setting("merchant_city", pattern=r".{1,15}", default="Phnom Penh", help="The city."),
    Setting(
        "merchant_category_code",
        pattern=r"[0-9]{4}",
        default="5999",
        help="The category of the business, four digits.",
    ),
    Setting("store_label", pattern=LABEL, help="A label of the shop or branch, on receipts."),
    Setting(
        "language",
        pattern=r"[a-z]{2}",
        default="km",
        help="The language of the second name, two letters.",
    ),
    Setting("local_name", pattern=LABEL, help="The name in that language, such as in Khmer."),
    Setting("local_city", pattern=r".{0,15}", help="The city in that language."),
    Setting(
        "token",
        kind="secret",
        required=True,
        pattern=JWT_FORM,
        help="The token of Bakong's Open API; without it no payment is ever seen.",
    ),
    Setting(
        "email",
        pattern=r"[^@\s]{1,64}@[^@\s]{1,190}",
        help="The address registered with the Open API; renews the token before it runs out.",
    ),
    Setting(
        "base_url",
        pattern=r"https://[0-9A-Za-z.-]+(:[0-9]{1,5})?/?",
        default=LIVE_URL,
        help="Bakong's Open API; https://sit-api-bakong.nbc.gov.kh is the one for tests.",
    ),
    Setting(
        "app_icon_url",
        pattern=r"https://[!-~]{1,500}",
        help="Picture of the shop; with it, bank apps lead the shopper back to the page.",
    ),
    Setting(
        "attempt_minutes",
        kind="integer",
        default=60,
        minimum=1,
        maximum=1440,
        help="How long a payment is waited for; its QR code changes every ten minutes.",
    ),
)
