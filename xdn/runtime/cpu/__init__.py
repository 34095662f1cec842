"""The backend that compiles machine code for this processor."""
