"""A class's results in the forms that others read. Each takes the whole class, writes files."""
