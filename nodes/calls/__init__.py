"""The nodes of `call-customer`, which hands a call to the vendor that asks customers why they left."""
