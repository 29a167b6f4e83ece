"""The cancel page: complete without JavaScript, with leaving never more than one press away (FEATURES U11, U17)."""
