"""Text made by rule for training and for exams."""
