"""Pages of the dashboard that show several areas at once."""
