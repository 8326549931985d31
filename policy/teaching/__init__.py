"""Teaching a checkpoint something new in a quarter of an hour, without its forgetting the rest."""
