"""A crude part for each port, so that the pipeline runs from the first day.

They give no solution away: each shows, in a few lines, what goes wrong without the room.
"""
