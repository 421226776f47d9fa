"""The HDF5 file: how a run is laid out in NeXus, published whole, sealed and read."""
