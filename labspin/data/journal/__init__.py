"""The journal: each acknowledged point, on the disk before anything else happens."""
