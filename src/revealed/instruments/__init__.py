"""What to ask: stimuli, goods at quantities in grammatical English, prompt arms.

Knows nothing of who is asked or of what was answered.
"""
