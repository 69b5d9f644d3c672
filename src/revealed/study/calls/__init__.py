"""How many calls a precision takes, by strategy: simulated, bounded, tabulated, priced."""
