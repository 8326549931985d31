"""The safety kernel: what stands between any driver and any motor, the same for every robot."""
