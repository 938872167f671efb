"""KHQR strings, paid from any Cambodian bank app and found by asking Bakong."""
