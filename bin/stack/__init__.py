"""The embedded stack: PostgreSQL, Redis and the product's processes on one machine.

Everything here runs on the standard library alone, because it works before there is an
environment and because the launcher should stay small while it watches over the others.
"""
