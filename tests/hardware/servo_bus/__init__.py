"""An emulated DYNAMIXEL bus on a pseudo-terminal, for tests; no device of the product."""
