"""Reinforcement learning: PPO with the flow policy, on success in simulation."""
