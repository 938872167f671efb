"""Checkout sessions: one purchase on its way to being paid."""
