"""The fault laboratory: one fault after another against a real server, judged by what the caller's ear received."""
