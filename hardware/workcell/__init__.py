"""A real workcell: its file, the robot built from it, and the doctor that looks it over."""
