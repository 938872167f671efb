"""ZaloPay's payment gateway: orders that are paid in its app, on its page or by its QR code."""
