"""Attempts to pay, the transfers that answer them, and the payments that come of both."""
