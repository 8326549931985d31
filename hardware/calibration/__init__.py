"""Where cameras are and how their lenses bend: found with a printed board."""
