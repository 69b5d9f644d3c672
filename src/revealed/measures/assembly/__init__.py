"""A citizen assembly: what its profiles chose, how sure that is, and what the simulator adds.

Everything here is elicited from a simulator that is told to answer as somebody; nobody was polled.
"""
