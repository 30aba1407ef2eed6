"""From a picture to digits, and why."""
