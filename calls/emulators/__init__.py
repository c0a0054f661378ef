"""The other two parties of a call, written from the vendors' documents; they import nothing of `calls`."""
