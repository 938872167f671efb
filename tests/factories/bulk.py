"""Sessions and payments in bulk, written by SQL: some of everything, most of it alike."""

from __future__ import annotations

from checkout.core.db import driver, unit_of_work
from tests.factories.stores import Shop

# Ids tell their time: one row a minute, the newest a minute ago.
_ID = """
    '{0}_' || (SELECT string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz',
        ((ms << 2) >> (45 - 5 * k) & 31)::int + 1, 1), '' ORDER BY k) FROM generate_series(0, 9) k)
    || lpad(n::text, 18, '0')
"""
_SOURCE = """
    FROM (SELECT n, now() - n * interval '1 minute' AS at,
        (extract(epoch FROM now() - n * interval '1 minute') * 1000)::bigint AS ms
        FROM generate_series(1, %(count)s) AS n) AS source
"""
_SESSIONS = f"""
INSERT INTO checkout_session (id, store_id, livemode, mode, status, payment_status, seq, amount,
    currency, reference, rails, max_attempts, created_at, expires_at, reminds)
SELECT {_ID.format("cs")}, %(store_id)s, %(livemode)s, 'payment',
    CASE WHEN n %% 1000 = 999 THEN 'cancelled' ELSE 'completed' END,
    CASE WHEN n %% 1000 = 999 THEN 'unpaid' ELSE 'paid' END,
    3, 150000 + (n %% 5) * 1000, CASE WHEN n > %(count)s - 3 THEN 'USD' ELSE 'VND' END,
    'BK-' || n, ARRAY['vietqr'], 3, at, at + interval '15 minutes', false {_SOURCE}
"""
_PAYMENTS = f"""
INSERT INTO payment (id, store_id, livemode, session_id, transfer_id, rail, amount, fee,
    currency, status, late, provider_reference, reference, paid_at, created_at)
SELECT {_ID.format("pay")}, %(store_id)s, %(livemode)s, {_ID.format("cs")}, 'trf_' || n,
    CASE WHEN n > %(count)s - 3 THEN 'stripe' WHEN n %% 2 = 0 THEN 'vietqr' ELSE 'zalopay' END,
    150000 + (n %% 5) * 1000, 0, CASE WHEN n > %(count)s - 3 THEN 'USD' ELSE 'VND' END,
    CASE WHEN n > %(count)s - 3 THEN 'refunded' ELSE 'succeeded' END, n %% 997 = 996, 'FT' || n,
    'BK-' || n, at, at {_SOURCE}
"""


def fill_payments(shop: Shop, count: int) -> None:
    """Committed, analysed rows: one payment a minute, back from now.

    The three oldest are refunded cards in dollars; one in a thousand is late.
    """
    given = {"store_id": shop.store.id, "livemode": shop.livemode, "count": count}
    with unit_of_work():
        for statement in (_SESSIONS, _PAYMENTS):
            driver().execute(statement, given)
        driver().execute("ANALYZE checkout_session, payment")
