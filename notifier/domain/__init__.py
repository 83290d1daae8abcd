"""Floor 0: decides. Pure functions of facts and `now`; the standard library only."""
