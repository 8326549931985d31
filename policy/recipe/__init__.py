"""How a checkpoint is made from nothing: demonstrations, stages, measurements, and a release."""
