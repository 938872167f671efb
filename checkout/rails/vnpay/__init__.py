"""VNPay: its hosted payment page, its notices (IPN), its query and refund API."""
