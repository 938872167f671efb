"""`bin/checkout`: commands for those who connect a shop to this product.

They speak the public API and nothing else, so they work against any installation.
"""
