"""Customers' wallets: money that a shop holds for a customer until it is spent."""
