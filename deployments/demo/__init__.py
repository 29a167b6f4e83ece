"""Demo customers, and the main job done for one of them: what a newcomer sees first."""
