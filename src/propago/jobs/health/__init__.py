"""The parts of `propago doctor`: look at files, give their values a meaning, say what is wrong."""
