"""What changed from night to night: figures of a run, and the bands that those of earlier nights give."""
