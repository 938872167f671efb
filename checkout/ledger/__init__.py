"""Double entry: where every amount is, and where it came from."""
