"""The simulated ALOHA: one MuJoCo world that the simulated parts share."""
