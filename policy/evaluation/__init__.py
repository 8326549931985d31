"""Closed-loop success in simulation: what is measured, who is measured, and what it comes to."""
