"""Policies of others, for comparison through the same evaluation. The studio never uses them."""
