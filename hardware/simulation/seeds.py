"""Seeds of simulated starts: those for training, and where those kept for measuring begin."""

VALIDATION_SEED, TEST_SEED, RESERVED_SEED = 500_000, 600_000, 700_000
"""The first start for choosing between policies, for testing the chosen one, and for checks by
others. Training uses those below all of them."""
