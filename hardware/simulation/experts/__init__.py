"""Scripted agents that do the tasks, looking at the true poses of their world's things."""
