"""The network: Qwen-VLA from pictures and words to actions, and what is saved with it."""
