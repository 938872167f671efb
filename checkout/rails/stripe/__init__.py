"""Cards on Stripe's hosted page, through Stripe's official SDK."""
