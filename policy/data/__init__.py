"""What there is to learn from: demonstrations, scenes, questions, and mixtures of them."""
