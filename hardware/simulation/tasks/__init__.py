"""What the simulated ALOHA can be told to do, and how physics says whether it was done."""
