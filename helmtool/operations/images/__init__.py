"""The verbs of the image: build, push, run, backup, restore."""
