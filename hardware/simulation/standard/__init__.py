"""The two standard ALOHA tasks, in their makers' own Gymnasium environment."""
