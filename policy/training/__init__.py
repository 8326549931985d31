"""How it is learnt: stages, losses, the training loop."""
