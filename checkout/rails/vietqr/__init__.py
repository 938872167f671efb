"""VietQR bank transfers, learned of through SePay's notices and its list of transactions."""
