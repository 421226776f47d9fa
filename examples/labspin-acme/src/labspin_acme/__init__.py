"""A supply, a procedure, a fit model and a sample of the Acme laboratory, as a package that labspin finds."""
