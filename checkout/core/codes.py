"""Every error code: its status and what it means. The document and `/docs` show this table."""

from __future__ import annotations

CODES: dict[str, tuple[int, str]] = {
    # Reading the request
    "bad_request": (400, "The request cannot be read."),
    "invalid_json": (400, "The body is not a JSON object."),
    "invalid_cursor": (400, "The cursor is not one that a list gave."),
    "invalid_idempotency_key": (400, "The Idempotency-Key is empty, too long or not ASCII."),
    "not_found": (404, "There is nothing at this address."),
    "resource_missing": (404, "There is no such object in this store and mode."),
    "method_not_allowed": (405, "This address does not take this method."),
    "body_too_large": (413, "The body is larger than 256 KiB."),
    "unsupported_media_type": (415, "The body must be sent as application/json."),
    "missing_required_field": (422, "A field is missing."),
    "unknown_field": (422, "A field or parameter is not known."),
    "invalid_type": (422, "A field has another type."),
    "invalid_value": (422, "A field's value is out of range or not one of the allowed."),
    "invalid_string": (422, "A text holds NUL or half a character."),
    "value_too_long": (422, "A text or list is too long."),
    "value_too_short": (422, "A text or list is too short."),
    "invalid_currency": (422, "This is not an ISO 4217 currency code."),
    "invalid_email": (422, "This is not an e-mail address."),
    "invalid_url": (422, "This is not an address that may be used here."),
    # Who calls
    "missing_api_key": (401, "No API key was sent."),
    "invalid_api_key": (401, "The API key is unknown or was revoked."),
    "secret_key_required": (403, "A publishable key does not open this call."),
    "publishable_key_required": (403, "A secret key does not belong into a browser."),
    "user_token_required": (403, "This call is for people, not for keys: send an access token."),
    "role_not_allowed": (403, "The user's role in the store does not allow this."),
    "key_not_allowed": (403, "The key is restricted to other actions."),
    "test_mode_only": (403, "This call exists in test mode only."),
    "rate_limited": (429, "Too many requests this minute; wait as Retry-After says."),
    "ip_blocked": (429, "The address failed to authenticate too often."),
    # Repeats
    "idempotency_key_in_use": (409, "The first request with this key is still running."),
    "idempotency_key_reused": (422, "This key was used with another request."),
    # Sessions and attempts
    "amount_mismatch": (422, "The amount is not the total of the line items."),
    "amount_not_allowed": (422, "The store lets no page say what a session costs."),
    "amount_too_small": (422, "The amount is below what the store or the rail allows."),
    "amount_too_large": (422, "The amount is above what the store or the rail allows."),
    "coupon_invalid": (422, "The coupon does not exist or cannot be used here."),
    "host_not_allowed": (422, "The address's host is not on the store's list."),
    "rail_not_available": (422, "This way to pay is not available here."),
    "customer_required": (422, "This needs a customer."),
    "insufficient_wallet_balance": (422, "The customer's wallet holds less than this."),
    "session_expired": (409, "The session has expired."),
    "session_not_active": (409, "The session has ended."),
    "max_attempts_reached": (409, "No further attempt is allowed."),
    "attempt_in_progress": (409, "An attempt is still live."),
    "provider_unavailable": (502, "The payment provider could not be reached."),
    "provider_not_configured": (409, "The account lacks what asking the provider needs."),
    "provider_timeout": (504, "The payment provider did not answer in time."),
    # Transfers
    "transfer_already_resolved": (409, "The transfer has been resolved already."),
    "action_not_available": (422, "This transfer cannot be resolved in this way."),
    "wrong_currency": (422, "The money is of another currency than the session."),
    # Webhooks
    "unknown_event_type": (422, "This is neither an event type nor a group of them."),
    "too_many_endpoints": (409, "The store has as many webhook endpoints as it may."),
    "endpoint_disabled": (409, "The webhook endpoint is disabled."),
    "delivery_in_progress": (409, "The delivery is being tried at this moment."),
    # Other doors
    "invalid_signature": (401, "The notice is not signed by the provider."),
    "invalid_token": (401, "The token is not valid."),
    "origin_not_allowed": (403, "The request came from another site."),
    "too_many_sockets": (429, "Too many open pages from this address."),
    "too_many_requests": (429, "Too many requests."),
    "forbidden": (403, "This is not allowed."),
    # Merchants
    "unknown_rail": (422, "There is no such rail."),
    "slug_taken": (409, "Another store has this slug."),
    # Ours
    "internal_error": (500, "Something went wrong on our side."),
    "service_unavailable": (503, "The service is briefly unavailable; try again."),
}
