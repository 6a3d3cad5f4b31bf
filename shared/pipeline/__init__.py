"""The one place where rooms are joined: loader, assembly, parts, supervisor."""
