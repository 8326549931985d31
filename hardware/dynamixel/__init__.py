"""DYNAMIXEL servos of the X series on a serial bus. Knows no arm."""
