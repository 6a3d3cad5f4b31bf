"""The checks, a folder a room: what a submission is asked, and the driver that asks it there."""
